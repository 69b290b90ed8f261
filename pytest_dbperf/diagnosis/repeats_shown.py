"""How are repeated queries shown? What they load, for how many rows, and how to load it at once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from pytest_dbperf.diagnosis.differences import RanFor
from pytest_dbperf.diagnosis.loops import Finding
from pytest_dbperf.diagnosis.repeats import Repeat
from pytest_dbperf.recording.loads import LoadedVia, RelationLoad
from pytest_dbperf.sql.conditions import asks_by_equality
from pytest_dbperf.sql.fingerprint import shortened
from pytest_dbperf.violations.violation import Evidence, Hint, WarningLine

# The end of a get().
_ONE = " LIMIT 21"
_AGGREGATE = re.compile(r"SELECT (?:COUNT|SUM|MIN|MAX|AVG)\(")


def relation_of(repeat: Repeat) -> str:
    """Write what is loaded as `Campaign.owner`, or nothing if that is not known."""
    load = repeat.load
    return f"{load.model.__name__}.{load.name}" if load is not None and load.model is not None else ""


def values_of(repeat: Repeat) -> str:
    """Tell for how many different rows, instances or parameters it ran."""
    relation = relation_of(repeat)
    if repeat.ran_for is RanFor.LISTS:
        return f"{repeat.distinct} lists, each longer than the one before"
    if repeat.ran_for is RanFor.PARAMETERS and repeat.is_of_indexes:
        return f"{repeat.distinct} different indexes"
    if relation and repeat.ran_for is not RanFor.PARAMETERS:
        return f"{relation} of {repeat.distinct} {repeat.ran_for}{'' if repeat.distinct == 1 else 's'}"
    return "same parameters" if repeat.distinct == 1 else f"{repeat.distinct} different parameters"


def evidence_of_findings(findings: Iterable[Finding]) -> tuple[Evidence, ...]:
    """Show the repeats of each finding one below the other."""
    return tuple(
        Evidence(repeat.count, shortened(repeat.statement), repeat.call_path, _note_on(repeat, index))
        for finding in findings
        for index, repeat in enumerate(finding.repeats)
    )


def _note_on(repeat: Repeat, index: int) -> str:
    note = f"N+1: {values_of(repeat)}"
    return f"{note}, in the same loop as the one above" if index else note


def warning_about(repeat: Repeat) -> WarningLine:
    """Warn of a query that repeats the same few values."""
    what = f"{repeat.count}x  {shortened(repeat.statement)}"
    results = "the result" if repeat.distinct == 1 else "the results"
    return WarningLine(f"{what}   same query, {values_of(repeat)}: cache {results}", repeat.call_path)


def hints_without_a_line(repeats: Sequence[Repeat]) -> Iterator[Hint]:
    """Tell what would help if no line can be named: the form of the queries proves it.

    A hint that is not about all of them names the lines that it is about.
    """
    about: dict[str, list[Repeat]] = {}
    for repeat in repeats:
        if text := _how_to_do_without(repeat):
            about.setdefault(text, []).append(repeat)
    for text, those in about.items():
        sites = dict.fromkeys(site for repeat in those for site in repeat.call_path[:1])
        yield Hint("why", text, tuple(sites) if len(those) < len(repeats) else ())


def _how_to_do_without(repeat: Repeat) -> str:
    load = repeat.load
    if load is not None and not load.is_plain_relation and repeat.ran_for in (RanFor.ROWS, RanFor.INSTANCES):
        prefetch = f'Prefetch("{_lookup_of(load)}", queryset=..., to_attr=...)'
        return f"one query per row for a part of its related rows: prefetch that part with {prefetch}"
    if (
        load is not None
        and repeat.ran_for is RanFor.FORMS
        and not repeat.statement.fingerprint.endswith(_ONE)
    ):
        field = f'form.fields["{load.name}"].choices'
        return f"each form of the formset loads its choices: load them once, and set {field}"
    return _how_to_ask_once(repeat) if _is_for_values(repeat) else ""


def _is_for_values(repeat: Repeat) -> bool:
    return repeat.load is None or (repeat.ran_for is RanFor.PARAMETERS and not repeat.load.is_plain_relation)


def _lookup_of(load: RelationLoad) -> str:
    """Write the relations that lead to it from the rows of a queryset: `owner__pets`."""
    names, batch = [load.name], load.batch
    while batch is not None and batch.load is not None and batch.load.via is not LoadedVia.TO_MANY:
        names.insert(0, batch.load.name)
        batch = batch.load.batch
    return "__".join(names)


def _how_to_ask_once(repeat: Repeat) -> str:
    """Tell how one query could answer for all values; empty if they are not values of rows."""
    statement = repeat.statement
    if repeat.ran_for is RanFor.LISTS:
        return "the list of values grows with each query: ask once, with all of them"
    if repeat.is_of_indexes:
        return "one query per index: list(queryset) loads the rows once"
    if _AGGREGATE.match(statement.fingerprint):
        return (
            "one aggregate query per value: annotate() the queryset with it, or use values(...).annotate(...)"
        )
    if statement.fingerprint.startswith("SELECT %s AS a FROM "):
        return "one EXISTS query per row: annotate the queryset with Exists(...)"
    if asks_by_equality(statement.fingerprint):
        return "one query per value: load all of them at once, with __in or in_bulk()"
    return ""
