"""What did a test run, and which code ran it? Statements and hops, without what changes with other code."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from pytest_dbperf.callsites.ownership import is_test_file
from pytest_dbperf.results.model import TestResult
from pytest_dbperf.sql.shapes import shape_of

_SITE = re.compile(r"(.*):\d+ (.*)", re.DOTALL)
_INSERTED = re.compile(r"(INSERT INTO [\w.]+) \([^()]*\) VALUES .*", re.IGNORECASE | re.DOTALL)
NO_LINE = "(no line of your code)"


class Ran(NamedTuple):
    """A statement on an alias, without its columns, or a hop."""

    what: str
    using: str


@dataclass(slots=True)
class Counts:
    """How often something ran, by the function that did it, and a line of each function."""

    by_function: Counter[str] = field(default_factory=Counter)
    lines: dict[str, str] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """How often it ran."""
        return self.by_function.total()


def counts_of(test: TestResult) -> Mapping[Ran, Counts]:
    """Count what a test ran."""
    counts: dict[Ran, Counts] = {}
    for ran, count, call_path in _groups_of(test):
        line = own_line(call_path)
        function = function_of(line)
        here = counts.setdefault(ran, Counts())
        here.by_function[function] += count
        here.lines.setdefault(function, line)
    return counts


def signature_of(test: TestResult) -> frozenset[tuple[Ran, str, int]] | None:
    """Return what identifies a test under another name; None if it did nothing."""
    found = [
        (ran, "" if _is_of_tests(function) else function, count)
        for ran, counts in counts_of(test).items()
        for function, count in counts.by_function.items()
    ]
    return frozenset(found) or None


def own_line(call_path: Sequence[str]) -> str:
    """Return the innermost line that is no code of the tests, or else the innermost of theirs."""
    innermost = call_path[0] if call_path else NO_LINE
    return next((line for line in call_path if not _is_of_tests(line)), innermost)


def function_of(line: str) -> str:
    """Leave out the number of a line: `shop/views.py:16 titles` is `shop/views.py titles`."""
    return _SITE.sub(r"\1 \2", line)


def _groups_of(test: TestResult) -> Iterator[tuple[Ran, int, Sequence[str]]]:
    for group in test.call.groups:
        yield Ran(statement_of(group.fingerprint), group.using or ""), group.count, group.call_path
    for hops in test.call.hop_groups:
        yield Ran(f"hop {hops.via} {hops.function}", ""), hops.count, hops.call_path


@lru_cache(maxsize=10_000)
def statement_of(fingerprint: str) -> str:
    """Leave out the columns of a statement, so that it stays the same when its model gets another one."""
    return shape_of(_INSERTED.sub(r"\1 (...)", fingerprint))


@lru_cache(maxsize=10_000)
def _is_of_tests(line: str) -> bool:
    found = _SITE.fullmatch(line)
    return is_test_file(found[1] if found else line.rpartition(" ")[0])
