"""A baseline answers for a finding, a route and a test."""

import pytest

from pytest_dbperf.baseline.debts import Baseline, Debt, Key, without_parameters

FINDING = Key("finding", ("no_n_plus_one", "Book.author", "shop/views.py titles"))
ROUTE = Key("route", ("GET books/",))
TEST = Key("test", ("tests/test_import.py::test_import",))
BASELINE = Baseline(
    {FINDING: Debt(FINDING), ROUTE: Debt(ROUTE, {"queries": 26}), TEST: Debt(TEST, {"query_budget": 134})}
)


@pytest.mark.parametrize(
    ("names", "is_accepted"),
    [
        (("no_n_plus_one", "Book.author", "shop/views.py titles"), True),
        (("no_n_plus_one", "Book.tags", "shop/views.py titles"), False),
        (("no_n_plus_one", "Book.author", "shop/views.py names"), False),
        (("no_write_loops", "Book.author", "shop/views.py titles"), False),
    ],
)
def test_a_finding_is_accepted_by_its_cause(names, is_accepted):
    """The budget, the subject and the function have to be those of the debt."""
    assert BASELINE.accepts(*names) is is_accepted


def test_numbers_are_held_by_their_names():
    """A debt for the queries of a route is none for its hops, and none for another route."""
    assert BASELINE.number_of_route("GET books/", "queries") == 26
    assert BASELINE.number_of_route("GET books/", "hops") is None
    assert BASELINE.number_of_route("POST books/", "queries") is None


@pytest.mark.parametrize("parameters", ["", "[1]", "[a::b[c]]"])
def test_all_parameters_of_a_test_have_one_debt(parameters):
    """Whatever is in their names."""
    assert BASELINE.number_of_test(f"tests/test_import.py::test_import{parameters}", "query_budget") == 134


def test_brackets_in_a_folder_belong_to_the_id():
    """Only those of the test are left out."""
    assert without_parameters("tests[old]/test_a.py::TestIt::test[1]") == "tests[old]/test_a.py::TestIt::test"


def test_a_key_can_be_read():
    """Messages name the debt by it."""
    assert str(FINDING) == "finding no_n_plus_one Book.author shop/views.py titles"
