"""What is kept of the baseline? Its debts by number, and what the run needed or did not need of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class DebtResult:
    """A debt: what it is about, and its numbers. A finding has none."""

    debt_type: str
    names: Sequence[str]
    numbers: Mapping[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        numbers = (f"{name}={number}" for name, number in self.numbers.items())
        return " ".join((self.debt_type, *self.names, *numbers))


@dataclass(frozen=True, slots=True)
class ChangedNumber:
    """A number of a debt, and the one that the run needed; None if it has none, or needs none."""

    debt_type: str
    names: Sequence[str]
    number: str
    accepted: int | None
    needed: int | None

    def __str__(self) -> str:
        about = " ".join((self.debt_type, *self.names, self.number))
        accepted, needed = ("none" if one is None else one for one in (self.accepted, self.needed))
        return f"{about} {accepted} -> {needed}"


@dataclass(frozen=True, slots=True)
class RenameResult:
    """A debt that no test needs, and an equal one that is needed elsewhere."""

    debt_type: str
    before: Sequence[str]
    after: Sequence[str]

    def __str__(self) -> str:
        return " -> ".join(" ".join((self.debt_type, *names)) for names in (self.before, self.after))


@dataclass(frozen=True, slots=True)
class BaselineResult:
    """The file of debts, and how it fits the run."""

    path: str
    """Relative to the root."""
    debts: int
    """The number of debts in the file, after a change that was asked for."""
    used: int
    """How many of those before the change the run needed."""
    new: Sequence[DebtResult] = ()
    """What the run needed and the file had no debt for."""
    higher: Sequence[ChangedNumber] = ()
    """The numbers that the run needed to be higher."""
    stale: Sequence[DebtResult] = ()
    """The debts that no test needed."""
    too_high: Sequence[ChangedNumber] = ()
    """The numbers that could be lower."""
    renamed: Sequence[RenameResult] = ()
    """Those of the stale debts that are new under another name."""
    unknown_because: str = ""
    """Why other debts may be stale or too high as well; empty if the run knows all of them."""
