"""Whose file is it? Yours, Django's, a library's, or one that is never to blame."""

from __future__ import annotations

import csv
import json
import os
import sys
import sysconfig
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import distributions
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

# The roles of a source file. The first two, and "library:<package>", are also the origins of a hop.
PROJECT = "project"
DJANGO = "django"
PLUMBING = "plumbing"
EDGE = "edge"

# A module or a package by the parts of its dotted name.
_Name = tuple[str, ...]

ROLES_OF_PACKAGES = {
    "_pytest": EDGE,  # What runs a test did not cause what the test does.
    "asgiref": PLUMBING,
    "django": DJANGO,
    "pluggy": PLUMBING,
    "psycopg": PLUMBING,
    "psycopg_pool": PLUMBING,
    "pytest_dbperf": PLUMBING,
}
# What only carries a call to a thread: whoever calls it decided on the hop.
_CARRIERS: Sequence[_Name] = (
    ("anyio", "to_thread"),
    ("anyio", "_backends"),
    ("channels", "db"),
    ("starlette", "concurrency"),
)
_PACKAGE_DIRECTORIES = ("site-packages", "dist-packages")
_STANDARD_LIBRARY = (sysconfig.get_path("stdlib") + os.sep, str(Path(os.__file__).parent) + os.sep)


@dataclass(frozen=True, slots=True)
class _Ground:
    """Where the project lies, and which packages are yours wherever they lie."""

    root: Path
    packages: Sequence[_Name]


# Without pytest, a project is where a script was started.
_ground = _Ground(Path.cwd(), ())


def settle(root: Path, packages: Sequence[str]) -> Callable[[], None]:
    """Say where the project lies, and which other packages are yours; hand back the way to undo it."""
    before = _ground
    _stand_on(_Ground(root, [_parts(package) for package in packages]))
    return lambda: _stand_on(before)


def _stand_on(ground: _Ground) -> None:
    global _ground  # noqa: PLW0603  # The only state of this module.
    _ground = ground
    _editable_folders.cache_clear()
    _packages_with_settings.cache_clear()


def whose(filename: str) -> str:
    """Tell the role of a file, from where it lies. It costs some system calls: remember the answer."""
    if filename.startswith("<"):
        return PLUMBING
    path = Path(os.path.abspath(filename))  # noqa: PTH100  # Links are followed where that is wanted.
    # Before anything else: a virtual environment may lie inside the project, or inside the standard library.
    site = _site_around(path)
    if site is not None:
        return _role_in_site(path, site)
    if filename.startswith(_STANDARD_LIBRARY):
        return PLUMBING
    for package, role in ROLES_OF_PACKAGES.items():
        # An editable install or a PYTHONPATH puts a package anywhere.
        location = getattr(sys.modules.get(package), "__file__", None)
        if location and path.is_relative_to(Path(location).parent):
            return role
    if _is_outside_yours(path):
        base = _base_of(path)
        return _role_of_module(_module(path.relative_to(base).parts), base)
    return PROJECT


def _site_around(path: Path) -> Path | None:
    folders = path.parts[:-1]
    place = max((place for place, part in enumerate(folders) if part in _PACKAGE_DIRECTORIES), default=None)
    return None if place is None else Path(*folders[: place + 1])


def _role_in_site(path: Path, site: Path) -> str:
    module = _module(path.relative_to(site).parts)
    if module[0] in ROLES_OF_PACKAGES:
        return ROLES_OF_PACKAGES[module[0]]
    if site in _ground.root.parents and path.is_relative_to(_ground.root):
        return PROJECT  # pytest was started inside a package there.
    # `flit install --symlink` links a folder. uv may link each file, to a cache that lies anywhere.
    real = Path(os.path.realpath(path.parent), path.name)
    if _site_around(real) is None and _contains(_ground.root, real):
        return PROJECT
    if _is_within(module, _packages_with_settings(site, os.environ.get("DJANGO_SETTINGS_MODULE", ""))):
        return PROJECT
    return _role_of_module(module, site)


