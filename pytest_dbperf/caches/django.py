"""Which of Django's caches outlive a test and save the next one queries?"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class DjangoCache:
    """A cache that Django keeps for the whole process and fills by queries of one table.

    `is_reported` is false if no test ever finds the entries of another one.
    """

    name: str
    table: str
    module: str
    entries: Callable[[Any], dict[Any, Any]]
    """Returns the entries of its module, by alias if `has_aliases`."""
    has_aliases: bool = True
    is_reported: bool = True


Key = tuple[str, object, object]
"""The name of a cache, the alias, and the key of an entry."""

# All of them in Django 5.2 to 6.1. Caches of a connection or its alias are left out: what a backend knows of
# its server, and the types of hstore and citext. They are full even when a test runs alone, as creating the
# test database fills them.
DJANGO_CACHES = (
    DjangoCache(
        "ContentType.objects",
        "django_content_type",
        "django.contrib.contenttypes.models",
        entries=lambda module: module.ContentType.objects._cache,
    ),
    DjangoCache(
        "Site.objects",
        "django_site",
        "django.contrib.sites.models",
        entries=lambda module: module.SITE_CACHE,
        has_aliases=False,
        # pytest-django clears it before the fixtures of each test.
        is_reported=False,
    ),
    DjangoCache(
        "GeoDjango's SRIDs",
        "spatial_ref_sys",
        "django.contrib.gis.db.models.fields",
        entries=lambda module: module._srid_cache,
    ),
)


def reset() -> None:
    """Clear them, for all aliases, without a query."""
    for _, entries in _loaded():
        entries.clear()


def contents() -> dict[Key, object]:
    """Return all their entries."""
    return {key: value for cache, entries in _loaded() for key, value in _contents_of(cache, entries)}


def fill(contents: Mapping[Key, object]) -> None:
    """Put entries back, except where there is a newer one."""
    known = {cache.name: (cache, entries) for cache, entries in _loaded()}
    for (name, alias, what), value in contents.items():
        cache, entries = known[name]
        (entries.setdefault(alias, {}) if cache.has_aliases else entries).setdefault(what, value)


def sizes() -> dict[str, int]:
    """Return the number of entries of each, by its table."""
    return {
        cache.table: sum(1 for _ in _contents_of(cache, entries))
        for cache, entries in _loaded()
        if cache.is_reported
    }


def _loaded() -> Iterator[tuple[DjangoCache, dict[Any, Any]]]:
    # Models can be imported only if their app is installed and the app registry is ready.
    for cache in DJANGO_CACHES:
        if cache.module in sys.modules:
            yield cache, cache.entries(sys.modules[cache.module])


def _contents_of(cache: DjangoCache, entries: dict[Any, Any]) -> Iterator[tuple[Key, object]]:
    by_alias = entries if cache.has_aliases else {None: entries}
    for alias, of_alias in by_alias.items():
        for what, value in of_alias.items():
            yield (cache.name, alias, what), value
