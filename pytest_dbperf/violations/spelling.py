"""Which known name did a misspelt one mean?"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

# Of two names that are so similar, one is most likely a misspelling of the other.
CLOSE, VERY_CLOSE = 0.7, 0.85


def closest(name: str, known: Iterable[str], cutoff: float = CLOSE) -> str | None:
    """Return the known name that is most similar, None if none is close, or if the name itself is known."""
    names = {each.lower(): each for each in known}
    if name in names.values():
        return None
    found = get_close_matches(name.lower(), names, n=1, cutoff=cutoff)
    return names[found[0]] if found else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Write ` (did you mean 'limit'?)` to follow a misspelt name, empty if no known name is close."""
    meant = closest(name, known)
    return "" if meant is None else f" (did you mean {meant!r}?)"
