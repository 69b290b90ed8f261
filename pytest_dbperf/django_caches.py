"""Which caches of Django outlive a test, and decide about the queries of the next one?"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class DjangoCache:
    """A cache that Django keeps for the whole process, and fills by queries of one table.

    `size` is None where no test finds what another one has left there.
    """

    name: str
    table: str
    module: str
    clear: Callable[[Any], None]
    size: Callable[[Any], int] | None


def _entries(by_alias: Mapping[Any, Mapping[Any, object]]) -> int:
    return sum(map(len, by_alias.values()))


# All there are in Django 5.2 to 6.1. Not those that belong to a connection or to its alias: what the backend
# has found out about the server, and the types of hstore and citext. A test that runs alone finds them filled
# as well, by the connection that its database was made on.
DJANGO_CACHES = (
    DjangoCache(
        "ContentType.objects",
        "django_content_type",
        "django.contrib.contenttypes.models",
        clear=lambda module: module.ContentType.objects.clear_cache(),
        size=lambda module: _entries(module.ContentType.objects._cache),
    ),
    DjangoCache(
        "Site.objects",
        "django_site",
        "django.contrib.sites.models",
        clear=lambda module: module.Site.objects.clear_cache(),
        # pytest-django empties it, too: before the fixtures of each test, which may fill it.
        size=None,
    ),
    DjangoCache(
        "GeoDjango's SRIDs",
        "spatial_ref_sys",
        "django.contrib.gis.db.models.fields",
        clear=lambda module: module._srid_cache.clear(),
        size=lambda module: _entries(module._srid_cache),
    ),
)


def reset() -> None:
    """Empty them, for all aliases, without a query."""
    # A module of models can be imported only when its app is installed, and the apps are ready for it.
    for cache in DJANGO_CACHES:
        if cache.module in sys.modules:
            cache.clear(sys.modules[cache.module])


def sizes() -> dict[str, int]:
    """Tell how many entries each has, by its table."""
    return {
        cache.table: cache.size(sys.modules[cache.module])
        for cache in DJANGO_CACHES
        if cache.size is not None and cache.module in sys.modules
    }
