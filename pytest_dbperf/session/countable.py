"""Can a budget be checked here? If not, that is an error and never a pass."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_dbperf.budgets.budget import wants_plans
from pytest_dbperf.budgets.enforcement import NothingCounts
from pytest_dbperf.budgets.placed import PlacedBudget


def require_checkable(placed: PlacedBudget) -> None:
    """Raise NothingCounts, with the reason, for a budget that cannot be checked in this process."""
    __tracebackhide__ = True
    obstacle = why_nothing_counts(placed.budget.aliases)
    if obstacle is None and wants_plans(placed.budget):
        obstacle = _why_there_are_no_plans()
    if obstacle is not None:
        raise NothingCounts(f"{placed} cannot be checked: {obstacle}.")


def why_nothing_counts(aliases: Iterable[str]) -> str | None:
    """Return why no query of these aliases can be counted in this process, or None."""
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
        return f"DATABASES has no alias {unknown[0]!r}, only {', '.join(sorted(usable))}"
    return None


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
