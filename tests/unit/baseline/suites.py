"""Baselines and runs of every shape, for properties that have to hold for all of them."""

from hypothesis import strategies

from pytest_dbperf.baseline.debts import Baseline, Debt, Key
from tests.factories import checked_test, finding_result, number_result, run_of

SUBJECTS = ("Book.author", "Book.tags")
FUNCTIONS = ("shop/views.py titles", "shop/api.py titles", "shop/views.py names")
IDS = ("a.py::test_a", "b.py::test_a", "a.py::T::test_b")
ROUTES = ("GET books/", "POST books/")
NAMES = {"test": ("query_budget", "max_thread_hops"), "route": ("queries", "hops")}

_numbers = strategies.integers(0, 5)
_comments = strategies.sampled_from(("", "reason, owner=@shop"))


def _debts_of(debt_type, names):
    numbers = strategies.dictionaries(strategies.sampled_from(NAMES[debt_type]), _numbers, min_size=1)
    keys = strategies.sampled_from(names).map(lambda name: Key(debt_type, (name,)))
    return strategies.builds(Debt, keys, numbers, _comments)


_findings = strategies.builds(
    Debt,
    strategies.builds(
        lambda subject, function: Key("finding", ("no_n_plus_one", subject, function)),
        strategies.sampled_from(SUBJECTS),
        strategies.sampled_from(FUNCTIONS),
    ),
    strategies.just({}),
    _comments,
)
_debts = strategies.one_of(_findings, _debts_of("test", IDS), _debts_of("route", ROUTES))


def _baseline(debts, commented):
    by_key = {debt.key: debt for debt in debts}
    return Baseline(by_key, {key: (f"about {key}",) for key in commented if key in by_key})


baselines = strategies.builds(
    lambda debts, is_commented: _baseline(debts, [debt.key for debt in debts if is_commented]),
    strategies.lists(_debts, max_size=6),
    strategies.booleans(),
)

_found = strategies.one_of(
    strategies.builds(finding_result, strategies.sampled_from(SUBJECTS), strategies.sampled_from(FUNCTIONS)),
    strategies.builds(
        number_result,
        strategies.sampled_from(IDS),
        strategies.sampled_from(NAMES["test"]),
        _numbers,
    ),
    strategies.builds(
        number_result,
        strategies.sampled_from(ROUTES),
        strategies.sampled_from(NAMES["route"]),
        _numbers,
    ),
)
_tests = strategies.builds(
    lambda test_id, parameter, found: checked_test(f"{test_id}{parameter}", *found),
    strategies.sampled_from(IDS),
    strategies.sampled_from(("", "[1]", "[2]")),
    strategies.lists(_found, max_size=4),
)
runs = strategies.lists(_tests, min_size=1, max_size=4).map(lambda tests: run_of(*tests))


def accepts(baseline, debt):
    """Whether a baseline accepts all of a debt."""
    numbers = baseline.debts[debt.key].numbers if debt.key in baseline.debts else None
    return numbers is not None and all(numbers.get(name, -1) >= one for name, one in debt.numbers.items())
