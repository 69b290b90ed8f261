"""Which changes fail a run? Those that `--fail-on` names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pytest_dbperf.comparison.verdict import NumberChange, Verdict
from pytest_dbperf.reports.terminal import counted
from pytest_dbperf.violations.spelling import did_you_mean

NEW_FINDINGS = "new-findings"
ANY = "any"
_NUMBERS: Mapping[str, str] = {
    "more-queries": "queries",
    "more-hops": "hops",
    "more-connections": "connections",
}
_ALL = (NEW_FINDINGS, *_NUMBERS)
GATES = (*_ALL, ANY)
# The comparison itself, whichever gates are asked for.
COMPARISON = "comparison"
GATE_FAILED = 10


class UnknownGate(ValueError):
    """A gate has a name that there is not. The text names those that there are."""


def gates_of(texts: Sequence[str]) -> Sequence[str]:
    """Read the gates of `new-findings,more-queries`.

    Raises:
        UnknownGate: A name is misspelt.
    """
    names = [name.strip() for text in texts for name in text.split(",")]
    for name in names:
        if name not in GATES:
            raise UnknownGate(f"takes {', '.join(GATES)}, got {name!r}{did_you_mean(name, GATES)}")
    return list(dict.fromkeys(_ALL if ANY in names else names))


def failed_gates(verdict: Verdict, gates: Sequence[str]) -> Iterator[tuple[str, str]]:
    """List the gates that a comparison does not pass, each with the reason.

    A comparison that leaves something out is no proof, so it never passes.
    """
    if verdict.obstacles:
        yield COMPARISON, "; ".join(verdict.obstacles)
    for gate in gates:
        if reason := _reason_of(verdict, gate):
            yield gate, reason


def _reason_of(verdict: Verdict, gate: str) -> str:
    if gate == NEW_FINDINGS:
        new = [
            cause
            for cause in verdict.causes
            if cause.change == "new" and not (cause.in_tests or cause.is_accepted)
        ]
        return counted(len(new), "new finding") if new else ""
    name = _NUMBERS[gate]
    tests, routes = (
        [each for each in changes if _is_worse(each, name)] for changes in (verdict.tests, verdict.routes)
    )
    parts = [
        f"more {name} in {counted(len(worse), what)}"
        for worse, what in ((tests, "test"), (routes, "route"))
        if worse
    ]
    return ", ".join(parts)


def _is_worse(change: NumberChange, name: str) -> bool:
    return change.name == name and change.change == "worse"
