"""How was a run made? With which selection of the tests, and as which shard of a suite."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Selection:
    """Which tests were selected, and by what."""

    arguments: Sequence[str] = ()
    """The paths and ids of the command line, relative to the root; empty if they name the whole suite."""
    options: Sequence[str] = ()
    """The options that select tests, as on the command line: `-k books`, `--lf`."""
    collected: int = 0
    """The tests that pytest found in these paths."""
    deselected: int = 0
    """The tests that an option or a plugin then left out, also those of other shards."""

    @property
    def is_whole(self) -> bool:
        """Whether nothing was left out, so that a test that did not run is gone."""
        return not (self.arguments or self.options or self.deselected)


@dataclass(frozen=True, slots=True)
class Shard:
    """One part of a suite that several jobs run: `Shard(2, 4)` is the second of four."""

    number: int
    of: int

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"
