"""The role of a file depends on its location, and on how it was installed."""

import json
import os
import sys
import types
from pathlib import Path

import anyio
import django
import pytest

from pytest_dbperf.callsites import ownership

SITE = "/srv/app/.venv/lib/python3.13/site-packages"


def place(folder, *files):
    """Make empty files below a folder."""
    for file in files:
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


def install(site, name, *files, record=None, **direct_url):
    """Make the files of an installed distribution, with its metadata."""
    place(site, *files)
    about = site / f"{name}-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = [f"{file},," for file in (*files, f"{about.name}/METADATA", f"../../../bin/{name}.py")]
    (about / "RECORD").write_text("\n".join(["", *lines]) if record is None else record)
    if direct_url:
        (about / "direct_url.json").write_text(json.dumps(direct_url))


@pytest.fixture
def site(tmp_path):
    """The folder of packages of a virtual environment inside a repository."""
    return tmp_path / "repo" / ".venv" / "lib" / "python3.13" / "site-packages"


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    """Make a repository the root of the project, without Django settings."""
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE", raising=False)
    place(tmp_path, "repo/shop/views.py")
    undo = ownership.set_project_root(tmp_path / "repo", [])
    yield
    undo()


@pytest.fixture
def editable(tmp_path, site, monkeypatch):
    """Install a folder as editable."""

    def make(folder, **more):
        monkeypatch.syspath_prepend(site)
        url = (tmp_path / folder).as_uri()
        install(site, Path(folder).name or "all", url=url, dir_info={"editable": True}, **more)

    return make


def role_of_file(folder, file):
    """The role of a file, there or not."""
    return ownership.role_of_file(str(folder / file))


@pytest.mark.parametrize(
    ("filename", "role"),
    [
        (f"{SITE}/ninja/main.py", "library:ninja"),
        (f"{SITE}/six.py", "library:six"),
        (f"{SITE}/django/shortcuts.py", "django"),
        ("/usr/lib/python3/dist-packages/django/db/models/query.py", "django"),
        (os.path.join(os.path.dirname(django.__file__), "db", "models", "query.py"), "django"),
        (f"{SITE}/asgiref/sync.py", "plumbing"),
        (f"{SITE}/_pytest/python.py", "edge"),
        (os.__file__, "plumbing"),
        (f"{os.path.dirname(os.__file__)}/venv/lib/python3.13/site-packages/six.py", "library:six"),
        (ownership.__file__, "plumbing"),
        ("<string>", "plumbing"),
        ("<frozen importlib._bootstrap>", "plumbing"),
        ("/srv/elsewhere/campaigns/api.py", "project"),
    ],
)
def test_the_location_of_a_file_decides_its_role(filename, role):
    """It is yours, Django's, a library's, or never to blame."""
    assert ownership.role_of_file(filename) == role


@pytest.mark.parametrize("file", ["shop/views.py", "tests/test_views.py", "conftest.py", "tests/conftest.py"])
def test_a_file_inside_the_root_is_yours(tmp_path, file):
    """Tests are code of yours, too."""
    assert role_of_file(tmp_path / "repo", file) == "project"


def test_a_relative_name_begins_in_the_working_directory(tmp_path, monkeypatch):
    """A template or a program may be compiled under such a name."""
    monkeypatch.chdir(place(tmp_path, f"{SITE[1:]}/six.py") / SITE[1:])

    assert ownership.role_of_file("six.py") == "library:six"


def test_a_root_is_recognised_through_a_link(tmp_path):
    """A file may be named by the link or by its real path."""
    (tmp_path / "link").symlink_to(tmp_path / "repo")
    ownership.set_project_root(tmp_path / "link", [])

    assert role_of_file(tmp_path / "repo", "shop/views.py") == "project"