def _is_outside_yours(path: Path) -> bool:
    """Tell whether a file outside site-packages is a library's. In doubt it is yours, and seen by budgets."""
    root, prefix = _ground.root, Path(sys.prefix)
    # `pip install -e git+...` clones to the folder src of the virtual environment.
    is_in_environment = _contains(prefix, path) and not _contains(prefix, root)
    if not is_in_environment and _contains(root, path):
        return False
    around = [folder for folder in _editable_folders() if _contains(folder, path)]
    editable = max(around, key=_depth, default=None)
    if editable is not None and _has_settings(editable):
        return False
    return is_in_environment or (editable is not None and not _contains(editable, root))


def _role_of_module(module: _Name, base: Path) -> str:
    if _is_within(module, _ground.packages):
        return PROJECT
    if _is_within(module, _CARRIERS):
        return PLUMBING
    return f"library:{'.'.join(_package(module, base))}"


def _parts(name: str) -> _Name:
    return tuple(name.split("."))


def _module(parts: Sequence[str]) -> _Name:
    return (*parts[:-1], parts[-1].partition(".")[0])


def _is_within(module: _Name, packages: Sequence[_Name] | frozenset[_Name]) -> bool:
    return any(module[: len(package)] == package for package in packages)


def _package(module: _Name, base: Path) -> _Name:
    """Find the first package that is no namespace, or the module where there is none."""
    for length in range(1, len(module)):
        folder = base.joinpath(*module[:length])
        # What is in an archive is no folder, and can only be taken for a package.
        if _is_package(folder) or not folder.is_dir():
            return module[:length]
    return module


def _base_of(path: Path) -> Path:
    """Find the folder that the name of a module begins in."""
    # That of a script is in the import path as well, and may be a package.
    around = [base for base in _import_path() if path.is_relative_to(base) and not _is_package(base)]
    if around:
        return max(around, key=_depth)
    # A finder that setuptools installs leaves nothing in the import path.
    return next((folder.parent for folder in reversed(path.parents) if _is_package(folder)), path.parent)


def _is_package(folder: Path) -> bool:
    return (folder / "__init__.py").exists()


def _import_path() -> Iterator[Path]:
    return (Path(entry) for entry in sys.path if entry)


def _depth(folder: Path) -> int:
    return len(folder.parts)


def _contains(folder: Path, path: Path) -> bool:
    """Tell whether a path lies below a folder, by its name or where its links lead."""
    return path.is_relative_to(folder) or Path(os.path.realpath(path)).is_relative_to(
        os.path.realpath(folder)
    )


def _files_of(module: str) -> Sequence[str]:
    return [f"{module.replace('.', '/')}{ending}" for ending in (".py", "/__init__.py")]


def _is_in(base: Path, module: str) -> bool:
    return bool(module) and any((base / file).is_file() for file in _files_of(module))


def _has_settings(folder: Path) -> bool:
    """Tell whether the settings are imported from a folder: then it is the project, wherever it lies."""
    settings = os.environ.get("DJANGO_SETTINGS_MODULE", "")
    bases = (folder, folder / "src", *_import_path())
    return any(_contains(folder, base) and _is_in(base, settings) for base in bases)


@cache
def _packages_with_settings(site: Path, settings: str) -> frozenset[_Name]:
    """Find the packages of the distribution that the settings are installed by, if they are installed."""
    if not _is_in(site, settings):
        return frozenset()
    for distribution in distributions(path=[str(site)]):
        # Not `files`: it asks the file system for each of thousands of them.
        record = distribution.read_text("RECORD") or ""
        if not any(file in record for file in _files_of(settings)):
            continue
        files = {row[0] for row in csv.reader(record.splitlines()) if row}
        if not files.isdisjoint(_files_of(settings)):
            # Scripts lie elsewhere: ../../../bin/acme.
            sources = [file.split("/") for file in files if file.endswith(".py") and file[0] != "."]
            return frozenset(_package(_module(source), site) for source in sources)
    # Copied by hand, or by a package of the operating system.
    return frozenset((_package(_parts(settings), site),))


@cache
def _editable_folders() -> Sequence[Path]:
    """Find the folders that are installed as editable, as `direct_url.json` (PEP 610) tells."""
    origins = [
        json.loads(distribution.read_text("direct_url.json") or "{}") for distribution in distributions()
    ]
    return [
        Path(url2pathname(urlsplit(origin["url"]).path), origin.get("subdirectory", ""))
        for origin in origins
        if origin.get("dir_info", {}).get("editable")
    ]
