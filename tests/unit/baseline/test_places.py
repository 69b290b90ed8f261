"""A baseline above or below the root names the same tests by other paths."""

import pytest

from pytest_dbperf.baseline.debts import Baseline, Debt, Key
from pytest_dbperf.baseline.places import BaselineFile

FINDING = Key("finding", ("no_n_plus_one", "Book.author", "shop/my views.py Books.titles"))
NO_FRAME = Key("finding", ("no_n_plus_one", "Book.author", "(no frame of your code)"))
ROUTE = Key("route", ("GET books/",))
TEST = Key("test", ("tests/test_a.py::TestIt::test_a",))
BASELINE = Baseline(
    {
        FINDING: Debt(FINDING, {}, "why"),
        NO_FRAME: Debt(NO_FRAME),
        ROUTE: Debt(ROUTE, {"queries": 26}),
        TEST: Debt(TEST, {"query_budget": 9}),
    },
    {None: ("# all",), TEST: ("# above",)},
)
PATHS = {
    "dbperf-baseline.tsv": ("shop/my views.py Books.titles", "tests/test_a.py::TestIt::test_a"),
    "../../dbperf-baseline.tsv": (
        "services/my shop/shop/my views.py Books.titles",
        "services/my shop/tests/test_a.py::TestIt::test_a",
    ),
    "ci/debts.tsv": ("../shop/my views.py Books.titles", "../tests/test_a.py::TestIt::test_a"),
}


def file_of(tmp_path, name):
    """Return a baseline with this path seen from the root of a suite."""
    root = tmp_path / "services" / "my shop"
    (root / "ci").mkdir(parents=True)
    return BaselineFile((root / name).resolve(), root)


@pytest.mark.parametrize("name", PATHS)
def test_paths_are_relative_to_the_file(tmp_path, name):
    """What is written is read back with paths relative to the root."""
    file = file_of(tmp_path, name)
    file.write(BASELINE)

    assert file.name == name
    assert [line.split("\t")[-1] for line in file.path.read_text().splitlines() if "no frame" in line] == [
        "(no frame of your code)"
    ]
    for path in PATHS[name]:
        assert path in file.path.read_text()
    assert file.read() == BASELINE


@pytest.mark.parametrize("name", PATHS)
def test_a_debt_has_a_line(tmp_path, name):
    """Messages name it, and comments and other debts are counted."""
    file = file_of(tmp_path, name)
    file.write(BASELINE)
    lines = file.path.read_text().splitlines()

    for key, start in ((FINDING, "finding\t"), (ROUTE, "route\t"), (TEST, "test\t")):
        assert lines[file.line_of(key) - 1].startswith(start)
    assert file.line_of(Key("route", ("POST books/",))) is None


@pytest.mark.parametrize("name", ["dbperf-baseline.tsv", "ci/debts.tsv"])
def test_all_debts_of_a_file_in_the_root_are_those_of_its_tests(tmp_path, name):
    """No other suite reads it."""
    assert all(map(file_of(tmp_path, name).is_about, BASELINE.debts))


def test_a_file_above_the_root_has_debts_of_other_suites(tmp_path):
    """Paths tell those of tests and functions. A route may be served by other suites as well."""
    file = file_of(tmp_path, "../../dbperf-baseline.tsv")
    file.path.write_text(
        "# dbperf-baseline/1\n"
        "finding\tno_n_plus_one\tBook.author\tservices/users/views.py names\n"
        "route\tGET books/\tqueries=26\n"
        "test\tservices/my shop/test_a.py::test_a\tquery_budget=9\n"
        "test\tservices/users/test_a.py::test_a\tquery_budget=9\n"
    )
    debts = file.read().debts

    assert [key.names[-1] for key in debts if file.is_about(key)] == ["test_a.py::test_a"]
    assert not file.is_about(NO_FRAME)
