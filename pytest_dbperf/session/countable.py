"""Can a budget count anything here? If not, it is an error and never a pass."""

from __future__ import annotations

from collections.abc import Iterable


def why_nothing_counts(aliases: Iterable[str]) -> str | None:
    """Tell why a budget could count nothing in this process, None when it can."""
    from django.apps import apps
    from django.conf import settings

    if not settings.configured:
        return (
            "Django is not set up. Set DJANGO_SETTINGS_MODULE (with pytest-django also as an ini option), "
            "or call settings.configure() and django.setup() in conftest.py"
        )
    if not apps.ready:
        return "Django's settings are there, its apps are not: call django.setup() in conftest.py"
    from django.db import connections

    real = [alias for alias in connections if not _is_dummy(alias)]
    if not real:
        return "settings.DATABASES names no database"
    unknown = [alias for alias in aliases if alias not in real]
    if unknown:
        return f"there is no database alias {unknown[0]!r}; settings.DATABASES has {', '.join(sorted(real))}"
    return None


def why_nothing_is_explained() -> str | None:
    """Tell why no statement could be explained in this process, None when it can."""
    from django.db import connections

    vendors = {alias: connections[alias].vendor for alias in connections if not _is_dummy(alias)}
    if "postgresql" in vendors.values():
        return None
    listed = ", ".join(f"{alias} on {vendor}" for alias, vendor in sorted(vendors.items()))
    return (
        f"it needs PostgreSQL, which explains how it would run a statement; settings.DATABASES has {listed}"
    )


def _is_dummy(alias: str) -> bool:
    from django.db import connections

    return str(connections.settings[alias]["ENGINE"]) == "django.db.backends.dummy"
