"""Do the verdicts follow from the numbers?"""

import pytest

from benchmark import rows
from benchmark.claims import CLAIMS, answers, outcome, verdict
from benchmark.figures import Spread
from benchmark.scenarios import Row
from benchmark.tests.results import make_result, make_run


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        ((-9, -1), "no saving"),
        ((-1, 9.9), "less than the report says"),
        ((10, 50), "as the report says"),
        ((50.1, 60), "more than the report says"),
        ((9, 11), "the rounds disagree"),
        ((20, 20), "one round is not enough"),
    ],
)
def test_what_was_saved_is_compared_with_the_range_of_the_report(
    ends: tuple[float, float], expected: str
) -> None:
    """The verdict holds for all rounds; both ends of the range are in the range."""
    assert verdict(Spread(0, *ends), 10, 50) == expected


@pytest.mark.parametrize(
    ("ends", "expected"),
    [((1.1, 1.3), "faster"), ((0.7, 0.9), "slower"), ((0.9, 1.1), "the rounds disagree")],
)
def test_a_ratio_counts_where_all_rounds_agree(ends: tuple[float, float], expected: str) -> None:
    """A ratio is faster or slower only if all rounds are on the same side of 1."""
    assert outcome(Spread(1.0, *ends)) == expected


def test_one_round_is_no_outcome() -> None:
    """A second round might have shown the opposite."""
    assert outcome(Spread(1.4, 1.4, 1.4)) == "one round is not enough"


@pytest.mark.parametrize(("new_connections", "expected"), [(1, "true"), (2, "false")])
def test_connections_are_reused_where_few_are_opened(new_connections: int, expected: str) -> None:
    """One connection for each request is no reuse, whatever the setting is called."""
    run = make_run(
        make_result(rows.WSGI_CLOSED, rates=(100, 100)),
        make_result(rows.WSGI_KEPT, rates=(150, 170), new_connections=new_connections),
    )

    [answer] = answers(run)

    assert f"under WSGI: {expected}." in answer
    assert f"row 2 opened {new_connections} connections and left 1 open; row 1 opened 2 and left 1." in answer
    assert answer.endswith("Row 2 served 1.60 (1.50 to 1.70) times as many requests a second as row 1.")


def test_what_was_not_measured_is_not_answered() -> None:
    """A run without the rows of a claim says nothing about it."""
    assert answers(make_run(make_result(rows.WSGI_CLOSED, rates=(1, 1)))) == []


def test_every_claim_is_answered_by_a_whole_run() -> None:
    """Each claim has its own answer: no two rows are the same claim."""
    said = answers(make_run(*(make_result(row, rates=(100, 100)) for row in rows.ROWS)))

    assert len(said) == len(set(said)) == len(CLAIMS)


CONVERSION = "1.2 `aget` and the like instead of `sync_to_async`"
FAST, SLOW = (200.0, 220.0), (100.0, 100.0)


@pytest.mark.parametrize(
    ("before", "after", "bold"),
    [
        (rows.CONVERTED, rows.ASGI_POOLED, f"{CONVERSION}: other hops, requests a second: faster"),
        (rows.ASGI_POOLED, rows.ONE_HOP, "1.2 A hop costs 5 to 15 ms: as the report says"),
        (rows.ASGI_POOLED, rows.MANY_WORKERS, "1.3 2 * CPU + 1 workers: faster"),
        (rows.PAGE_BEFORE, rows.PAGE_AFTER, "Not in the report, a page without N+1: faster"),
        (rows.ASGI_CLOSED, rows.PGBOUNCER, "7.1 PgBouncer: faster"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_verdict_is_about_the_one_after(before: Row, after: Row, bold: str) -> None:
    """The row after is faster, with fewer hops and shorter waits; swapped rows give another verdict."""
    good = {"rates": FAST, "alone": (0.010, 0.012), "hops": 2}
    bad = {"rates": SLOW, "alone": (0.040, 0.043), "hops": 8}

    [remedy] = answers(make_run(make_result(before, **bad), make_result(after, **good)))
    [failure] = answers(make_run(make_result(before, **good), make_result(after, **bad)))

    assert remedy.startswith(f"**{bold}.**")
    assert not failure.startswith(f"**{bold}.**")


def test_the_waits_of_those_who_are_alone_are_what_is_saved() -> None:
    """Both interfaces count separately, and the report's changes are judged, not the better ones."""
    waits = {
        rows.WSGI_CLOSED: (0.030, 0.031),
        rows.WSGI_KEPT: (0.010, 0.010),
        rows.ASGI_CLOSED: (0.030, 0.030),
        rows.ASGI_POOLED: (0.026, 0.027),
        rows.ALL_BEFORE: (0.100, 0.100),
        rows.ALL_AS_REPORTED: (0.110, 0.120),
        rows.ALL_AFTER: (0.010, 0.010),
    }

    said = answers(make_run(*(make_result(row, rates=FAST, alone=alone) for row, alone in waits.items())))

    assert any(
        "10 to 50 ms: as the report says under WSGI, less than the report says under ASGI.**" in one
        for one in said
    )
    assert any("50 to 100 ms a request: no saving.**" in one for one in said)


def test_hops_that_were_not_saved_have_no_price() -> None:
    """Without a saved hop, the time of a hop was not measured."""
    [answer] = answers(
        make_run(make_result(rows.ASGI_POOLED, rates=SLOW), make_result(rows.ONE_HOP, rates=FAST))
    )

    assert answer.startswith("**1.2 A hop costs 5 to 15 ms: no hop was saved.**")
