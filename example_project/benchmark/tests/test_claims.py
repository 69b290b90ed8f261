"""Do the verdicts follow from the numbers?"""

import pytest

from benchmark import rows
from benchmark.claims import CLAIMS, answers, outcome, verdict
from benchmark.figures import Spread
from benchmark.tests.results import make_result, make_run


@pytest.mark.parametrize(
    ("measured", "expected"),
    [(9.9, "less than said"), (10, "as said"), (50, "as said"), (50.1, "more than said")],
)
def test_a_number_is_compared_with_the_range_of_the_report(measured: float, expected: str) -> None:
    """Both ends are in it."""
    assert verdict(measured, 10, 50) == expected


@pytest.mark.parametrize(
    ("ends", "expected"),
    [((1.1, 1.3), "faster"), ((0.7, 0.9), "slower"), ((0.9, 1.1), "no difference on which all rounds agree")],
)
def test_a_ratio_counts_where_all_rounds_agree(ends: tuple[float, float], expected: str) -> None:
    """On which side of 1 it is."""
    assert outcome(Spread(1.0, *ends)) == expected


def test_one_round_is_no_outcome() -> None:
    """Nobody knows what a second one would have said."""
    assert outcome(Spread(1.4, 1.4, 1.4)) == "one round does not tell"


@pytest.mark.parametrize(("new_connections", "expected"), [(1, "true"), (2, "false")])
def test_connections_are_reused_where_few_are_opened(new_connections: int, expected: str) -> None:
    """One for each request is no reuse, whatever the setting is called."""
    run = make_run(
        make_result(rows.WSGI_CLOSED, rates=(100, 100)),
        make_result(rows.WSGI_KEPT, rates=(150, 170), new_connections=new_connections),
    )

    [answer] = answers(run)

    assert f"Under WSGI: {expected}." in answer
    assert (
        f"row 2 opened {new_connections} connections and left 1 open, where row 1 opened 2 and left 1"
        in answer
    )
    assert answer.endswith("1.60 (1.50 to 1.70) times the requests a second of row 1.")


def test_what_was_not_measured_is_not_answered() -> None:
    """A run without the rows of a claim says nothing about it."""
    assert answers(make_run(make_result(rows.WSGI_CLOSED, rates=(1, 1)))) == []


def test_every_claim_is_answered_by_a_whole_run() -> None:
    """And by numbers alone: no two rows are the same claim."""
    said = answers(make_run(*(make_result(row, rates=(100, 100)) for row in rows.ROWS)))

    assert len(said) == len(set(said)) == len(CLAIMS)
