"""What can `--dbperf-tighten` take back? Debts that no test needs any more, and numbers that are too high."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from pytest_dbperf.baseline.debts import Baseline, Debt, Key, without_parameters
from pytest_dbperf.baseline.owing import debts_needed, passed_otherwise
from pytest_dbperf.baseline.renames import Rename, renames
from pytest_dbperf.baseline.whole import why_not_whole
from pytest_dbperf.results.model import Run


@dataclass(frozen=True, slots=True)
class TooHigh:
    """A number of a debt that could be lower. `needed` is None if the limit holds without it."""

    key: Key
    name: str
    accepted: int
    needed: int | None


@dataclass(frozen=True, slots=True)
class Slack:
    """What a baseline accepts and a run did not need."""

    stale: Sequence[Debt] = ()
    """The debts that no test needs."""
    too_high: Sequence[TooHigh] = ()
    renames: Sequence[Rename] = ()
    """Those of the stale debts that are needed elsewhere, under the same name."""
    unknown_because: str = ""
    """Why other debts may be stale as well, or too high; empty if the run knows all of them."""


def slack_of(baseline: Baseline, run: Run, is_known: Callable[[Key], bool] = lambda _: True) -> Slack:
    """Find what a run did not need of a baseline.

    A run of some tests only knows the numbers of those tests that have no parameters. `is_known` leaves out
    debts that other suites may need.
    """
    needed = debts_needed(run)
    known = {key: debt for key, debt in sorted(baseline.debts.items()) if is_known(key)}
    if why := why_not_whole(run):
        of_tests = _tests_without_parameters(run)
        ran = {key: debt for key, debt in known.items() if key in needed and key.names[0] in of_tests}
        lower = [one for one in _too_high(ran, needed) if one.needed is not None]
        return Slack(too_high=lower, unknown_because=why)
    said_nothing = _tests_that_said_nothing(run)
    known = {key: debt for key, debt in known.items() if key.names[0] not in said_nothing}
    stale = [debt for key, debt in known.items() if key not in needed]
    used = {key: debt for key, debt in known.items() if key in needed}
    return Slack(stale, _too_high(used, needed), renames(baseline, (debt.key for debt in stale), needed))


def tightened(baseline: Baseline, slack: Slack) -> Baseline:
    """Take back what a run did not need. A debt that was moved stays until its new name is accepted."""
    stays = {rename.before for rename in slack.renames}
    removed = {debt.key for debt in slack.stale} - stays
    debts = {key: debt for key, debt in baseline.debts.items() if key not in removed}
    for lower in slack.too_high:
        numbers = dict(debts[lower.key].numbers)
        if lower.needed is None:
            del numbers[lower.name]
        else:
            numbers[lower.name] = lower.needed
        debts[lower.key] = replace(debts[lower.key], numbers=numbers)
    comments = {key: lines for key, lines in baseline.comments.items() if key not in removed}
    return Baseline(debts, comments)


def _too_high(debts: Mapping[Key, Debt], needed: Mapping[Key, Debt]) -> list[TooHigh]:
    return [
        TooHigh(key, name, accepted, needed[key].numbers.get(name))
        for key, debt in debts.items()
        for name, accepted in sorted(debt.numbers.items())
        if accepted > needed[key].numbers.get(name, -1)
    ]


def _tests_without_parameters(run: Run) -> set[str]:
    """The ids of the tests that passed otherwise and are one test each."""
    return {
        test.id for test in run.tests if passed_otherwise(test) and without_parameters(test.id) == test.id
    }


def _tests_that_said_nothing(run: Run) -> set[str]:
    """The ids of tests that were skipped or expected to fail: they may need their debts."""
    return {without_parameters(test.id) for test in run.tests if not passed_otherwise(test)}
