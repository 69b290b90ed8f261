"""How is each example of a test by Hypothesis measured alone? Its body runs many times, as one test."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

from pytest_dbperf.budgets.placed import PlacedBudget
from pytest_dbperf.recording.groups import key_of_sites
from pytest_dbperf.results.of_budgets import AllowanceResult
from pytest_dbperf.session.finding_results import each_once
from pytest_dbperf.session.functions import run_inside
from pytest_dbperf.session.running_test import RunningTest
from pytest_dbperf.violations.violation import Violation, WarningLine

PlacedWarning = tuple[PlacedBudget, WarningLine]
Around = Callable[[], AbstractContextManager[None]]
_WINDOW = "_dbperf_window"


def has_examples(item: Any) -> bool:
    """Tell whether Hypothesis runs the body of a test. Hypothesis is not imported for that."""
    return _handle_of(item) is not None or _state_machine_of(item) is not None


def wrap_examples(item: Any, around: Around) -> Callable[[], None]:
    """Run each example of a test inside a context manager of its own. Return a function that undoes it."""
    undo = ExitStack()
    if (handle := _handle_of(item)) is not None:
        # Hypothesis offers this attribute to plugins. pytest-asyncio uses it, too, and later than this.
        undo.callback(setattr, handle, "inner_test", handle.inner_test)
        handle.inner_test = run_inside(handle.inner_test, around)
    elif (machine := _state_machine_of(item)) is not None:
        undo.enter_context(_wrapping_runs(machine, around))
    return undo.close


def _handle_of(item: Any) -> Any:
    return getattr(getattr(item, "obj", None), "hypothesis", None) if _is_by_hypothesis(item) else None


def _state_machine_of(item: Any) -> Any:
    name = "_hypothesis_state_machine_class"
    return getattr(getattr(item, "obj", None), name, None) if _is_by_hypothesis(item) else None


def _is_by_hypothesis(item: Any) -> bool:
    return getattr(getattr(item, "obj", None), "is_hypothesis_test", False) is True


@contextmanager
def _wrapping_runs(machine: Any, around: Around) -> Iterator[None]:
    """Wrap the constructor and the teardown of a state machine: a run of it is between them."""
    constructor, teardown = machine.__init__, machine.teardown

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        __tracebackhide__ = True
        with ExitStack() as window:
            window.enter_context(around())
            constructor(self, *args, **kwargs)
            vars(self)[_WINDOW] = window.pop_all(), sys.exc_info()[1]

    def end(self: Any) -> None:
        __tracebackhide__ = True
        window, outer = vars(self)[_WINDOW]
        try:
            teardown(self)
        finally:
            # Hypothesis calls it in a `finally` block: the error of a rule may be on its way.
            error = sys.exc_info()
            window.__exit__(*(error if error[1] is not outer else (None, None, None)))

    own = {name: vars(machine)[name] for name in ("__init__", "teardown") if name in vars(machine)}
    machine.__init__, machine.teardown = __init__, end
    try:
        yield
    finally:
        for name in ("__init__", "teardown"):
            if name in own:
                setattr(machine, name, own[name])
            else:
                delattr(machine, name)


@contextmanager
def keeping_each_finding_once(test: RunningTest, *, fails: bool) -> Iterator[None]:
    """Keep what the checks of one example find with the test, which has many examples.

    Hypothesis runs the example that it reports last, so what broke a budget there replaces what was found
    before. If broken budgets fail nothing, the worst violation of each is kept.
    """
    before, test.violations = test.violations, []
    try:
        yield
    finally:
        test.examples += 1
        found = test.violations
        test.violations = (found or before) if fails else _worst_of_each([*before, *found])
        test.warnings = _one_of_each(test.warnings)
        test.allowances = _merged(test.allowances)
        test.findings = each_once(test.findings)


def _worst_of_each(violations: Sequence[Violation]) -> list[Violation]:
    worst: dict[str, Violation] = {}
    for violation in sorted(violations, key=lambda one: abs(one.measured - one.limit)):
        worst[violation.placed] = violation
    return [*worst.values()]


def _one_of_each(warnings: Sequence[PlacedWarning]) -> list[PlacedWarning]:
    # The text has a count, which may differ from example to example.
    return [*{(str(one[0]), key_of_sites(one[1].call_path) or one[1].text): one for one in warnings}.values()]


def _merged(allowances: Sequence[AllowanceResult]) -> list[AllowanceResult]:
    merged: dict[object, AllowanceResult] = {}
    for one in allowances:
        key = one.budget, one.written_at, one.pattern
        if key not in merged or one.is_used:
            merged[key] = one
    return [*merged.values()]
