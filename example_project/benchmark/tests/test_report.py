"""Does the table show what was measured?"""

from benchmark.report import table
from benchmark.scenarios import Mix, Question, Row, Serving
from benchmark.tests.results import make_result

PAGE = Mix("a page", (Question("GET", "/"),))
BEFORE = Row(Serving(interface="asgi"), PAGE)
AFTER = Row(Serving(interface="asgi", pool=8), PAGE, against=BEFORE)
BEHIND_PGBOUNCER = Row(Serving(interface="asgi", has_pgbouncer=True), PAGE)


def test_a_row_is_compared_with_the_one_before_the_remedy() -> None:
    """It shows the ratio: its median and its ends."""
    slow = make_result(BEFORE, rates=(100, 50, 100), new_connections=7)
    fast = make_result(AFTER, rates=(200, 150, 150), alone=(0.0021,))

    headings, rule, first, second = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in table([slow, fast]).splitlines()
    ]

    assert dict(zip(headings, second, strict=True)) == {
        "row": "2",
        "served": "ASGI, pool of 8",
        "asked": "a page",
        "requests/s": "150",
        "against": "1: 2.00 (1.50 to 3.00)",
        "p50 ms": "10.0",
        "p95 ms": "20.0",
        "p99 ms": "20.0",
        "alone ms": "2.1",
        "new connections": "2",
        "left open": "1",
        "hops": "4",
        "queries": "3",
    }
    assert first[:5] == ["1", "ASGI, `CONN_MAX_AGE=0`", "a page", "100", ""]
    assert all(cell.strip(":").replace("-", "") == "" and len(cell) > 2 for cell in rule)


def test_the_columns_are_as_wide_as_their_widest_cell() -> None:
    """The table must read well in a terminal, too."""
    lines = table([make_result(BEFORE, rates=(100,)), make_result(AFTER, rates=(100,))]).splitlines()

    assert len({len(line) for line in lines}) == 1


def test_the_connections_to_a_pooler_are_told_apart() -> None:
    """PostgreSQL's connections come first, because it has to keep them."""
    assert "| 7 (2 to PgBouncer) |" in table([make_result(BEHIND_PGBOUNCER, rates=(100,), new_connections=7)])
