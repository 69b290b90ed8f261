"""How are groups of queries shown? With their alias and request, where these differ between groups."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pytest_dbperf.recording.groups import QueryGroup, only_request
from pytest_dbperf.sql.fingerprint import shortened
from pytest_dbperf.violations.violation import Evidence


def evidence_of_groups(
    groups: Sequence[QueryGroup], note_on: Callable[[QueryGroup], str]
) -> tuple[Evidence, ...]:
    """Show each group with its note. The alias and the request follow if not all groups have the same."""
    has_aliases = len({group.using for group in groups}) > 1
    is_one_request = bool(only_request(group.request for group in groups))

    def evidence_of(group: QueryGroup) -> Evidence:
        notes = [note_on(group)]
        if has_aliases:
            notes.append(f"on {group.using or 'a connection without an alias'}")
        if group.request and not is_one_request:
            notes.append(str(group.request))
        return Evidence(
            group.count, shortened(group.statement), group.call_path, ", ".join(filter(None, notes))
        )

    return tuple(map(evidence_of, groups))