@pytest.mark.parametrize(
    ("file", "role"),
    [
        ("google/cloud/storage/client.py", "library:google.cloud.storage"),
        ("google/cloud/storage/_media/requests/upload.py", "library:google.cloud.storage"),
        ("google/auth/__init__.py", "library:google.auth"),
        ("google/single.py", "library:google.single"),
        ("single.py", "library:single"),
        ("compiled.cpython-313-x86_64-linux-gnu.so", "library:compiled"),
    ],
)
def test_a_library_is_named_by_its_first_regular_package(site, file, role):
    """Several distributions share a namespace package."""
    place(
        site,
        "google/cloud/storage/__init__.py",
        "google/cloud/storage/_media/requests/upload.py",
        "google/auth/__init__.py",
        file,
    )

    assert role_of_file(site, file) == role


@pytest.mark.parametrize("environment", [".venv", ".tox/py313", "a/b"])
def test_an_environment_inside_the_repository_is_not_yours(tmp_path, environment):
    """An installed file is a library's, also inside your repository."""
    site = tmp_path / "repo" / environment / "lib" / "python3.13" / "site-packages"
    place(site, "ninja/__init__.py", "ninja/main.py")

    assert role_of_file(site, "ninja/main.py") == "library:ninja"


def test_what_an_environment_was_given_to_edit_is_a_library(tmp_path, monkeypatch):
    """`pip install -e git+https://...` clones to its folder src."""
    venv = tmp_path / "repo" / ".venv"
    monkeypatch.setattr(sys, "prefix", str(venv))
    place(venv, "src/channels/channels/__init__.py", "src/channels/channels/generic/websocket.py")

    assert role_of_file(venv, "src/channels/channels/generic/websocket.py") == "library:channels"
    assert role_of_file(tmp_path, "repo/shop/views.py") == "project"


def test_an_environment_around_the_root_does_not_make_it_a_library(tmp_path, monkeypatch):
    """A container may have its Python in /usr, and your code in /usr/src/app."""
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    place(tmp_path, "lib/ours.py")

    assert role_of_file(tmp_path, "repo/shop/views.py") == "project"
    assert role_of_file(tmp_path, "lib/ours.py") == "project"


def test_an_editable_install_elsewhere_is_a_library(tmp_path, editable):
    """Of two projects that are edited at once, one is tested."""
    place(tmp_path, "billing/src/billing/__init__.py", "billing/src/billing/api.py")
    editable("billing")

    assert role_of_file(tmp_path, "billing/src/billing/api.py") == "library:billing"


def test_an_editable_namespace_package_has_its_whole_name(tmp_path, editable, monkeypatch):
    """The import path tells where the dotted name begins."""
    place(tmp_path, "billing/acme/billing/__init__.py", "billing/acme/billing/api.py")
    editable("billing")
    monkeypatch.syspath_prepend(tmp_path / "billing")
    monkeypatch.syspath_prepend("")

    assert role_of_file(tmp_path, "billing/acme/billing/api.py") == "library:acme.billing"


def test_an_editable_install_of_a_part_of_a_repository_is_recognised(tmp_path, editable):
    """The folder of the project is not that of the repository."""
    place(tmp_path, "mono/billing/billing/__init__.py", "mono/common/common/__init__.py")
    editable("mono", subdirectory="billing")

    assert role_of_file(tmp_path, "mono/billing/billing/__init__.py") == "library:billing"
    assert role_of_file(tmp_path, "mono/common/common/__init__.py") == "project"


@pytest.mark.parametrize("folder", ["repo", ".", "repo/shop"])
def test_an_editable_install_of_the_project_is_yours(tmp_path, editable, folder):
    """It is inside the root, or contains it."""
    place(tmp_path, "common/common/__init__.py")
    editable(folder)

    assert role_of_file(tmp_path, "repo/shop/views.py") == "project"
    assert role_of_file(tmp_path, "common/common/__init__.py") == "project"


