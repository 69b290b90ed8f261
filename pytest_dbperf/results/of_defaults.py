"""What is kept of a budget that a test does not have, to tell what it would cost as a default?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Cause:
    """A finding by what identifies it, and whether only code of the tests did it."""

    subject: str
    function: str
    in_tests: bool


@dataclass(frozen=True, slots=True)
class DefaultResult:
    """What a budget measured or found in a test.

    `measured` is the number that it compares with its limit, None if it has no number. `is_broken` is for
    budgets that have neither a number nor findings.
    """

    budget: str
    measured: int | None = None
    causes: Sequence[Cause] = ()
    is_broken: bool = False

    @classmethod
    def from_dict(cls, written: Mapping[str, Any]) -> Self:
        """Read back what `dataclasses.asdict` made of it."""
        return cls(**{**written, "causes": [Cause(**cause) for cause in written["causes"]]})
