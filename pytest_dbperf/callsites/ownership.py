"""Which role has a file? It is yours, Django's, a library's, or one that is never to blame."""

from __future__ import annotations

import csv
import json
import os
import sys
import sysconfig
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from importlib.metadata import distributions
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

# The roles of a source file. "project", "django" and "library:<package>" are also the origins of a hop.
PROJECT = "project"
DJANGO = "django"
LIBRARY = "library:"
# Passes calls on for other code: a walk over the frames goes past it.
PLUMBING = "plumbing"
# Starts your code and has not caused what it does: a walk over the frames ends there.
EDGE = "edge"

# The dotted name of a module or a package, split at its dots.
_Name = tuple[str, ...]

ROLES_OF_PACKAGES = {
    "_pytest": EDGE,
    "asgiref": PLUMBING,
    "django": DJANGO,
    "pluggy": PLUMBING,
    "psycopg": PLUMBING,
    "psycopg_pool": PLUMBING,
    "pytest_dbperf": PLUMBING,
}
# Modules that only send a call to a thread: their caller is the origin of the hop.
_THREAD_ADAPTERS: Sequence[_Name] = (
    ("anyio", "to_thread"),
    ("anyio", "_backends"),
    ("starlette", "concurrency"),
)
# The names that pytest and Django look for, and the folders where projects keep what only tests use.
_FILES_OF_TESTS = (
    "test_*.py",
    "*_test.py",
    "*_tests.py",
    "test.py",
    "tests.py",
    "conftest.py",
    "factories.py",
)
_FOLDERS_OF_TESTS = frozenset(("test", "tests"))
_PACKAGE_DIRECTORIES = ("site-packages", "dist-packages")
_STANDARD_LIBRARY = (sysconfig.get_path("stdlib") + os.sep, str(Path(os.__file__).parent) + os.sep)


@dataclass(frozen=True, slots=True)
class _Project:
    """The folder of the project, and packages that belong to it wherever they are installed."""

    root: Path
    packages: Sequence[_Name]


# Without pytest, the project is the folder where a script was started.
_project = _Project(Path.cwd(), ())


def set_project_root(root: Path, packages: Sequence[str]) -> Callable[[], None]:
    """Set the folder of the project, and the packages that belong to it. Return a function that undoes it."""
    before = _project
    _use(_Project(root, [_parts(package) for package in packages]))
    return lambda: _use(before)


def _use(project: _Project) -> None:
    global _project  # noqa: PLW0603  # The only state of this module.
    _project = project
    _editable_folders.cache_clear()
    _packages_with_settings.cache_clear()
    is_test_file.cache_clear()
    name_of_file.cache_clear()


@cache
def is_test_file(filename: str) -> bool:
    """Tell whether a file has tests, or code that only tests use, by its name and its folders."""
    path = Path(filename)
    root = _project.root
    # A project may itself lie in a folder that is named `tests`.
    inside = path.relative_to(root) if path.is_relative_to(root) else path
    has_name = any(fnmatchcase(path.name, pattern) for pattern in _FILES_OF_TESTS)
    return has_name or not _FOLDERS_OF_TESTS.isdisjoint(inside.parts[:-1])


@cache
def name_of_file(filename: str) -> str:
    """Name a file the same on each machine: by its path in the project, or else by its path in an import."""
    path = Path(os.path.abspath(filename))  # noqa: PTH100  # Links are not followed, as in `role_of_file`.
    site = _site_around(path)
    if path.is_relative_to(_project.root) and (site is None or site in _project.root.parents):
        return path.relative_to(_project.root).as_posix()
    return path.relative_to(site or _base_of(path)).as_posix()


def role_of_file(filename: str) -> str:
    """Return the role of a file, judged by its location. It makes some system calls: cache the result."""
    if filename.startswith("<"):
        return PLUMBING
    path = Path(os.path.abspath(filename))  # noqa: PTH100  # Links are followed only where that is wanted.
    # This comes first: a virtual environment may be inside the project, or inside the standard library.
    site = _site_around(path)
    if site is not None:
        return _role_in_site(path, site)
    if filename.startswith(_STANDARD_LIBRARY):
        return PLUMBING
    for package, role in ROLES_OF_PACKAGES.items():
        # With an editable install or PYTHONPATH a package can be anywhere.
        location = getattr(sys.modules.get(package), "__file__", None)
        if location and path.is_relative_to(Path(location).parent):
            return role
    if _is_outside_yours(path):
        base = _base_of(path)
        return _role_of_module(_module(path.relative_to(base).parts), base)
    return PROJECT


def _site_around(path: Path) -> Path | None:
    folders = path.parts[:-1]
    last = max((index for index, part in enumerate(folders) if part in _PACKAGE_DIRECTORIES), default=None)
    return None if last is None else Path(*folders[: last + 1])


