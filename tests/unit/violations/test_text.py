"""A failure shows the numbers first, then the code that did it, then what to change, on one screen."""

from pathlib import Path
from typing import get_args

import pytest

from pytest_dbperf.violations.text import BudgetExceeded, explain
from pytest_dbperf.violations.violation import Evidence, Fix, Hint, Label, Violation
from tests.factories import site

ROOT = Path("/srv/app")
VIEW = site("list_campaigns", "/srv/app/campaigns/api.py", 42)
SERIALIZER = site("serialize", "/srv/app/campaigns/api.py", 31)
TEST = site("test_list", "/srv/app/tests/test_campaigns.py", 20)


FIX_THIS = Hint("fix", "this")


def violation(*evidence, **fields):
    """A query budget that was exceeded."""
    return Violation("query_budget", 34, 10, "queries 34 > 10 (+24)", evidence, **fields)


def evidence(count=1, what="SELECT 1", path=(SERIALIZER, VIEW, TEST), **fields):
    """One piece of evidence."""
    return Evidence(count, what, path, **fields)


def test_the_numbers_and_the_limit_come_first():
    """The first line has the numbers, the budget, where it is written, and the request."""
    broken = violation(during="GET /api/campaigns/").placed_as(
        "query_budget(10) at tests/test_campaigns.py:18"
    )

    assert explain([broken], ROOT) == [
        "queries 34 > 10 (+24)   query_budget(10) at tests/test_campaigns.py:18   GET /api/campaigns/"
    ]


def test_evidence_names_count_cause_and_path():
    """The innermost two call sites show which code did it."""
    broken = violation(evidence(25, "SELECT ... WHERE id = %s", note="25 different parameters"))

    assert explain([broken], ROOT)[1:] == [
        "",
        "   25x  SELECT ... WHERE id = %s   25 different parameters",
        "        campaigns/api.py:31 serialize  <- campaigns/api.py:42 list_campaigns",
    ]


def test_evidence_without_a_path_says_so():
    """No call site is made up."""
    assert explain([violation(evidence(path=()))], ROOT)[-1].strip() == "(no frame of your code)"


def test_advice_comes_last():
    """A developer reads what happened first, then what to change."""
    assert explain([violation(evidence(), advice=(FIX_THIS,))], ROOT)[-2:] == ["", "  fix   this"]


@pytest.mark.parametrize("label", get_args(Label))
def test_all_labels_have_one_width(label):
    """What to do starts in the same column, whatever the label."""
    line = explain([violation(advice=(Hint(label, "this"), fix()))], ROOT)[2]

    assert line == f"  {label:<6}this"


def test_advice_names_the_lines_that_it_is_about():
    """Lines of one function are shown together."""
    hint = Hint("fix", "do both at once", (VIEW, SERIALIZER))

    assert explain([violation(advice=(hint,))], ROOT)[-1] == (
        "  fix   do both at once: campaigns/api.py:42 list_campaigns campaigns/api.py:31 serialize"
    )


def test_the_first_fix_is_kept_whatever_stands_above_it():
    """It is found by its label, also behind twenty other lines."""
    others = [Hint("why", str(number)) for number in range(20)]

    lines = explain([violation(evidence(), advice=(*others, FIX_THIS))], ROOT)

    assert lines[-2:] == ["  fix   this", "  ... 9 more (-v lists all)"]


def test_a_debt_is_kept_like_the_first_fix():
    """Without it, the command that accepts a violation would be missing."""
    hints = [Hint("why", f"reason {number}") for number in range(40)]
    debt = Hint("debt", "not in dbperf-baseline.tsv. To accept it: pytest --dbperf-update a.py::a")
    broken = violation(evidence(), advice=(FIX_THIS, *hints, debt))

    assert f"  debt  {debt.text}" in explain([broken], ROOT)


def test_a_failure_fits_a_screen():
    """With the line of the location, no failure is longer than 20 lines."""
    lines = explain([violation(*[evidence()] * 50, advice=(FIX_THIS,))], ROOT)

    assert len(lines) <= 18
    assert "  ... 44 more (-v lists all)" in lines
    assert lines[-1] == "  fix   this"


def test_all_is_shown_on_request():
    """With -v, nothing is left out or cut."""
    long = "SELECT " + "x" * 200
    lines = explain([violation(*[evidence(what=long)] * 50)], ROOT, verbose=True)

    assert sum(long in line for line in lines) == 50
    assert lines[-1].endswith("<- tests/test_campaigns.py:20 test_list")


def test_a_long_statement_is_cut():
    """It must fit one line of a terminal."""
    line = explain([violation(evidence(what="SELECT " + "x" * 200))], ROOT)[2]

    assert line.endswith(" ...")
    assert len(line) < 110


