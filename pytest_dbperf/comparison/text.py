"""How is a comparison written for people? What is worse first, each cause with its lines and tests."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from pytest_dbperf.comparison.gates import COMPARISON
from pytest_dbperf.comparison.verdict import (
    CauseChange,
    GroupChange,
    MovedCause,
    NumberChange,
    Source,
    Verdict,
)
from pytest_dbperf.reports.terminal import counted

Each = TypeVar("Each")

_LONGEST_STATEMENT = 100
_MOST_PLACES = 3
_CHARACTERS_OF_COMMIT = 10


def lines(verdict: Verdict, base: str, top: int) -> Iterator[str]:
    """Write a comparison with the file `base`; `top` is the number of changes of each sort, 0 for all."""
    yield f"compared with {name_of(base, verdict.base)}: {counted(verdict.compared, 'test')}"
    yield from _not_compared(verdict)
    yield from _other_versions(verdict)
    own = [cause for cause in verdict.causes if not cause.in_tests]
    of_tests = [cause for cause in verdict.causes if cause.in_tests]
    yield from _part("findings", own, _cause_lines, top)
    yield from _part("findings in the tests' own code", of_tests, _cause_lines, top)
    yield from _part("findings in another function than before", verdict.moved, _moved_lines, top)
    yield from _part("statements and hops", verdict.groups, _group_lines, top)
    yield from _part("routes", verdict.routes, _route_lines, top)
    yield from _part("tests", _folded(verdict.tests), _test_lines, top)
    yield ""
    yield last_line(verdict)


def last_line(verdict: Verdict) -> str:
    """Write in one line whether it is worse than before."""
    if verdict.obstacles:
        return f"not proven: {'; '.join(verdict.obstacles)}"
    parts = list(_counts(verdict))
    return ", ".join(parts) if parts else "nothing has changed"


def gate_lines(failed: Iterable[tuple[str, str]], base: str, verdict: Verdict) -> Iterator[str]:
    """Write which gates a comparison with the file `base` did not pass, why, and what to do."""
    name, again = name_of(base, verdict.base), f"pytest --dbperf-report=json:{shlex.quote(base)}"
    reasons = dict(failed)
    if obstacle := reasons.pop(COMPARISON, ""):
        yield (
            f"dbperf: the comparison with {name} proves nothing: {obstacle}. "
            "Compare runs that have ended: pytest --dbperf-report=json:PATH"
        )
    if reasons:
        told = ", ".join(f"{gate} ({reason})" for gate, reason in reasons.items())
        yield f"dbperf: worse than {name}: {told}. To accept that, write a new base: {again}"


def name_of(path: str, source: Source) -> str:
    """Name a file with the commit that its numbers are from: `main.json (commit 4f0c1a2b3c, dirty)`."""
    if source.commit is None:
        return f"{path} (commit unknown)"
    dirty = ", dirty" if source.dirty else ""
    return f"{path} (commit {source.commit[:_CHARACTERS_OF_COMMIT]}{dirty})"


def _counts(verdict: Verdict) -> Iterator[str]:
    own = [cause for cause in verdict.causes if not cause.in_tests]
    for change in ("new", "worse", "better", "gone"):
        if count := sum(cause.change == change for cause in own):
            yield f"{counted(count, 'finding')} {change}"
    for change, more in (("worse", "more"), ("better", "fewer")):
        for name in ("queries", "hops", "connections"):
            if count := sum(each.name == name and each.change == change for each in verdict.tests):
                yield f"{more} {name} in {counted(count, 'test')}"
    if verdict.has_changes and not (own or verdict.tests):
        yield "no test has other numbers"


def _not_compared(verdict: Verdict) -> Iterator[str]:
    parts = [
        f"{counted(len(tests), 'test')} {which}"
        for tests, which in (
            (verdict.only_in_base, "only in the base"),
            (verdict.only_in_head, "only in this run"),
            (verdict.not_passed, "that did not pass in both"),
        )
        if tests
    ]
    if parts:
        yield f"not compared: {', '.join(parts)}"
    if verdict.renamed:
        yield f"compared under another name: {counted(len(verdict.renamed), 'test')}"


def _other_versions(verdict: Verdict) -> Iterator[str]:
    before, after = verdict.base.versions, verdict.head.versions
    differing = [
        f"{name} {before[name]} -> {after[name]}"
        for name in sorted(before)
        if name in after and before[name] != after[name]
    ]
    if differing:
        yield f"other versions, which may change numbers: {', '.join(differing)}"


def _part(
    title: str, changes: Sequence[Each], write: Callable[[Each], Iterable[str]], top: int
) -> Iterator[str]:
    if changes:
        yield ""
        yield title
        for change in changes[: top or None]:
            yield from write(change)
        if left_out := len(changes[top:]) if top else 0:
            yield f"  ... {left_out} more"


def _cause_lines(cause: CauseChange) -> Iterator[str]:
    accepted = ", accepted by the baseline" if cause.is_accepted else ""
    numbers = "" if cause.base is None or cause.head is None else f" {cause.base} -> {cause.head}"
    yield (
        f"  {cause.change:<6}  {cause.budget}  {cause.subject}{numbers}"
        f"  in {counted(len(cause.tests), 'test')}{accepted}"
    )
    yield f"          {cause.line}"
    if cause.fix and cause.change in ("new", "worse"):
        yield f"          fix  {cause.fix}"


def _moved_lines(cause: MovedCause) -> Iterator[str]:
    yield f"  {cause.budget}  {cause.subject}  {cause.before} -> {cause.after}"


def _group_lines(group: GroupChange) -> Iterator[str]:
    what = group.what
    if len(what) > _LONGEST_STATEMENT:
        what = f"{what[: _LONGEST_STATEMENT - 4]} ..."
    difference = f"{group.smallest:+}"
    if group.largest != group.smallest:
        difference += f" to {group.largest:+}"
    noted = {"new": ", new", "gone": ", gone"}.get(group.change, "")
    yield f"  {difference:<6}  {what}  in {counted(len(group.tests), 'test')}{noted}"
    for place in group.places[:_MOST_PLACES]:
        tests = "" if place.tests == len(group.tests) else f" ({counted(place.tests, 'test')})"
        yield f"          {place.line}{tests}"
    if left_out := len(group.places[_MOST_PLACES:]):
        yield f"          ... from {counted(left_out, 'other function')}"


def _route_lines(route: NumberChange) -> Iterator[str]:
    yield f"  {route.change:<6}  {route.name} {_from_to(route)}  {route.key}"


def _folded(tests: Sequence[NumberChange]) -> Sequence[Sequence[NumberChange]]:
    """Put tests together whose numbers have changed alike."""
    folded: dict[tuple[str, int], list[NumberChange]] = {}
    for test in tests:
        folded.setdefault((test.name, (test.head or 0) - (test.base or 0)), []).append(test)
    return list(folded.values())


def _test_lines(alike: Sequence[NumberChange]) -> Iterator[str]:
    first = alike[0]
    if len(alike) == 1:
        yield f"  {first.change:<6}  {first.name} {_from_to(first)}  {first.key}"
    else:
        difference = (first.head or 0) - (first.base or 0)
        yield (f"  {first.change:<6}  {first.name} {difference:+} in {len(alike)} tests, such as {first.key}")


def _from_to(change: NumberChange) -> str:
    if change.base is None or change.head is None:
        return str(change.head if change.base is None else change.base)
    return f"{change.base} -> {change.head}"
