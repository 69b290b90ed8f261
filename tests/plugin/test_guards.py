"""A budget that cannot be checked is an error, and never a pass."""

import pytest

BUDGET = """
import pytest

@pytest.mark.query_budget(5)
def test_marked(): pass

def test_block(max_new_connections):
    with max_new_connections(0):
        pass

def test_without(): pass
"""


def test_without_settings_a_budget_is_an_error(suite):
    """The error says what to do; tests without a budget are not affected."""
    (suite.path / "pytest.ini").write_text("[pytest]\naddopts = -p no:randomly -p no:django\n")
    suite.pytester.makepyfile(test_it=BUDGET)
    suite.pytester._monkeypatch.delenv("DJANGO_SETTINGS_MODULE", raising=False)

    result = suite.run()

    result.assert_outcomes(passed=1, failed=1, errors=1)
    result.stdout.fnmatch_lines_random(
        [
            "query_budget(5) at test_it.py:3 cannot be checked: Django is not set up. "
            "Set DJANGO_SETTINGS_MODULE *",
            "max_new_connections(0) at test_it.py:7 cannot be checked: Django is not set up. *",
        ]
    )


def test_without_apps_a_budget_is_an_error(suite):
    """Settings alone are not enough."""
    (suite.path / "pytest.ini").write_text("[pytest]\naddopts = -p no:randomly -p no:django\n")
    suite.pytester.makepyfile(test_it=BUDGET)
    suite.file("conftest.py", "from django.conf import settings\nsettings.configure()\n")

    result = suite.run()

    result.assert_outcomes(passed=1, failed=1, errors=1)
    result.stdout.fnmatch_lines(["*cannot be checked: *call django.setup() in conftest.py*"])


@pytest.mark.parametrize("databases", ["{}", "{'default': {}}"])
def test_without_a_database_a_budget_is_an_error(suite, databases):
    """Django's dummy backend refuses every query."""
    suite.file("settings.py", f"SECRET_KEY = 'x'\nDATABASES = {databases}\n")
    suite.pytester.makepyfile(test_it=BUDGET)

    result = suite.run()

    result.assert_outcomes(passed=1, failed=1, errors=1)
    result.stdout.fnmatch_lines(["*cannot be checked: DATABASES has no database."])


def test_an_alias_that_does_not_exist_is_an_error(suite):
    """A slip of the pen would count zero for ever."""
    result = suite.run_tests(
        """
@db
@pytest.mark.query_budget(5, using="replica")
def test_marked():
    pass
"""
    )

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            "query_budget(5, using='replica') at test_it.py:* cannot be checked: "
            "DATABASES has no alias 'replica', only default, other, sqlite."
        ]
    )


def test_objects_of_the_user_are_never_shown_by_their_repr(suite):
    """The repr of a QuerySet runs it, and that of a model may do anything."""
    result = suite.run_tests(
        """
class Touchy:
    def __repr__(self):
        raise AssertionError("somebody looked")

    __str__ = __eq__ = __hash__ = __repr__

    def __call__(self):
        return 42

    def method(self):
        return 42

@committed
@pytest.mark.query_budget(0)
@pytest.mark.no_sync_to_async
async def test_touchy():
    assert await sync_to_async(Touchy())() == 42
    assert await sync_to_async(Touchy().method)() == 42
    assert await asyncio.to_thread(Touchy().method) == 42
    await sync_to_async(Author.objects.filter(name="Ada").count)()
"""
    )

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["queries 1 > 0 (+1), sync_to_async hops 4 > 0 (+4)"])
    result.stdout.no_fnmatch_line("*somebody looked*")


def test_a_thread_that_does_not_answer_is_an_error(suite):
    """An earlier test left a call in asgiref's thread, and this one would wait for it for ever."""
    suite.file(
        "conftest.py",
        """
import pytest
from pytest_dbperf.session import standing_connections

@pytest.fixture(autouse=True)
def impatience(monkeypatch):
    monkeypatch.setattr(standing_connections, "_SECONDS_TO_WAIT", 0.1)
""",
    )
    result = suite.run_tests(
        """
from asgiref.sync import SyncToAsync

@db
@pytest.mark.order(1)
def test_leaves_a_call():
    pass

stuck = threading.Event()

@committed
def test_gets_stuck(request):
    SyncToAsync.single_thread_executor.submit(stuck.wait, 30)

@committed
async def test_would_wait():
    pass

@committed
def test_frees():
    stuck.set()
""".replace("@pytest.mark.order(1)\n", "")
    )

    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(
        ["asgiref's thread did not answer within 0.1 s: a sync_to_async call of an earlier*"]
    )


def test_a_seam_that_is_gone_stops_the_run(suite):
    """It is a bug of the plugin's, and it says so instead of counting nothing."""
    suite.file(
        "sitecustomize.py",
        """
from django.db.backends.utils import CursorWrapper
CursorWrapper._run_with_wrappers = CursorWrapper._execute_with_wrappers
del CursorWrapper._execute_with_wrappers
""",
    )
    suite.pytester._monkeypatch.setenv("PYTHONPATH", str(suite.path), prepend=":")
    result = suite.run_tests("def test_it(): pass")

    assert result.ret != 0
    assert "CursorWrapper._execute_with_wrappers is gone" in result.stderr.str()
    assert "Please report it to pytest-dbperf" in result.stderr.str()
