"""A gate fails a run for the changes that it names, and for no others."""

import pytest

from pytest_dbperf.comparison.comparing import compare
from pytest_dbperf.comparison.gates import UnknownGate, failed_gates, gates_of
from tests.unit.comparison.runs import finding, group, hops, request, result, run

ALL = ["new-findings", "more-queries", "more-hops", "more-connections"]
NOTHING = run(result("a"))


@pytest.mark.parametrize(
    ("texts", "gates"),
    [
        ([], []),
        (["more-hops"], ["more-hops"]),
        (["more-hops, new-findings", "more-hops"], ["more-hops", "new-findings"]),
        (["more-hops,any"], ALL),
    ],
)
def test_gates_are_listed_with_commas(texts, gates):
    """The option can be repeated, and `any` stands for all."""
    assert gates_of(texts) == gates


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("more-hop", "got 'more-hop' (did you mean 'more-hops'?)"),
        ("new-findings,", "got ''"),
        ("slower", "takes new-findings, more-queries, more-hops, more-connections, any, got 'slower'"),
    ],
)
def test_an_unknown_gate_is_refused(text, told):
    """It would let everything pass."""
    with pytest.raises(UnknownGate) as error:
        gates_of([text])
    assert str(error.value).endswith(told)


@pytest.mark.parametrize(
    ("base", "head", "failed"),
    [
        (NOTHING, NOTHING, []),
        (NOTHING, run(result("a", finding())), [("new-findings", "1 new finding")]),
        (NOTHING, run(result("a", finding(is_accepted=True))), []),
        (NOTHING, run(result("a", finding(in_tests=True))), []),
        (run(result("a", finding())), NOTHING, []),
        (run(result("a", finding(1))), run(result("a", finding(2))), []),
        (NOTHING, run(result("a", group(2))), [("more-queries", "more queries in 1 test")]),
        (run(result("a", group(2))), NOTHING, []),
        (
            run(result("a", request(1))),
            run(result("a", request(2))),
            [("more-queries", "more queries in 1 route")],
        ),
        (NOTHING, run(result("a", request(2))), []),
        (NOTHING, run(result("a", hops())), [("more-hops", "more hops in 1 test")]),
        (NOTHING, run(result("a", connections=1)), [("more-connections", "more connections in 1 test")]),
    ],
)
def test_a_gate_fails_for_its_changes(base, head, failed):
    """Fewer queries, accepted findings, those of the tests' own code and new routes fail nothing."""
    verdict = compare(base, head)

    assert list(failed_gates(verdict, ALL)) == failed
    assert list(failed_gates(verdict, [])) == []


def test_what_proves_nothing_fails_whatever_was_asked_for():
    """A run that was cut short seems to be better."""
    verdict = compare(run(result("a"), complete=False), run(result("a")))

    assert list(failed_gates(verdict, [])) == [
        ("comparison", "the base is incomplete: results are missing in it")
    ]
