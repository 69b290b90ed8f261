"""A comparison is written with what is worse first, and names its base."""

import pytest

from pytest_dbperf.comparison.comparing import compare
from pytest_dbperf.comparison.gates import failed_gates
from pytest_dbperf.comparison.text import gate_lines, last_line, lines
from tests.unit.comparison.runs import AUTHOR, VIEW, finding, group, hops, request, result, run

COMMIT = "4f0c1a2b3c4d5e6f"


def test_a_comparison_on_one_screen():
    """Findings, statements, routes and tests, each with the numbers before and after."""
    base = run(
        result("a", finding(3, "Book.tags"), group(1), request(1)),
        result("b", group(2, "SELECT 1")),
        result("c", group(2, "SELECT 1")),
        commit=COMMIT,
        dirty=True,
        versions={"django": "5.2.8", "python": "3.11.7", "psycopg": "3.2"},
    )
    head = run(
        result(
            "a",
            finding(4, "Book.tags"),
            finding(25, fix="shop/views.py:9  .only()"),
            group(25),
            request(25),
            hops(2),
        ),
        result("b", group(1, "SELECT 1")),
        result("c", group(1, "SELECT 1"), finding(2, in_tests=True, subject="Book.x", is_accepted=True)),
        result("d"),
        versions={"django": "6.1.3", "python": "3.11.7", "sqlite": "3.40"},
    )

    assert list(lines(compare(base, head), "main.json", 10)) == [
        "compared with main.json (commit 4f0c1a2b3c, dirty): 3 tests",
        "not compared: 1 test only in this run",
        "other versions, which may change numbers: django 5.2.8 -> 6.1.3",
        "",
        "findings",
        "  new     no_n_plus_one  Book.author  in 1 test",
        f"          {VIEW[0]}",
        "          fix  shop/views.py:9  .only()",
        "  worse   no_n_plus_one  Book.tags 3 -> 4  in 1 test",
        f"          {VIEW[0]}",
        "",
        "findings in the tests' own code",
        "  new     no_n_plus_one  Book.x  in 1 test, accepted by the baseline",
        f"          {VIEW[0]}",
        "",
        "statements and hops",
        "  +24     SELECT ... FROM shop_author WHERE shop_author.id = %s LIMIT 21  in 1 test",
        f"          {VIEW[0]}",
        "  +2      hop sync_to_async load  in 1 test, new",
        f"          {VIEW[0]}",
        "  -1      SELECT 1  in 2 tests",
        f"          {VIEW[0]}",
        "",
        "routes",
        "  worse   queries 1 -> 25  GET books/",
        "",
        "tests",
        "  worse   queries 1 -> 25  a",
        "  worse   hops 0 -> 2  a",
        "  better  queries -1 in 2 tests, such as b",
        "",
        "1 finding new, 1 finding worse, more queries in 1 test, more hops in 1 test, "
        "fewer queries in 2 tests",
    ]


def test_long_parts_are_cut():
    """The number of lines is that of --dbperf-top or --top."""
    statements = [f"DELETE FROM {letter}" for letter in "abcde"]
    functions = [f"shop/{letter}.py:1 f" for letter in "abcde"]
    long = f"UPDATE shop_author SET {', '.join(f'column_{number} = %s' for number in range(20))}"
    head = run(
        result("a", *(group(2, statement) for statement in statements), group(9, long)),
        result("b", *(group(1, "DELETE FROM f", (function,)) for function in functions), finding()),
    )
    verdict = compare(run(result("a"), result("b"), result("c")), head)

    shown = list(lines(verdict, "main.json", 2))
    everything = list(lines(verdict, "main.json", 0))

    assert "compared with main.json (commit unknown): 2 tests" in shown
    assert "not compared: 1 test only in the base" in shown
    assert "  ... 5 more" in shown
    assert not any("more" in line for line in everything if line.startswith("  ... "))
    assert any(
        line.startswith("  +9      UPDATE shop_author SET column_0") and " ...  in" in line for line in shown
    )
    assert "  +5      DELETE FROM f  in 1 test, new" in everything
    assert "          ... from 2 other functions" in everything


def test_places_tell_their_tests_if_not_all_of_them():
    """A statement can have several causes."""
    paths = {"a": ("shop/a.py:1 f",), "b": ("shop/b.py:1 f",), "c": ("shop/b.py:1 f",)}
    base = run(*(result(test) for test in paths))
    head = run(
        *(result(test, group(index, AUTHOR, path)) for index, (test, path) in enumerate(paths.items(), 1))
    )

    shown = list(lines(compare(base, head), "main.json", 10))

    assert [line for line in shown if line.startswith("  +") or ".py:1" in line] == [
        "  +1 to +3  SELECT ... FROM shop_author WHERE shop_author.id = %s LIMIT 21  in 3 tests, new",
        "          shop/b.py:1 f (2 tests)",
        "          shop/a.py:1 f (1 test)",
    ]


def test_what_is_new_or_gone_has_one_number():
    """Routes that only one run reached."""
    one, other = run(result("a", request(3))), run(result("a", request(4, text="POST /books/")))

    shown = list(lines(compare(one, other), "main.json", 10))

    assert [line for line in shown if line.startswith("  ") and "queries" in line] == [
        "  new     queries 4  POST books/",
        "  gone    queries 3  GET books/",
    ]
    assert shown[-1] == "no test has other numbers"


def test_a_finding_that_moved_or_is_gone_is_told():
    """Neither is worse."""
    base = run(result("a", finding(), finding(1, "Book.tags", fix="of no use now")))
    head = run(result("a", finding(function="shop/api.py show")))

    shown = list(lines(compare(base, head), "main.json", 10))

    assert shown[3] == "  gone    no_n_plus_one  Book.tags  in 1 test"
    assert shown[6:8] == [
        "findings in another function than before",
        "  no_n_plus_one  Book.author  shop/views.py name_of_author -> shop/api.py show",
    ]
    assert shown[-1] == "1 finding gone"


def test_tests_with_new_names_are_counted():
    """They are compared as the tests that they were."""
    verdict = compare(run(result("t.py::a", group(2))), run(result("t.py::b", group(2))))

    shown = list(lines(verdict, "main.json", 10))

    assert shown == [
        "compared with main.json (commit unknown): 1 test",
        "compared under another name: 1 test",
        "",
        "nothing has changed",
    ]


@pytest.mark.parametrize("dirty", [True, False])
def test_a_failed_gate_is_told_with_the_base_and_what_to_do(dirty):
    """The path of the base can be copied into a shell."""
    base = run(result("a"), commit=COMMIT, dirty=dirty)
    verdict = compare(base, run(result("a", group(2), finding()), complete=False))
    failed = list(failed_gates(verdict, ["new-findings", "more-queries"]))
    commit = f"commit 4f0c1a2b3c{', dirty' if dirty else ''}"

    assert list(gate_lines(failed, "my base.json", verdict)) == [
        f"dbperf: the comparison with my base.json ({commit}) proves nothing: this run is incomplete: "
        "results are missing. Compare runs that have ended: pytest --dbperf-report=json:PATH",
        f"dbperf: worse than my base.json ({commit}): new-findings (1 new finding), "
        "more-queries (more queries in 1 test). To accept that, write a new base: "
        "pytest --dbperf-report=json:'my base.json'",
    ]
    assert last_line(verdict) == "not proven: this run is incomplete: results are missing"
