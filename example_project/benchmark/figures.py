"""How do many measurements become a few numbers?"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of all rounds, with the lowest and the highest."""

    median: float
    least: float
    most: float

    def divided_by(self, number: float) -> "Spread":
        """Divide all three numbers, to get the share of one."""
        return Spread(self.median / number, self.least / number, self.most / number)

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.least:.2f} to {self.most:.2f})"


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest value that this percentage of the values does not exceed."""
    return sorted(values)[max(math.ceil(len(values) * percent / 100), 1) - 1]


def spread(values: Sequence[float]) -> Spread:
    """Return the median, the lowest and the highest."""
    return Spread(statistics.median(values), min(values), max(values))


def ratios(after: Sequence[float], before: Sequence[float]) -> Spread:
    """Divide round by round: if a round is slow, both of its numbers are slow."""
    return spread([one / other for one, other in zip(after, before, strict=True)])


def differences(after: Sequence[float], before: Sequence[float]) -> Spread:
    """Subtract round by round; a negative number means less."""
    return spread([one - other for one, other in zip(after, before, strict=True)])
