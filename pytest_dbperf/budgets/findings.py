"""What did a budget find? Each finding has one subject, and one function of yours that did it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from pytest_dbperf.callsites.callsite import CallPath
from pytest_dbperf.recording.recorder import Recording
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


@runtime_checkable
class HasFindings(Protocol):
    """A budget that finds causes, each of which a baseline can accept."""

    def findings(self, recording: Recording) -> Sequence[Found]:
        """Everything that breaks the budget and that `allow` does not allow."""
        ...

    def check_without(self, recording: Recording, is_accepted: Callable[[Found], bool]) -> Violation | None:
        """Check a recording as `check` does, without the findings that are accepted."""
        ...
