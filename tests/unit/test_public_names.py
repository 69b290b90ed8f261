"""All that users import comes from `pytest_dbperf` itself."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import pytest_dbperf
from pytest_dbperf.budgets.built_in import BUDGETS

HOME = Path(__file__).parents[2]
REFERENCE = "\n".join(page.read_text() for page in (HOME / "docs" / "reference").glob("*.md"))
FOR_USERS = ("README.md", "docs/*.md", "docs/how-to/*.md", "docs/reference/*.md", "tests/typing/*.py")
WRITTEN_FOR_USERS = [path for pattern in FOR_USERS for path in sorted(HOME.glob(pattern))]


@pytest.mark.parametrize("name", pytest_dbperf.__all__)
def test_a_public_name_is_there_and_documented(name):
    """The reference says what it is, and `dir()` lists it."""
    generated = {f"{budget_class.__name__}Fixture" for budget_class in BUDGETS}

    assert getattr(pytest_dbperf, name) is not None
    assert name in dir(pytest_dbperf)
    assert name in generated or re.search(rf"\b{name}\b", REFERENCE)


def test_public_names_are_sorted():
    """A new one has one place, and two branches that add one rarely meet."""
    assert sorted(pytest_dbperf.__all__) == pytest_dbperf.__all__


@pytest.mark.parametrize("budget_class", BUDGETS, ids=lambda budget_class: budget_class.name)
def test_the_fixture_of_each_budget_has_a_type(budget_class):
    """Its parameters are those of the budget, for type checkers: `tests/typing` has them check it."""
    assert f"{budget_class.__name__}Fixture" in pytest_dbperf.__all__


def test_a_name_that_is_not_there_is_an_attribute_error():
    """As of any module."""
    with pytest.raises(AttributeError, match="module 'pytest_dbperf' has no attribute 'NoSuchClient'"):
        pytest_dbperf.NoSuchClient  # noqa: B018


def test_the_package_can_be_imported_without_django():
    """Its clients are made of Django's classes, and pytest loads plugins before Django is configured."""
    program = "import sys, pytest_dbperf.plugin; sys.exit('django' in sys.modules)"

    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize("path", WRITTEN_FOR_USERS, ids=lambda path: path.name)
def test_users_are_shown_no_inner_module(path):
    """These may move with any release. Hooks are documented where they are specified."""
    named = set(re.findall(r"\bpytest_dbperf\.([a-z_]+)\b", path.read_text()))

    assert named - {"hookspecs", *pytest_dbperf.__all__} == set()