def test_the_innermost_editable_install_decides(tmp_path, editable):
    """A library may be edited inside the repository of all."""
    place(tmp_path, "libs/billing/billing/__init__.py")
    editable(".")
    editable("libs/billing")

    assert role_of_file(tmp_path, "libs/billing/billing/__init__.py") == "library:billing"


@pytest.mark.parametrize(
    "settings", ["billing/settings.py", "src/billing/settings/__init__.py", "deep/conf.py"]
)
def test_the_editable_install_with_the_settings_is_yours(tmp_path, editable, monkeypatch, settings):
    """The tests of a project may have a root of their own."""
    place(tmp_path / "billing", settings, "billing/api.py")
    editable("billing")
    monkeypatch.syspath_prepend(tmp_path / "billing" / "deep")
    module = "conf" if "conf" in settings else "billing.settings"
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", module)

    assert role_of_file(tmp_path, "billing/billing/api.py") == "project"


def test_an_install_that_is_not_editable_takes_no_folder_with_it(tmp_path, site, monkeypatch):
    """`pip install ./billing` copies the files, and the folder itself is not installed."""
    monkeypatch.syspath_prepend(site)
    install(site, "billing", url=(tmp_path / "billing").as_uri(), dir_info={})
    install(site, "channels", url="https://example.org/channels.git", vcs_info={"vcs": "git"})

    assert role_of_file(tmp_path, "billing/billing/api.py") == "project"


def test_a_linked_folder_is_yours_where_it_leads_to_the_root(tmp_path, site):
    """`flit install --symlink` is an editable install, too."""
    site.mkdir(parents=True)
    (site / "shop").symlink_to(tmp_path / "repo" / "shop")

    assert role_of_file(site, "shop/views.py") == "project"


def test_django_is_known_outside_site_packages(monkeypatch, tmp_path):
    """An editable install of Django is Django's code, even inside the root."""
    clone = types.ModuleType("django")
    clone.__file__ = str(tmp_path / "repo" / "django" / "__init__.py")
    monkeypatch.setitem(sys.modules, "django", clone)

    assert role_of_file(tmp_path, "repo/django/shortcuts.py") == "django"


def test_a_package_that_the_option_names_is_yours(tmp_path, site, editable):
    """The option names it."""
    place(site, "shop/api.py", "acme/billing/__init__.py", "acme/web/__init__.py")
    place(tmp_path, "tools/tools/__init__.py")
    editable("tools")
    ownership.set_project_root(tmp_path / "repo", ["shop", "acme.billing", "tools"])

    assert role_of_file(site, "shop/api.py") == "project"
    assert role_of_file(site, "acme/billing/__init__.py") == "project"
    assert role_of_file(site, "acme/web/__init__.py") == "library:acme.web"
    assert role_of_file(tmp_path, "tools/tools/__init__.py") == "project"


def test_the_distribution_with_the_settings_is_yours(site, monkeypatch):
    """A project may be installed like any library, with packages of many names."""
    install(site, "ninja", "ninja/__init__.py", "ninja/main.py")
    install(
        site,
        "acme-web",
        "acme/web/__init__.py",
        "acme/web/settings.py",
        "campaigns/__init__.py",
        "campaigns/api.py",
        "acme_tools.py",
    )
    install(site, "acme-billing", "acme/billing/__init__.py", "acme/billing/api.py")
    place(site, "acme/web/migrations/0001_made_later.py")
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "acme.web.settings")

    yours = ("acme/web/migrations/0001_made_later.py", "campaigns/api.py", "acme_tools.py")
    assert [role_of_file(site, file) for file in yours] == ["project"] * 3
    assert role_of_file(site, "acme/billing/api.py") == "library:acme.billing"
    assert role_of_file(site, "ninja/main.py") == "library:ninja"


