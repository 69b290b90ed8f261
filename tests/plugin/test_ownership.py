"""The origin of a hop is right wherever the code is installed."""

import json
import os
import subprocess
import sysconfig
import venv
from pathlib import Path

import django
import pytest

import pytest_dbperf

HOP = """
from asgiref.sync import sync_to_async

async def hop():
    return await sync_to_async(int)()
"""
# The real ones are a little longer.
ANYIO_FILE = """
from anyio import to_thread

async def hop():
    return await to_thread.run_sync(int)
"""
STARLETTE_CONCURRENCY = """
import functools
import anyio.to_thread

async def run_in_threadpool(func, *args, **kwargs):
    return await anyio.to_thread.run_sync(functools.partial(func, *args, **kwargs))
"""
STARLETTE_ROUTING = """
from starlette.concurrency import run_in_threadpool

async def hop():
    return await run_in_threadpool(int)
"""
CHANNELS_DB = """
from asgiref.sync import SyncToAsync

class DatabaseSyncToAsync(SyncToAsync):
    def thread_handler(self, loop, *args, **kwargs):
        return super().thread_handler(loop, *args, **kwargs)

database_sync_to_async = DatabaseSyncToAsync
"""
CHANNELS_AUTH = """
from channels.db import database_sync_to_async

@database_sync_to_async
def get_user():
    return 0

async def hop():
    return await get_user()
"""
TEST = """
import importlib
import json
import pathlib

async def test_origins(dbperf):
    modules = pathlib.Path("modules.txt").read_text().split()
    for module in modules:
        await importlib.import_module(module).hop()
    origins = dict(zip(modules, [hop.origin for hop in dbperf.hops], strict=True))
    pathlib.Path("origins.json").write_text(json.dumps(origins))
"""


