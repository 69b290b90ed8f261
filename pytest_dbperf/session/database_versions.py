"""Which versions do the databases of the tests have? Each is asked once in a process."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress


class DatabaseVersions:
    """The versions of the databases that were asked already."""

    def __init__(self) -> None:
        self._asked: set[str] = set()

    def new(self, aliases: Iterable[str]) -> Mapping[str, str]:
        """Return `{"postgresql": "15.4"}` for those of the open connections that were not asked before."""
        unasked = sorted(set(aliases) - self._asked)
        self._asked.update(unasked)
        return {vendor: version for alias in unasked for vendor, version in _version_of(alias)}


def _version_of(alias: str) -> Iterable[tuple[str, str]]:
    from django.db import connections

    connection = connections[alias]
    # A backend of another package need not know it. MySQL's sends a query, which it may refuse.
    with suppress(Exception):
        return [(connection.vendor, ".".join(map(str, connection.get_database_version())))]
    return []