def test_all_violations_are_shown_at_once():
    """A developer does not have to run the tests again to see the second one."""
    other = Violation("max_new_connections", 2, 0, "new connections 2 > 0 (+2)", (evidence(),))
    lines = explain([violation(evidence()), other], ROOT)

    assert lines[0] == "queries 34 > 10 (+24), new connections 2 > 0 (+2)"
    assert lines[2].startswith("queries 34 > 10")
    assert any(line.startswith("new connections 2 > 0") for line in lines[3:])


def fix(text='.select_related("owner")', result="34 -> 9 queries", **fields):
    """A fix of one line."""
    return Fix(VIEW, text, result, **fields)


def number_of(lines, text):
    """The number of lines that contain a text."""
    return sum(text in line for line in lines)


@pytest.mark.parametrize("number", [2, 3, 4, 5])
def test_many_violations_fit_a_screen_too(number):
    """Each has its headline, evidence and fix while there is room; the last line counts the rest."""
    many = [
        violation(
            *[evidence()] * 9, advice=(Hint("why", "so"), Hint("fix", f"this {index}"), Hint("or", "that"))
        )
        for index in range(number)
    ]

    lines = explain(many, ROOT)

    assert len(lines) <= 18
    assert number_of(lines, "queries 34 > 10 (+24)") == number + 1
    assert number_of(lines, "  fix   this") == number
    assert number_of(lines, "campaigns/api.py:31 serialize") >= min(number, 3)
    assert lines[-1].startswith("... ")
    assert lines[-1].endswith(" (-v lists all)")


def test_headlines_are_never_cut():
    """Every broken budget is named, and the last line says how to see the rest."""
    lines = explain([violation(evidence(), advice=(FIX_THIS,))] * 20, ROOT)

    assert number_of(lines, "queries 34 > 10 (+24)") == 21
    assert lines[-1] == "... 20 more, 1 more line of advice (-v lists all)"


def test_room_goes_to_those_that_need_it():
    """A violation with little to show leaves its lines to one that has much."""
    other = Violation("max_new_connections", 2, 0, "new connections 2 > 0 (+2)", (evidence(),))
    lines = explain([violation(*[evidence(4)] * 9), other], ROOT)

    assert number_of(lines, "   4x  ") == 5
    assert number_of(lines, "   1x  ") == 1
    assert lines[-1] == "... 4 more (-v lists all)"


def test_the_same_advice_of_two_budgets_is_shown_once():
    """The same fix has other numbers under each budget; only -v shows both."""
    broken = [
        violation(evidence(), advice=(fix(), fix(result="34 -> 10 queries", is_alternative=True))),
        violation(evidence(), advice=(fix(result="34 -> 9 queries, within budget"), Hint("note", "this"))),
    ]

    lines = explain(broken, ROOT)
    assert number_of(lines, '  fix   campaigns/api.py:42  .select_related("owner")   34 -> 9 queries') == 1
    assert number_of(lines, '  or    campaigns/api.py:42  .select_related("owner")   34 -> 10 queries') == 1
    assert number_of(lines, "  note  this") == 1
    assert "(-v lists all)" not in lines[-1]
    assert number_of(explain(broken, ROOT, verbose=True), "  fix  ") == 2


def test_hidden_advice_is_counted():
    """Hidden advice is counted, as hidden evidence is."""
    lines = explain([violation(evidence(), advice=[Hint("fix", str(number)) for number in range(30)])], ROOT)

    assert lines[5:7] == ["  fix   0", "  fix   1"]
    assert lines[-1] == "  ... 18 more (-v lists all)"
    assert len(lines) == 18


def test_advice_is_all_there_is_without_evidence():
    """A test that ran too few queries has no evidence."""
    assert explain([violation(advice=(Hint("note", "why"),))], ROOT)[-2:] == ["", "  note  why"]


def test_the_location_is_the_innermost_call_site():
    """CI annotates the view, not the plugin."""
    broken = violation(evidence(path=()), evidence(path=(VIEW, TEST)))

    assert broken.location(ROOT) == "campaigns/api.py:42"


def test_without_any_path_there_is_no_location():
    """A location is never made up."""
    assert violation(evidence(path=())).location(ROOT) is None


def test_the_error_has_text_and_violations():
    """A test may catch it and read both."""
    error = BudgetExceeded([violation(evidence())], ROOT)

    assert str(error).startswith("queries 34 > 10 (+24)")
    assert error.violations[0].measured == 34
    assert error.call_path[0] == SERIALIZER
    assert isinstance(error, AssertionError)


def test_the_line_to_change_is_that_of_a_violation_with_a_fix():
    """Whatever was found first, the change that is proven to help comes first."""
    loop = violation(evidence(path=(TEST,)), advice=(FIX_THIS,))
    fixable = violation(evidence(path=(VIEW,)), advice=(Fix(VIEW, "this", "34 -> 9"),))

    assert BudgetExceeded([loop, fixable], ROOT).call_path == (VIEW,)
    assert BudgetExceeded([violation(), loop], ROOT).call_path == (TEST,)
