"""Which caches of Django outlive a test, and decide about the queries of the next one?"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class DjangoCache:
    """A cache that Django keeps for the whole process, and fills by queries of one table.

    `is_told` is false where no test finds what another one has left there.
    """

    name: str
    table: str
    module: str
    entries: Callable[[Any], dict[Any, Any]]
    """By alias, if `has_aliases`."""
    has_aliases: bool = True
    is_told: bool = True


Key = tuple[str, object, object]
"""The name of a cache, the alias, and what is asked for."""

# All there are in Django 5.2 to 6.1. Not those that belong to a connection or to its alias: what the backend
# has found out about the server, and the types of hstore and citext. A test that runs alone finds them filled
# as well, by the connection that its database was made on.
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
        # pytest-django empties it, too: before the fixtures of each test, which may fill it.
        is_told=False,
    ),
    DjangoCache(
        "GeoDjango's SRIDs",
        "spatial_ref_sys",
        "django.contrib.gis.db.models.fields",
        entries=lambda module: module._srid_cache,
    ),
)


def reset() -> None:
    """Empty them, for all aliases, without a query."""
    for _, entries in _loaded():
        entries.clear()


def contents() -> dict[Key, object]:
    """Tell all that they have."""
    return {key: value for cache, entries in _loaded() for key, value in _contents_of(cache, entries)}


def fill(contents: Mapping[Key, object]) -> None:
    """Give them back what they had, and leave what they have."""
    known = {cache.name: (cache, entries) for cache, entries in _loaded()}
    for (name, alias, what), value in contents.items():
        cache, entries = known[name]
        (entries.setdefault(alias, {}) if cache.has_aliases else entries).setdefault(what, value)


def sizes() -> dict[str, int]:
    """Tell how many entries each has, by its table."""
    return {
        cache.table: sum(1 for _ in _contents_of(cache, entries))
        for cache, entries in _loaded()
        if cache.is_told
    }


def _loaded() -> Iterator[tuple[DjangoCache, dict[Any, Any]]]:
    # A module of models can be imported only when its app is installed, and the apps are ready for it.
    for cache in DJANGO_CACHES:
        if cache.module in sys.modules:
            yield cache, cache.entries(sys.modules[cache.module])


def _contents_of(cache: DjangoCache, entries: dict[Any, Any]) -> Iterator[tuple[Key, object]]:
    by_alias = entries if cache.has_aliases else {None: entries}
    for alias, of_alias in by_alias.items():
        for what, value in of_alias.items():
            yield (cache.name, alias, what), value
