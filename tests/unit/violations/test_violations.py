"""A failure has its numbers first, then who did it, then what to change, on one screen."""

from pathlib import Path

import pytest

from pytest_dbperf.violations.violation import BudgetExceeded, Evidence, Fix, Violation, compare, explain
from tests.factories import site

ROOT = Path("/srv/app")
VIEW = site("list_campaigns", "/srv/app/campaigns/api.py", 42)
SERIALIZER = site("serialize", "/srv/app/campaigns/api.py", 31)
TEST = site("test_list", "/srv/app/tests/test_campaigns.py", 20)


def violation(*evidence, **fields):
    """A query budget that was exceeded."""
    return Violation("query_budget", 34, 10, "queries 34 > 10 (+24)", evidence, **fields)


def evidence(count=1, what="SELECT 1", path=(SERIALIZER, VIEW, TEST), **fields):
    """Something that was counted."""
    return Evidence(count, what, path, **fields)


def test_the_numbers_and_the_limit_come_first():
    """The first line says what broke, which budget it was and where both are."""
    broken = violation(during="GET /api/campaigns/").given_as(
        "query_budget(10) at tests/test_campaigns.py:18"
    )

    assert explain([broken], ROOT) == [
        "queries 34 > 10 (+24)   query_budget(10) at tests/test_campaigns.py:18   GET /api/campaigns/"
    ]


def test_evidence_names_count_cause_and_path():
    """Who did it is told by the innermost two call sites."""
    broken = violation(evidence(25, "SELECT ... WHERE id = %s", remark="25 different parameters"))

    assert explain([broken], ROOT)[1:] == [
        "",
        "   25x  SELECT ... WHERE id = %s   25 different parameters",
        "        campaigns/api.py:31 serialize  <- campaigns/api.py:42 list_campaigns",
    ]


def test_evidence_without_a_path_says_so():
    """Nothing is blamed on code that did not do it."""
    assert explain([violation(evidence(path=()))], ROOT)[-1].strip() == "(no frame of your code)"


def test_advice_comes_last():
    """What to change is read after what happened."""
    assert explain([violation(evidence(), advice=("fix  this",))], ROOT)[-2:] == ["", "  fix  this"]


def test_a_failure_fits_a_screen():
    """With the line of the location, no failure is longer than 20 lines."""
    lines = explain([violation(*[evidence()] * 50, advice=("fix  this",))], ROOT)

    assert len(lines) <= 18
    assert "  ... 44 more (-v lists all)" in lines
    assert lines[-1] == "  fix  this"


def test_all_is_shown_on_request():
    """With -v nothing is left out and nothing is cut."""
    long = "SELECT " + "x" * 200
    lines = explain([violation(*[evidence(what=long)] * 50)], ROOT, verbose=True)

    assert sum(long in line for line in lines) == 50
    assert lines[-1].endswith("<- tests/test_campaigns.py:20 test_list")


def test_a_long_statement_is_cut():
    """A line stays a line."""
    line = explain([violation(evidence(what="SELECT " + "x" * 200))], ROOT)[2]

    assert line.endswith(" ...")
    assert len(line) < 110


def test_all_violations_are_told_at_once():
    """Nobody is sent round a second time."""
    other = Violation("max_new_connections", 2, 0, "new connections 2 > 0 (+2)", (evidence(),))
    lines = explain([violation(evidence()), other], ROOT)

    assert lines[0] == "queries 34 > 10 (+24), new connections 2 > 0 (+2)"
    assert lines[2].startswith("queries 34 > 10")
    assert any(line.startswith("new connections 2 > 0") for line in lines[3:])


def fix(text='.select_related("owner")', result="saves 25 -> 9", **fields):
    """A change of a line."""
    return Fix(VIEW, text, result, **fields)


def number_of(lines, text):
    """How many lines have a text."""
    return sum(text in line for line in lines)


