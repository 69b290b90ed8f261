"""May a synchronous call block the event loop?"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import ClassVar

from pytest_dbperf.budgets.allowances import WithAllowances
from pytest_dbperf.budgets.findings import Found, requests_of, subject_of_statement
from pytest_dbperf.recording.blocking_calls import BlockingCall
from pytest_dbperf.recording.groups import groups_of_blocking_calls
from pytest_dbperf.recording.recorder import Recording
from pytest_dbperf.sql.fingerprint import shortened
from pytest_dbperf.violations.violation import Evidence, Hint, Violation, compare


@dataclass(frozen=True, slots=True)
class NoBlockingCalls(WithAllowances):
    """Fail when a synchronous database call or password check blocks the event loop: all of its tasks wait.

    These calls block: synchronous calls of psycopg, `check_password`, and calls of a Django cursor. Django
    refuses to open a cursor on the loop's thread, unless `DJANGO_ALLOW_ASYNC_UNSAFE` is set; one that another
    thread opened still works there.

    Args:
        allow: Calls that may block: functions (`["verify_password", "connect"]`), statements
            (`["SELECT *"]`), or call sites (`["campaigns/api.py", "campaigns/api.py:31", "create_user"]`).
        reason: Why these are allowed.
    """

    name: ClassVar[str] = "no_blocking_calls"
    needs_probes: ClassVar[tuple[str, ...]] = ("queries", "connections", "drivers", "passwords")
    example: ClassVar[str] = "verify_password"

    def judged(self, recording: Recording) -> Sequence[BlockingCall]:
        """The blocking calls."""
        return recording.blocking_calls

    def names_to_allow(self, judged: BlockingCall) -> Sequence[str]:
        """The function, and the statement or the function that it calls."""
        # Your code calls acheck_password(), and verify_password() takes the time.
        names = (judged.name, judged.what)
        return (*names, "verify_password") if _hashes(judged) else names

    def found(self, judged: BlockingCall) -> Found:
        """Name the function, or what its statement does."""
        statement = judged.statement
        subject = judged.what if statement is None else subject_of_statement(statement)
        return Found(
            subject="verify_password" if _hashes(judged) else subject,
            count=1,
            what=_shown(judged),
            call_path=judged.call_path,
            requests=requests_of([judged.cause.request]),
        )

    def violation_by(self, recording: Recording, forbidden: Sequence[BlockingCall]) -> Violation:  # noqa: ARG002
        """Count the blocking calls."""
        return Violation(
            budget=self.name,
            measured=len(forbidden),
            limit=0,
            headline=f"blocking calls {compare(len(forbidden), 0)}",
            evidence=tuple(_evidence_of_calls(group) for group in groups_of_blocking_calls(forbidden)),
            advice=tuple(_how_not_to_block(forbidden)),
        )


def _hashes(call: BlockingCall) -> bool:
    return call.via == "hashers"


def _evidence_of_calls(group: Sequence[BlockingCall]) -> Evidence:
    first = group[0]
    seconds = [call.seconds for call in group if call.seconds is not None]
    note = f"blocked the loop for {sum(seconds) * 1000:.1f} ms" if seconds else ""
    return Evidence(len(group), _shown(first), first.call_path, note)


def _shown(call: BlockingCall) -> str:
    if _hashes(call):
        return "verify_password" + (", by acheck_password" if call.what == "acheck_password" else "")
    statement = call.statement
    return call.what if statement is None else shortened(statement)


def _how_not_to_block(forbidden: Sequence[BlockingCall]) -> Iterator[Hint]:
    on_djangos = [call for call in forbidden if call.via == "django" or call.using is not None]
    if any(call.what == "acheck_password" for call in forbidden):
        series = ".".join(version("django").split(".")[:2])
        hashes = f"acheck_password() of Django {series} hashes on the event loop's thread"
        yield Hint("why", f"{hashes}; since Django 6.0 it uses another thread")
    if any(map(_hashes, forbidden)):
        yield Hint("fix", "await sync_to_async(user.check_password)(password)")
    if on_djangos:
        yield Hint(
            "fix", "use the ORM's async methods (aget, acount, async for), or await sync_to_async(function)()"
        )
    if any(call.via == "psycopg" and call.using is None for call in forbidden):
        yield Hint("fix", "use psycopg.AsyncConnection, and await its connect(), execute() and commit()")
    if os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE") and any(call.via == "django" for call in forbidden):
        yield Hint(
            "note", "DJANGO_ALLOW_ASYNC_UNSAFE is set; without it, Django refuses to open a cursor here"
        )
