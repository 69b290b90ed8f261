"""Do the runs of several jobs make one run of the suite? They are joined if none is missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pytest_dbperf.reports.terminal import counted
from pytest_dbperf.results.circumstances import Selection
from pytest_dbperf.results.model import Run, TestResult

Named = tuple[str, Run]

_PASSED, _FAILED, _NO_TESTS = 0, 1, 5
_MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class Combined:
    """The joined run, or the reasons why there is none, and what else there is to know."""

    run: Run | None
    problems: Sequence[str]
    remarks: Sequence[str]


def combine(shards: Sequence[Named], expected: int) -> Combined:
    """Join the runs of as many shards as are expected, each with the name of its file."""
    problems = list(_problems(shards, expected))
    runs = [run for _, run in shards]
    return Combined(None if problems else _joined(runs), problems, list(_remarks(runs)))


def _problems(shards: Sequence[Named], expected: int) -> Iterator[str]:
    yield from _miscounted(shards, expected)
    for name, run in shards:
        if not run.complete:
            yield f"{name} is incomplete: results are missing in it"
    yield from _differing("the commit", {name: run.commit or "unknown" for name, run in shards})
    packages = sorted({package for _, run in shards for package in run.versions})
    for package in packages:
        yield from _differing(
            package, {name: run.versions[package] for name, run in shards if package in run.versions}
        )


def _miscounted(shards: Sequence[Named], expected: int) -> Iterator[str]:
    names_of: dict[int, list[str]] = {}
    for name, run in shards:
        if run.shard is not None and run.shard.of != expected:
            yield f"{name} is shard {run.shard}, but {expected} are expected"
        elif run.shard is not None:
            names_of.setdefault(run.shard.number, []).append(name)
    for number, names in sorted(names_of.items()):
        if len(names) > 1:
            yield f"shard {number}/{expected} was given {len(names)} times: {', '.join(names)}"
    if all(run.shard is not None and run.shard.of == expected for _, run in shards):
        for number in range(1, expected + 1):
            if number not in names_of:
                yield f"shard {number}/{expected} is missing"
    elif len(shards) != expected:
        yield f"{counted(len(shards), 'file')} given, and {expected} expected"


def _differing(what: str, value_of: Mapping[str, str]) -> Iterator[str]:
    """Tell that the files are of different commits or versions: the first file of each."""
    first_with: dict[str, str] = {}
    for name, value in value_of.items():
        first_with.setdefault(value, name)
    if len(first_with) > 1:
        told = ", ".join(f"{value} in {name}" for value, name in sorted(first_with.items()))
        yield f"{what} is not the same: {told}"


def _remarks(runs: Sequence[Run]) -> Iterator[str]:
    counts = Counter(test.id for run in runs for test in run.tests)
    repeated = sorted(test_id for test_id, count in counts.items() if count > 1)
    if repeated:
        more = f" and {len(repeated) - _MOST_NAMED} more" if len(repeated) > _MOST_NAMED else ""
        yield (
            "more than one shard ran these tests, the result with most queries is kept: "
            f"{', '.join(repeated[:_MOST_NAMED])}{more}"
        )


def _joined(runs: Sequence[Run]) -> Run:
    tests: dict[str, TestResult] = {}
    for test in (test for run in runs for test in run.tests):
        tests[test.id] = max(tests.get(test.id, test), test, key=_amount)
    return Run(
        complete=True,
        exit_code=_exit_code({run.exit_code for run in runs}),
        versions=dict(sorted((name, version) for run in runs for name, version in run.versions.items())),
        tests=[test for _, test in sorted(tests.items())],
        commit=runs[0].commit,
        dirty=None if runs[0].commit is None else any(run.dirty for run in runs),
        selection=_selection([run.selection for run in runs], len(tests)),
    )


def _amount(test: TestResult) -> tuple[int, int, int, bool]:
    call = test.call
    return call.queries, sum(call.hops.values()), call.new_connections, test.outcome != "passed"


def _exit_code(codes: Iterable[int]) -> int:
    """Return the code of a run of all shards: a failed test decides, and a shard without tests does not."""
    others = {code for code in codes if code != _NO_TESTS}
    return _FAILED if _FAILED in others else max(others, default=_NO_TESTS)


def _selection(selections: Sequence[Selection], ran: int) -> Selection:
    arguments = sorted({each for selection in selections for each in selection.arguments})
    options = list(dict.fromkeys(each for selection in selections for each in selection.options))
    if all(sorted(selection.arguments) == arguments for selection in selections):
        # Each shard collected the whole suite, and then left out the tests of the others.
        collected = max(selection.collected for selection in selections)
        return Selection(arguments, options, collected, max(0, collected - ran))
    return Selection(
        arguments,
        options,
        sum(selection.collected for selection in selections),
        sum(selection.deselected for selection in selections),
    )