@pytest.mark.parametrize("number", [2, 3, 4, 5])
def test_many_violations_fit_a_screen_too(number):
    """Each has its headline, evidence and fix, as long as there is room; what is left out is told."""
    many = [
        violation(*[evidence()] * 9, advice=("why  so", f"fix  this {place}", "or  that"))
        for place in range(number)
    ]

    lines = explain(many, ROOT)

    assert len(lines) <= 18
    assert number_of(lines, "queries 34 > 10 (+24)") == number + 1
    assert number_of(lines, "  fix  this") == number
    assert number_of(lines, "campaigns/api.py:31 serialize") >= min(number, 3)
    assert lines[-1].startswith("... ")
    assert lines[-1].endswith(" (-v lists all)")


def test_headlines_are_never_cut():
    """Nobody mends what is not told; the way to the rest is."""
    lines = explain([violation(evidence(), advice=("fix  this",))] * 20, ROOT)

    assert number_of(lines, "queries 34 > 10 (+24)") == 21
    assert lines[-1] == "... 20 more, 1 more line of advice (-v lists all)"


def test_room_goes_to_those_that_need_it():
    """A violation with little to show leaves its lines to one that has much."""
    other = Violation("max_new_connections", 2, 0, "new connections 2 > 0 (+2)", (evidence(),))
    lines = explain([violation(*[evidence(4)] * 9), other], ROOT)

    assert number_of(lines, "   4x  ") == 5
    assert number_of(lines, "   1x  ") == 1
    assert lines[-1] == "... 4 more (-v lists all)"


def test_what_two_budgets_advise_is_told_once():
    """A fix is what to write, whatever it saves of each; with -v each has its own."""
    broken = [
        violation(evidence(), advice=(fix(), fix(result="saves 25 -> 10", is_alternative=True))),
        violation(evidence(), advice=(fix(result="saves 25 -> 9, within budget"), "note  this")),
    ]

    lines = explain(broken, ROOT)
    assert number_of(lines, '  fix  campaigns/api.py:42  .select_related("owner")   saves 25 -> 9') == 1
    assert number_of(lines, '  or   campaigns/api.py:42  .select_related("owner")   saves 25 -> 10') == 1
    assert number_of(lines, "  note  this") == 1
    assert "(-v lists all)" not in lines[-1]
    assert number_of(explain(broken, ROOT, verbose=True), "  fix  ") == 2


def test_what_to_change_is_never_left_out_in_silence():
    """It is counted, as evidence is."""
    lines = explain([violation(evidence(), advice=[f"fix  {place}" for place in range(30)])], ROOT)

    assert lines[5:7] == ["  fix  0", "  fix  1"]
    assert lines[-1] == "  ... 18 more (-v lists all)"
    assert len(lines) == 18


def test_advice_is_all_there_is_without_evidence():
    """A test that did too little has nothing to show."""
    assert explain([violation(advice=("note   why",))], ROOT)[-2:] == ["", "  note   why"]


def test_the_place_to_mend_is_the_innermost_call_site():
    """A CI annotates the view, and not the plugin."""
    broken = violation(evidence(path=()), evidence(path=(VIEW, TEST)))

    assert broken.location(ROOT) == "campaigns/api.py:42"


def test_without_any_path_there_is_no_place_to_mend():
    """A location is never made up."""
    assert violation(evidence(path=())).location(ROOT) is None


def test_more_than_allowed_shows_the_difference():
    """The difference is what has to go."""
    assert compare(34, 10) == "34 > 10 (+24)"


def test_fewer_than_required_shows_both_numbers():
    """A test that stopped querying is told by its numbers, too."""
    assert compare(0, 1) == "0 < 1"


def test_the_error_has_text_and_violations():
    """A test may catch it and look."""
    error = BudgetExceeded([violation(evidence())], ROOT)

    assert str(error).startswith("queries 34 > 10 (+24)")
    assert error.violations[0].measured == 34
    assert error.call_path[0] == SERIALIZER
    assert isinstance(error, AssertionError)
