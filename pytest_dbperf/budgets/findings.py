"""What did a budget find? Each finding has one subject, and one function of yours that did it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

from pytest_dbperf.callsites.callsite import CallPath
from pytest_dbperf.callsites.of_tests import function_of_yours
from pytest_dbperf.recording.cause import Request
from pytest_dbperf.recording.recorder import Recording
from pytest_dbperf.sql.conditions import filtered_columns
from pytest_dbperf.sql.fingerprint import Statement
from pytest_dbperf.violations.violation import Violation


@dataclass(frozen=True, slots=True)
class Found:
    """One cause that breaks a budget: how often, what it is about, and the code that did it.

    `subject` is a relation (`Book.author`), a table and its columns (`shop_book.price`), or a function
    (`check_password`). It has no count and no line, so that it stays the same when other code changes.
    """

    subject: str
    count: int
    what: str
    """What was counted, shortened for people: a statement, or a function."""
    call_path: CallPath
    requests: tuple[Request, ...] = ()
    """The requests in which it happened; empty outside of any."""

    @property
    def key(self) -> tuple[str, str]:
        """What identifies it among the findings of its budget: the subject and the function of yours."""
        return self.subject, function_of_yours(self.call_path)


@runtime_checkable
class HasFindings(Protocol):
    """A budget that finds causes, each of which a baseline can accept."""

    def findings(self, recording: Recording) -> Sequence[Found]:
        """Everything that breaks the budget and that `allow` does not allow; empty if nothing breaks it.

        Each subject and function is there once, with the sum of its counts.
        """
        ...

    def check_without(self, recording: Recording, is_accepted: Callable[[Found], bool]) -> Violation | None:
        """Check a recording as `check` does, without the findings that are accepted."""
        ...


def nothing_is_accepted(_: Found) -> bool:
    """Accept no finding, as without a baseline."""
    return False


class WithFindings(ABC):
    """A budget that judges things one by one. The subclass says which break it, and what each of them is."""

    __slots__ = ()

    @abstractmethod
    def forbidden(self, recording: Recording) -> Sequence[Any]:
        """What breaks the budget, apart from what is allowed."""

    @abstractmethod
    def found(self, judged: Any) -> Found:
        """What one thing that breaks the budget is."""

    @abstractmethod
    def violation_by(self, recording: Recording, forbidden: Sequence[Any]) -> Violation | None:
        """Make the violation that these things cause; there is at least one."""

    def check(self, recording: Recording) -> Violation | None:
        """Count what breaks the budget."""
        return self.check_without(recording, nothing_is_accepted)

    def check_without(self, recording: Recording, is_accepted: Callable[[Found], bool]) -> Violation | None:
        """Count what breaks the budget and is not accepted."""
        left = self.forbidden(recording)
        if is_accepted is not nothing_is_accepted:
            left = [each for each in left if not is_accepted(self.found(each))]
        return self.violation_by(recording, left) if left else None

    def findings(self, recording: Recording) -> Sequence[Found]:
        """What breaks the budget, by cause, the most frequent first."""
        return by_cause(map(self.found, self.forbidden(recording)))


def checking_one(budget: HasFindings, recording: Recording) -> Callable[[Found], Violation | None]:
    """Return a function that checks a recording as if all findings but one were accepted."""
    if not isinstance(budget, WithFindings):
        return lambda found: budget.check_without(recording, lambda other: other.key != found.key)
    # A recording may have many queries and many findings: what breaks the budget is looked for once.
    parts: dict[tuple[str, str], list[Any]] = {}
    for each in budget.forbidden(recording):
        parts.setdefault(budget.found(each).key, []).append(each)
    return lambda found: budget.violation_by(recording, parts[found.key])


def by_cause(found: Iterable[Found]) -> list[Found]:
    """Make one finding of those with the same subject and function, the most frequent first."""
    causes: dict[tuple[str, str], Found] = {}
    for each in found:
        known = causes.setdefault(each.key, each)
        if known is not each:
            causes[each.key] = replace(
                known, count=known.count + each.count, requests=requests_of((*known.requests, *each.requests))
            )
    return sorted(causes.values(), key=lambda one: -one.count)


def requests_of(events: Iterable[Request | None]) -> tuple[Request, ...]:
    """Return the requests, each once, without the None of what happened outside of any."""
    # By number: hashing a request would read the bytecode of its whole call path.
    return tuple({request.number: request for request in events if request is not None}.values())


def subject_of_filter(table: str, columns: Iterable[str]) -> str:
    """Write a table and its filtered columns: `shop_book.author_id, price`."""
    return f"{table}.{', '.join(columns)}".rstrip(".")


def subject_of_query(statement: Statement) -> str:
    """Write the table that a statement asks for, with the columns that it filters by."""
    if not statement.tables:
        return subject_of_statement(statement)
    table = statement.tables[0]
    return subject_of_filter(table, filtered_columns(statement.fingerprint, table))


def subject_of_statement(statement: Statement, tables: int | None = None) -> str:
    """Write what a statement does, and to which tables: `insert shop_book`."""
    verb = statement.fingerprint.partition(" ")[0].lower()
    # `WITH` and a parenthesis may begin any kind of statement.
    does = verb if verb.isalpha() and verb != "with" else statement.kind
    return f"{does} {', '.join(statement.tables[:tables])}".rstrip()
