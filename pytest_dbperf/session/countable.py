"""Can a budget be checked here? If not, that is an error and never a pass."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from pytest_dbperf.budgets.budget import needed_probes, wants_plans
from pytest_dbperf.budgets.enforcement import NothingCounts
from pytest_dbperf.budgets.placed import PlacedBudget
from pytest_dbperf.probes.listening import missing_probes
from pytest_dbperf.probes.seam import is_installed
from pytest_dbperf.recording.recorder import Recording
from pytest_dbperf.violations.spelling import VERY_CLOSE, closest, did_you_mean

_WITHOUT_DJANGO = "Django is not installed, and pytest-dbperf counts what Django does"


def require_checkable(placed: PlacedBudget, recording: Recording | None = None) -> None:
    """Raise NothingCounts, with the reason, for a budget that cannot be checked in this process.

    With a recording, nothing is raised if it has no statement and no connection: then there is nothing to
    check.
    """
    __tracebackhide__ = True
    obstacle = why_nothing_counts(placed.budget.aliases) or why_not_recorded(needed_probes(placed.budget))
    if obstacle is None and wants_plans(placed.budget):
        obstacle = _why_there_are_no_plans()
    # Most budgets can be checked, so that the recording is not even read.
    if obstacle is not None and (recording is None or _touches_a_database(recording)):
        raise NothingCounts(f"{placed} cannot be checked: {obstacle}.", placed.mark)


def _touches_a_database(recording: Recording) -> bool:
    return bool(recording.statements or recording.new_connections)


def require_tables(placed: PlacedBudget, recording: Recording) -> None:
    """Raise NothingCounts for a limit on a misspelt table: it has counted nothing.

    A table without a model is no mistake, nor is one that a statement has named.
    """
    __tracebackhide__ = True
    limited: Collection[str] = getattr(placed.budget, "tables", None) or ()
    if not limited:
        return
    known = _tables_of_models()
    for table in limited:
        meant = closest(table, known, VERY_CLOSE)
        # A number at the end is that of a partition or of a copy.
        is_copy = meant is not None and table.rstrip("_0123456789") == meant
        if meant is None or is_copy or any(table in each.statement.tables for each in recording.queries):
            continue
        raise NothingCounts(
            f"{placed} cannot be checked: no model has the table {table!r} (did you mean {meant!r}?).",
            placed.mark,
        )


def _tables_of_models() -> set[str]:
    from django.apps import apps

    models = apps.get_models(include_auto_created=True)
    # '"schema"."table"' is a way to name a schema. A statement names its table without the schema.
    return {model._meta.db_table.rpartition('"."')[2].strip('"') for model in models}


def require_django(fixture: str) -> None:
    """Raise NothingCounts for a fixture that would have nothing to do without Django."""
    __tracebackhide__ = True
    if not is_installed("django"):
        raise NothingCounts(f"{fixture} cannot be used: {_WITHOUT_DJANGO}.")


def require_everything(fixture: str) -> None:
    """Raise NothingCounts for a fixture that records all events, if some cannot be recorded."""
    __tracebackhide__ = True
    if (obstacle := why_not_recorded()) is not None:
        raise NothingCounts(f"{fixture} cannot record this test: {obstacle}.")


def line_about_missing_probes() -> str | None:
    """Return a line for the head of a run in which some events cannot be recorded, or None."""
    missing = missing_probes()
    return (
        f"dbperf: cannot record what these probes listen to: {', '.join(sorted(missing))}"
        if missing
        else None
    )


def why_nothing_counts(aliases: Iterable[str]) -> str | None:
    """Return why no query of these aliases can be counted in this process, or None."""
    if not is_installed("django"):
        return _WITHOUT_DJANGO
    from django.apps import apps
    from django.conf import settings

    if not settings.configured:
        return (
            "Django is not set up. Set DJANGO_SETTINGS_MODULE (with pytest-django also as an ini option), "
            "or call settings.configure() and django.setup() in conftest.py"
        )
    if not apps.ready:
        return "Django is configured, but its apps are not loaded: call django.setup() in conftest.py"
    from django.db import connections

    usable = [alias for alias in connections if not _is_dummy(alias)]
    if not usable:
        return "DATABASES has no database"
    unknown = [alias for alias in aliases if alias not in usable]
    if unknown:
        meant = did_you_mean(unknown[0], usable)
        return f"DATABASES has no alias {unknown[0]!r}{meant}, only {', '.join(sorted(usable))}"
    return None


def why_not_recorded(needed: Iterable[str] | None = None) -> str | None:
    """Return why these probes, or else any of them, cannot record in this process; None if they can."""
    missing = missing_probes()
    broken = (missing[probe] for probe in (missing if needed is None else needed) if probe in missing)
    return next((str(error).rstrip(".") for error in broken), None)


def _why_there_are_no_plans() -> str | None:
    """Return why PostgreSQL can plan no statement in this process, or None."""
    from django.db import connections

    vendors = {alias: connections[alias].vendor for alias in connections if not _is_dummy(alias)}
    if "postgresql" in vendors.values():
        return None
    listed = ", ".join(f"{alias} ({vendor})" for alias, vendor in sorted(vendors.items()))
    return f"it needs PostgreSQL, and DATABASES has only {listed}"


def _is_dummy(alias: str) -> bool:
    from django.db import connections

    return str(connections.settings[alias]["ENGINE"]) == "django.db.backends.dummy"