class Machine:
    """A repository with a virtual environment inside, and room for folders beside it."""

    def __init__(self, path):
        self.path = path
        self.repository = path / "repo"
        self.venv = self.repository / ".venv"
        venv.EnvBuilder(symlinks=True).create(self.venv)
        bases = {"base": str(self.venv), "platbase": str(self.venv)}
        self.site = Path(sysconfig.get_path("purelib", "venv", vars=bases))
        # What is installed for these tests is found there, too; after this plugin, and with its .pth files.
        home = Path(pytest_dbperf.__file__).parents[1]
        around = Path(django.__file__).parents[1]
        (self.site / "outer.pth").write_text(f"{home}\nimport site; site.addsitedir({str(around)!r})\n")
        self.write(self.repository, {"tests/test_origins.py": TEST})

    def write(self, folder, files):
        """Write files, and the packages that they are in where a name ends in a slash."""
        for name, source in files.items():
            path = folder / name / "__init__.py" if name.endswith("/") else folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(source)

    def about(self, name, recorded, **direct_url):
        """Write what pip leaves about a distribution."""
        about = f"{name}-1.0.dist-info"
        files = {
            f"{about}/INSTALLER": "pip\n",
            f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
            f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        }
        if direct_url:
            files[f"{about}/direct_url.json"] = json.dumps(direct_url)
        recorded = [*recorded, *files, f"{about}/RECORD"]
        self.write(self.site, {**files, f"{about}/RECORD": "".join(f"{file},,\n" for file in recorded)})

    def install(self, name, files):
        """Do as `pip install` does."""
        self.write(self.site, files)
        recorded = [f"{file}__init__.py" if file.endswith("/") else file for file in files]
        self.about(name, recorded)

    def install_editable(self, name, folder, source="."):
        """Do as `pip install -e` does."""
        (self.site / f"_{name}.pth").write_text(f"{folder / source}\n")
        self.about(name, [f"_{name}.pth"], url=folder.as_uri(), dir_info={"editable": True})

    def origins(self, settings, *modules, ini="pythonpath = ."):
        """Run pytest in the repository, and tell the origin of the hop of each module."""
        (self.repository / "pytest.ini").write_text(
            "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n"
            f"DJANGO_SETTINGS_MODULE = {settings}\naddopts = -p no:randomly\nfilterwarnings = error\n{ini}\n"
        )
        (self.repository / "modules.txt").write_text("\n".join(modules))
        python = self.venv / ("Scripts" if os.name == "nt" else "bin") / "python"
        done = subprocess.run(
            [python, "-m", "pytest", "-q", "tests"],
            cwd=self.repository,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads((self.repository / "origins.json").read_text())


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine that nothing is known about."""
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE", raising=False)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    return Machine(tmp_path)


def test_an_environment_inside_the_repository_has_no_code_of_yours(machine):
    """What pip put there is libraries', also what it cloned to `<venv>/src`; what is beside it is yours."""
    machine.write(
        machine.repository, {"conf.py": "", "shop/": "", "shop/views.py": HOP, "tests/conftest.py": ""}
    )
    machine.install("vendor", {"vendor/": "", "vendor/api.py": HOP, "single.py": HOP})
    machine.install(
        "google-cloud-storage", {"google/cloud/storage/": "", "google/cloud/storage/client.py": HOP}
    )
    machine.write(machine.venv / "src" / "cloned", {"cloned/": "", "cloned/api.py": HOP})
    machine.install_editable("cloned", machine.venv / "src" / "cloned")

    modules = ("shop.views", "vendor.api", "single", "google.cloud.storage.client", "cloned.api")
    assert machine.origins("conf", *modules) == {
        "shop.views": "project",
        "vendor.api": "library:vendor",
        "single": "library:single",
        "google.cloud.storage.client": "library:google.cloud.storage",
        "cloned.api": "library:cloned",
    }


def test_an_editable_install_is_a_library_unless_it_is_the_project(machine):
    """The project itself may be editable. A folder on the import path is no installed package."""
    machine.write(machine.repository, {"src/shop/": "", "src/shop/conf.py": "", "src/shop/views.py": HOP})
    machine.install_editable("shop", machine.repository, "src")
    for name in ("billing", "tools", "plain"):
        machine.write(machine.path / name, {f"src/{name}/": "", f"src/{name}/api.py": HOP})
    machine.install_editable("billing", machine.path / "billing", "src")
    machine.install_editable("tools", machine.path / "tools", "src")

    modules = ("shop.views", "billing.api", "tools.api", "plain.api")
    ini = "pythonpath = . ../plain/src\ndbperf_project = tools"
    assert machine.origins("shop.conf", *modules, ini=ini) == {
        "shop.views": "project",
        "billing.api": "library:billing",
        "tools.api": "project",
        "plain.api": "project",
    }


def test_namespace_packages_are_told_apart_in_a_project_in_site_packages(machine):
    """The distribution that has the settings is the project, whatever else is in its namespace."""
    machine.install(
        "acme-web",
        {
            "acme/web/": "",
            "acme/web/settings.py": "",
            "acme/web/views.py": HOP,
            "campaigns/": "",
            "campaigns/api.py": HOP,
        },
    )
    machine.install("acme-billing", {"acme/billing/": "", "acme/billing/api.py": HOP})

    assert machine.origins("acme.web.settings", "acme.web.views", "campaigns.api", "acme.billing.api") == {
        "acme.web.views": "project",
        "campaigns.api": "project",
        "acme.billing.api": "library:acme.billing",
    }


def test_what_carries_a_call_to_a_thread_is_not_its_author(machine):
    """Your call is yours through the helpers of a library; its own calls are its own."""
    machine.install(
        "starlette",
        {
            "starlette/": "",
            "starlette/concurrency.py": STARLETTE_CONCURRENCY,
            "starlette/routing.py": STARLETTE_ROUTING,
        },
    )
    machine.install(
        "channels", {"channels/": "", "channels/db.py": CHANNELS_DB, "channels/auth.py": CHANNELS_AUTH}
    )
    machine.write(
        machine.repository,
        {
            "conf.py": "",
            "with_anyio.py": ANYIO_FILE,
            "with_starlette.py": STARLETTE_ROUTING,
            "with_channels.py": CHANNELS_AUTH,
            "with_path.py": "import anyio\nasync def hop(): await anyio.Path('.').exists()",
        },
    )

    modules = (
        "with_anyio",
        "with_starlette",
        "with_channels",
        "starlette.routing",
        "channels.auth",
        "with_path",
    )
    assert machine.origins("conf", *modules) == {
        "with_anyio": "project",
        "with_starlette": "project",
        "with_channels": "project",
        "starlette.routing": "library:starlette",
        "channels.auth": "library:channels",
        "with_path": "library:anyio",
    }
