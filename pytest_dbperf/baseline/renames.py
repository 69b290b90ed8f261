"""Which debts only got another name? A test or a function was moved to another file or class."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass

from pytest_dbperf.baseline.debts import Baseline, Debt, Key


@dataclass(frozen=True, slots=True)
class Rename:
    """A debt that no test needs, and an equal one that is needed elsewhere."""

    before: Key
    after: Key


def renames(baseline: Baseline, gone: Iterable[Key], needed: Mapping[Key, Debt]) -> list[Rename]:
    """Pair each debt that is gone with the new one that has its name and its numbers.

    A debt with two such partners is paired with none: only you know which of them it is.
    """
    before = _by_name({key: baseline.debts[key] for key in gone})
    after = _by_name({key: debt for key, debt in needed.items() if key not in baseline.debts})
    return [
        Rename(keys[0], after[name][0])
        for name, keys in before.items()
        if len(keys) == 1 and len(after.get(name, ())) == 1
    ]


def _by_name(debts: Mapping[Key, Debt]) -> dict[Hashable, list[Key]]:
    found: dict[Hashable, list[Key]] = {}
    for key, debt in sorted(debts.items()):
        if key.debt_type != "route":  # A route is its own name.
            found.setdefault((_without_place(key), *sorted(debt.numbers.items())), []).append(key)
    return found


def _without_place(key: Key) -> tuple[str, ...]:
    """Leave out the file and the class: `test_import`, or the budget, the subject and `titles_and_names`."""
    *others, last = key.names
    if key.debt_type == "test":
        return (last.rpartition("::")[2],)
    return (*others, last.rpartition(" ")[2].rpartition(".")[2])
