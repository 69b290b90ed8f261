"""A suite of its own for each test: a copy of the small project, run by pytest in another process."""

import re
import shutil
import sys
from pathlib import Path
from uuid import uuid4

import pytest

TESTS = Path(__file__).parents[1]
THROWAWAY_POSTGRES = TESTS.parent / "example_project"

# `run.py test` runs this many tests of each module, with their first parameters: the important ones first.
QUICK = 5

# No suite here needs faker's pytest plugin, which takes a quarter of pytest's start.
INI = """
[pytest]
asyncio_default_fixture_loop_scope = function
asyncio_mode = auto
DJANGO_SETTINGS_MODULE = settings
filterwarnings = error
pythonpath = .
addopts = -p no:randomly -p no:faker
"""
IMPORTS = """
import asyncio
import threading
import unittest

import pytest
from asgiref.sync import sync_to_async
from django.db import connection, connections
from django.test import TestCase, TransactionTestCase
from shop.models import Author, Book

db = pytest.mark.django_db
committed = pytest.mark.django_db(transaction=True)


def queries(number, using="default"):
    for _ in range(number):
        Author.objects.using(using).count()

"""


class Suite:
    """A project with tests, and the runs of it."""

    def __init__(self, pytester):
        self.pytester = pytester
        self.path = pytester.path
        shutil.copytree(TESTS / "project", self.path, dirs_exist_ok=True)
        self.ini()

    def ini(self, *lines):
        """Write pytest.ini, with these lines added."""
        (self.path / "pytest.ini").write_text("\n".join((INI.strip(), *lines)) + "\n")

    def file(self, name, source):
        """Write a file of the project."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)

    def tests(self, source, name="test_it.py"):
        """Write a test module; what most tests need is imported already."""
        self.file(name, IMPORTS + source)

    def install(self, name, plugin):
        """Install a distribution with a plugin of pytest: its module is a file of the project.

        pytester has its directory in PYTHONPATH, so Python finds both there.
        """
        self.file(f"{name}-1.0.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        self.file(f"{name}-1.0.dist-info/entry_points.txt", f"[pytest11]\n{name} = {plugin}\n")

    def run(self, *args):
        """Run the project's tests in a process of their own."""
        return self.pytester.runpytest_subprocess(*args)

    def debug(self, *commands):
        """Run the project's tests, and give commands to the debugger that they end in."""
        typed = "".join(f"{command}\n" for command in commands).encode()
        return self.pytester.run(sys.executable, "-m", "pytest", "--pdb", stdin=typed)

    def run_tests(self, source, *args):
        """Write a test module and run it."""
        self.tests(source)
        return self.run(*args)


def pytest_collection_modifyitems(items):
    """Mark tests that start pytest as thorough, except for the first ones of each module."""
    for item in items:
        if "suite" in getattr(item, "fixturenames", ()):
            tests = [name for name in vars(item.module) if name.startswith("test_")]
            parameters = item.callspec.indices if hasattr(item, "callspec") else {}
            if tests.index(item.originalname) >= QUICK or any(parameters.values()):
                item.add_marker("thorough")


@pytest.fixture
def suite(pytester, monkeypatch):
    """A project whose database no other test uses."""
    monkeypatch.setenv("DBPERF_TEST_DATABASE", f"suite_{uuid4().hex[:12]}")
    monkeypatch.setenv("PYTHONPATH", str(THROWAWAY_POSTGRES))
    # The summary must not depend on the width of the terminal.
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.delenv("BUILD_NUMBER", raising=False)
    # pytest starts in half the time if it can cache the rewritten assertions of plugins.
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    return Suite(pytester)


def line_of(suite, text, name="test_it.py"):
    """The number of the first line of a test module that has this text."""
    lines = (suite.path / name).read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


def failure_of(result, test):
    """The text of a failed test, as the terminal shows it."""
    header = next(
        number for number, line in enumerate(result.outlines) if re.fullmatch(rf"_+ {test} _+", line)
    )
    rest = result.outlines[header + 1 :]
    end = next(number for number, line in enumerate(rest) if re.match(r"(_{3,}|={3,}|-{3,}) ?", line))
    return rest[:end]
