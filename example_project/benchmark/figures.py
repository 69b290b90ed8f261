"""What do many measurements say in a few numbers?"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spread:
    """The middle of what the rounds said, and its ends."""

    median: float
    least: float
    most: float

    def divided_by(self, number: float) -> "Spread":
        """Return the part of each for one of so many."""
        return Spread(self.median / number, self.least / number, self.most / number)

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.least:.2f} to {self.most:.2f})"


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest of the values that is not exceeded by so many per cent of them."""
    return sorted(values)[max(math.ceil(len(values) * percent / 100), 1) - 1]


def spread(values: Sequence[float]) -> Spread:
    """Return the median, the smallest and the largest."""
    return Spread(statistics.median(values), min(values), max(values))


def ratios(after: Sequence[float], before: Sequence[float]) -> Spread:
    """Compare round by round: what slows one round down slows both of its halves."""
    return spread([one / other for one, other in zip(after, before, strict=True)])


def differences(after: Sequence[float], before: Sequence[float]) -> Spread:
    """Tell by how much it became more, round by round; below zero is less."""
    return spread([one - other for one, other in zip(after, before, strict=True)])