@pytest.mark.parametrize("record", [None, "", "vendored/acme/web/settings/__init__.py,,"])
def test_settings_without_a_record_make_their_package_yours(site, monkeypatch, record):
    """A package of the operating system has no RECORD, and a copied one no distribution."""
    place(site, "acme/web/__init__.py", "acme/web/settings/__init__.py", "acme/billing/__init__.py")
    install(site, "something", "something.py", record=record)
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "acme.web.settings")

    assert role_of_file(site, "acme/web/api.py") == "project"
    assert role_of_file(site, "acme/billing/api.py") == "library:acme.billing"


def test_settings_elsewhere_make_no_namesake_yours(site, monkeypatch):
    """Another distribution in the same namespace package stays a library."""
    install(site, "acme-billing", "acme/billing/__init__.py")
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "acme.web.settings")

    assert role_of_file(site, "acme/billing/__init__.py") == "library:acme.billing"


def test_a_root_inside_site_packages_is_yours(site):
    """Starting pytest in the folder of a package tests that package."""
    place(site, "acme/views.py", "ninja/__init__.py")
    ownership.set_project_root(site / "acme", [])

    assert role_of_file(site, "acme/views.py") == "project"
    assert role_of_file(site, "ninja/main.py") == "library:ninja"
    assert role_of_file(site, "acme/.venv/site-packages/six.py") == "library:six"


@pytest.mark.parametrize(
    ("file", "role"),
    [
        ("anyio/to_thread.py", "plumbing"),
        ("anyio/_backends/_asyncio.py", "plumbing"),
        ("anyio/_core/_fileio.py", "library:anyio"),
        ("starlette/concurrency.py", "plumbing"),
        ("starlette/routing.py", "library:starlette"),
        ("channels/auth.py", "library:channels"),
    ],
)
def test_a_thread_adapter_is_no_origin(site, file, role):
    """The origin of the hop is its caller."""
    assert role_of_file(site, file) == role


def test_your_package_named_like_a_library_is_no_thread_adapter(tmp_path):
    """An app may be called starlette, too, and a hop in it is its own."""
    assert role_of_file(tmp_path, "repo/starlette/concurrency.py") == "project"


def test_the_thread_adapters_of_libraries_exist():
    """If a library moved them, your hops would count as the library's."""
    home = Path(anyio.__file__).parent

    assert (home / "to_thread.py").exists()
    assert (home / "_backends" / "_asyncio.py").exists()


@pytest.mark.parametrize(
    "file, expected",
    [
        ("shop/tests/factories.py", True),
        ("shop/test/clean.py", True),
        ("shop/test_api.py", True),
        ("shop/api_test.py", True),
        ("shop/tests.py", True),
        ("conftest.py", True),
        ("shop/views.py", False),
        ("shop/contest.py", False),
        ("shop/latest/views.py", False),
    ],
)
def test_files_of_tests_are_known_by_their_names(tmp_path, file, expected):
    """A project that itself lies in a folder `tests` has other files, too."""
    undo = ownership.set_project_root(tmp_path / "tests" / "repo", [])

    assert ownership.is_test_file(str(tmp_path / "tests" / "repo" / file)) is expected
    assert ownership.is_test_file(file) is expected
    undo()


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("repo/shop/views.py", "shop/views.py"),
        ("repo/.venv/lib/python3.13/site-packages/acme/api.py", "acme/api.py"),
        ("elsewhere/billing/api.py", "billing/api.py"),
        ("unknown/api.py", "api.py"),
    ],
)
def test_a_file_has_one_name_on_each_machine(tmp_path, monkeypatch, file, expected):
    """Outside of the project its name is the one by which it is imported."""
    monkeypatch.syspath_prepend(tmp_path / "elsewhere")

    assert ownership.name_of_file(str(tmp_path / file)) == expected


def test_a_file_of_a_root_inside_site_packages_has_its_name_from_there(site):
    """pytest was started inside of a package there."""
    undo = ownership.set_project_root(site / "acme", [])

    assert ownership.name_of_file(str(site / "acme" / "api.py")) == "api.py"
    assert ownership.name_of_file(str(site / "other" / "api.py")) == "other/api.py"
    undo()