def _role_in_site(path: Path, site: Path) -> str:
    module = _module(path.relative_to(site).parts)
    if module[0] in ROLES_OF_PACKAGES:
        return ROLES_OF_PACKAGES[module[0]]
    if site in _project.root.parents and path.is_relative_to(_project.root):
        return PROJECT  # pytest was started inside a package there.
    # `flit install --symlink` links a folder. uv may link each file to a cache anywhere.
    real = Path(os.path.realpath(path.parent), path.name)
    if _site_around(real) is None and _contains(_project.root, real):
        return PROJECT
    if _is_within(module, _packages_with_settings(site, os.environ.get("DJANGO_SETTINGS_MODULE", ""))):
        return PROJECT
    return _role_of_module(module, site)


def _is_outside_yours(path: Path) -> bool:
    """Tell whether a file outside site-packages is a library's. In doubt it is yours, so budgets see it."""
    root, prefix = _project.root, Path(sys.prefix)
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
    if _is_within(module, _project.packages):
        return PROJECT
    if _is_within(module, _THREAD_ADAPTERS):
        return PLUMBING
    return f"{LIBRARY}{'.'.join(_package(module, base))}"


def _parts(name: str) -> _Name:
    return tuple(name.split("."))


def _module(parts: Sequence[str]) -> _Name:
    return (*parts[:-1], parts[-1].partition(".")[0])


def _is_within(module: _Name, packages: Sequence[_Name] | frozenset[_Name]) -> bool:
    return any(module[: len(package)] == package for package in packages)


def _package(module: _Name, base: Path) -> _Name:
    """Find the first package that is not a namespace package, or else the module itself."""
    for length in range(1, len(module)):
        folder = base.joinpath(*module[:length])
        # A package inside of a zip archive is not a folder.
        if _is_package(folder) or not folder.is_dir():
            return module[:length]
    return module


def _base_of(path: Path) -> Path:
    """Find the folder that a module's dotted name is relative to."""
    # The folder of a script is in the import path as well, and may be a package.
    around = [base for base in _import_path() if path.is_relative_to(base) and not _is_package(base)]
    if around:
        return max(around, key=_depth)
    # An editable install by setuptools uses an import finder and no entry in the import path.
    return next((folder.parent for folder in reversed(path.parents) if _is_package(folder)), path.parent)


def _is_package(folder: Path) -> bool:
    return (folder / "__init__.py").exists()


def _import_path() -> Iterator[Path]:
    return (Path(entry) for entry in sys.path if entry)


def _depth(folder: Path) -> int:
    return len(folder.parts)


def _contains(folder: Path, path: Path) -> bool:
    """Tell whether a path is inside a folder, by name or after following links."""
    return path.is_relative_to(folder) or Path(os.path.realpath(path)).is_relative_to(
        os.path.realpath(folder)
    )


def _files_of(module: str) -> Sequence[str]:
    return [f"{module.replace('.', '/')}{ending}" for ending in (".py", "/__init__.py")]


def _is_in(base: Path, module: str) -> bool:
    return bool(module) and any((base / file).is_file() for file in _files_of(module))


def _has_settings(folder: Path) -> bool:
    """Tell whether Django's settings are imported from a folder: then it belongs to the project."""
    settings = os.environ.get("DJANGO_SETTINGS_MODULE", "")
    bases = (folder, folder / "src", *_import_path())
    return any(_contains(folder, base) and _is_in(base, settings) for base in bases)


@cache
def _packages_with_settings(site: Path, settings: str) -> frozenset[_Name]:
    """Find the packages of the installed distribution that contains Django's settings, if there is one."""
    if not _is_in(site, settings):
        return frozenset()
    for distribution in distributions(path=[str(site)]):
        # Not `files`: it makes a system call for each of thousands of files.
        record = distribution.read_text("RECORD") or ""
        if not any(file in record for file in _files_of(settings)):
            continue
        files = {row[0] for row in csv.reader(record.splitlines()) if row}
        if not files.isdisjoint(_files_of(settings)):
            # Scripts are elsewhere: ../../../bin/acme.
            sources = [file.split("/") for file in files if file.endswith(".py") and file[0] != "."]
            return frozenset(_package(_module(source), site) for source in sources)
    # No distribution lists it: it was copied there, or comes from a package of the operating system.
    return frozenset((_package(_parts(settings), site),))


@cache
def _editable_folders() -> Sequence[Path]:
    """Find the folders of editable installs, which `direct_url.json` (PEP 610) names."""
    origins = [
        json.loads(distribution.read_text("direct_url.json") or "{}") for distribution in distributions()
    ]
    return [
        Path(url2pathname(urlsplit(origin["url"]).path), origin.get("subdirectory", ""))
        for origin in origins
        if origin.get("dir_info", {}).get("editable")
    ]
