"""What do we add when `assertNumQueries` fails? What ran in its block, your lines, and what to change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from pytest_dbperf.budgets.query_budget import QueryBudget
from pytest_dbperf.budgets.query_groups import evidence_of_groups
from pytest_dbperf.probes.asserted_blocks import AssertedBlock, FailedAssertion
from pytest_dbperf.recording.events import Query
from pytest_dbperf.recording.groups import groups_of_queries, only_request
from pytest_dbperf.reports.terminal import counted
from pytest_dbperf.violations.plain import plain_text
from pytest_dbperf.violations.text import explain
from pytest_dbperf.violations.violation import Evidence, Fix, Hint, Violation

_MOST_PLACES = 3


def title_of(failed: FailedAssertion) -> str:
    """Name the assertion whose block the lines are about."""
    return f"dbperf: what ran in the block of {failed.name}"


def text_of(failed: FailedAssertion, root: Path, *, verbose: bool) -> str:
    """Write what ran in the block, as the failure of a budget would."""
    return plain_text("\n".join(explain([_shown(failed)], root, verbose=verbose)))


def _shown(failed: FailedAssertion) -> Violation:
    block = failed.block
    statements = block.statements
    # A budget of 0 finds all queries, and no fix could keep it: what the assertion accepts is its own affair.
    violation = QueryBudget(0).check(block)
    found = () if violation is None else violation.evidence
    advice = () if violation is None or _expected_more(failed) else violation.advice
    return Violation(
        budget=failed.name,
        measured=len(statements),
        limit=0,
        headline=counted(len(statements), "query", "queries"),
        evidence=(*found, *_bookkeeping(block)),
        during=only_request(statement.request for statement in statements),
        advice=(*_named(advice, failed.name), *_hints_on_the_count(failed, statements)),
    )


def _expected_more(failed: FailedAssertion) -> bool:
    """Tell whether fewer queries ran than expected: a change that saves some more would not help."""
    expected = failed.expected
    return type(expected) is int and failed.block.counted_by_assertion < expected


def _bookkeeping(block: AssertedBlock) -> Sequence[Evidence]:
    """Show the statements that a budget does not count, and these assertions do."""
    return evidence_of_groups(
        groups_of_queries(block.bookkeeping), lambda _: "transaction or session control, no query for budgets"
    )


def _named(advice: Sequence[Hint | Fix], name: str) -> Iterator[Hint | Fix]:
    """Write the name of the assertion that failed where a budget writes that of Django's."""
    for line in advice:
        yield replace(line, text=line.text.replace("assertNumQueries", name))


def _hints_on_the_count(failed: FailedAssertion, statements: Sequence[Query]) -> Iterator[Hint]:
    """Tell why the assertion has counted fewer or more: it looks at the log of one connection."""
    block = failed.block
    name, theirs = failed.name, block.counted_by_assertion
    elsewhere = [
        statement
        for statement in statements
        if (statement.using, statement.thread_number) != (block.alias, block.thread_number)
    ]
    if elsewhere and theirs < len(statements):
        places = list(dict.fromkeys(_place_of(statement, block) for statement in elsewhere))
        shown = ", ".join(places[:_MOST_PLACES])
        more = f" and {len(places) - _MOST_PLACES} more" if len(places) > _MOST_PLACES else ""
        yield Hint("note", f"{name} counted {theirs}: it does not see queries {shown}{more}")
    unsent = sum(statement.using == block.alias for statement in block.not_sent)
    unseen = theirs - len(statements) - (unsent if statements else 0)
    if unseen > 0:
        reasons = "COPY, what was not sent, and what ran in dbperf.pause()"
        yield Hint("note", f"{name} counted {theirs}: {unseen} are not shown, as {reasons} are left out")


def _place_of(statement: Query, block: AssertedBlock) -> str:
    places = []
    if statement.using != block.alias:
        places.append(f"on {statement.using or 'a connection without an alias'}")
    if statement.thread_number != block.thread_number:
        places.append(f"in thread {statement.thread}")
    return " ".join(places)
