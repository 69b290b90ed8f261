"""pytest's own configuration tells what selects tests, and the options of plugins which shard it is."""

import os

import pytest

from pytest_dbperf.options.selected import selection_of, shard_of
from pytest_dbperf.results.circumstances import Selection, Shard

# As pytest-split, pytest-shard, pytest-test-groups and our own plugin declare them.
CONFTEST = """
def pytest_addoption(parser):
    parser.addoption("--dbperf-shard", default=None)
    parser.addoption("--splits", type=int)
    parser.addoption("--group", type=int)
    parser.addoption("--num-shards", type=int, default=1)
    parser.addoption("--shard-id", type=int, default=0)
    parser.addoption("--test-group-count", dest="test-group-count", type=int, default=-1)
    parser.addoption("--test-group", dest="test-group", type=int, default=-1)
"""


@pytest.fixture
def configured(pytester):
    """Read a command line as pytest does, in a project with two folders of tests."""
    pytester.makeini("[pytest]")
    pytester.makeconftest(CONFTEST)
    for folder in ("a", "b"):
        (pytester.path / "tests" / folder).mkdir(parents=True)
    (pytester.path / "tests/a/test_a.py").touch()

    def configured(*args):
        return pytester.parseconfig("-p", "no:dbperf", "-p", "no:django", *args)

    return configured


@pytest.mark.parametrize(
    ("testpaths", "args", "arguments"),
    [
        ("", (), []),
        ("", (".",), []),
        ("tests", (), []),
        ("tests", ("tests",), []),
        ("tests/", ("tests",), []),
        ("tests/a tests/b", ("tests",), []),
        ("tests/a tests/b", ("tests/b", "tests/a"), []),
        ("tests/a tests/b", ("tests/a",), ["tests/a"]),
        ("tests", ("tests/a/test_a.py::test_a", "tests/a"), ["tests/a", "tests/a/test_a.py::test_a"]),
        ("", ("tests",), ["tests"]),
        ("", ("no/such.py",), ["no/such.py"]),
    ],
)
def test_arguments_select_unless_they_name_the_whole_suite(configured, pytester, testpaths, args, arguments):
    """The whole suite is the root directory, or what `testpaths` names."""
    pytester.makeini(f"[pytest]\ntestpaths = {testpaths}")

    assert list(selection_of(configured(*args)).arguments) == arguments


def test_arguments_are_relative_to_the_root(configured, pytester, monkeypatch):
    """Wherever pytest is started; without arguments, it then runs that directory alone."""
    monkeypatch.chdir(pytester.path / "tests")

    assert selection_of(configured("a")).arguments == ["tests/a"]
    assert selection_of(configured()).arguments == ["tests"]
    assert selection_of(configured("..")).arguments == ()


@pytest.mark.parametrize(
    ("args", "options"),
    [
        ((), []),
        (("-k", "books or not"), ["-k 'books or not'"]),
        (("-m", "slow", "--lf"), ["-m slow", "--lf"]),
        (("--sw",), ["--sw"]),
        (("--deselect=a", "--deselect=b"), ["--deselect a", "--deselect b"]),
        (("--ignore=tests/a",), [f"--ignore tests{os.sep}a"]),
        (("--ff", "-x", "-v"), []),
    ],
)
def test_options_that_select_are_named(configured, args, options):
    """Others, such as those of order and of output, select nothing."""
    selection = selection_of(configured(*args))

    assert selection.options == options
    assert selection.is_whole is (options == [])


@pytest.mark.parametrize(
    ("args", "shard"),
    [
        ((), None),
        (("--dbperf-shard=2/4",), Shard(2, 4)),
        (("--dbperf-shard=1/1",), Shard(1, 1)),
        (("--splits=4", "--group=2"), Shard(2, 4)),
        (("--splits=4", "--group=2", "--dbperf-shard=1/9"), Shard(1, 9)),
        (("--splits=4",), None),
        (("--num-shards=4", "--shard-id=0"), Shard(1, 4)),
        (("--num-shards=1",), None),
        (("--test-group-count=3", "--test-group=3"), Shard(3, 3)),
    ],
)
def test_a_shard_is_told_by_our_option_or_by_a_plugin(configured, args, shard):
    """Ours wins. The first shard of pytest-shard has the number 0, and ours the number 1."""
    assert shard_of(configured(*args)) == shard


@pytest.mark.parametrize("text", ["", "2", "0/4", "5/4", "2/4/6", "a/b"])
def test_a_shard_that_cannot_be_is_refused(configured, text):
    """A wrong number would make a shard seem to be missing."""
    with pytest.raises(pytest.UsageError, match=f"as in 2/4, got '{text}'"):
        shard_of(configured(f"--dbperf-shard={text}"))


def test_a_shard_is_written_as_its_option():
    """So it can be copied."""
    assert str(Shard(2, 4)) == "2/4"


def test_a_run_with_deselected_tests_is_not_the_whole_suite():
    """A plugin may have left them out without an option."""
    assert Selection(collected=9, deselected=1).is_whole is False
