"""Which database is behind an alias? The probes know it from Django's settings."""

from __future__ import annotations

from collections.abc import Callable

# Before the first recording, no vendor is known.
_vendor_behind: Callable[[str], str] = "".format


def look_vendors_up(vendor_behind: Callable[[str], str]) -> None:
    """Set the function that returns the vendor behind an alias, an empty text if it is unknown."""
    global _vendor_behind  # noqa: PLW0603  # The only state of this module.
    _vendor_behind = vendor_behind


def vendor_of(using: str | None) -> str:
    """Return Django's name for the database of an alias, such as `postgresql`; empty if that is unknown."""
    return "" if using is None else _vendor_behind(using)
