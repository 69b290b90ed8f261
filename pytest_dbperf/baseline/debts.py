"""What is a debt? A finding, or a number of a route or a test, that breaks a limit and was accepted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

DebtType: TypeAlias = Literal["finding", "route", "test"]


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """What a debt is about. Two debts with equal keys are the same debt.

    `names` of a finding are its budget, its subject and the function of yours that did it, those of a route
    `("GET books/",)`, those of a test its id without parameters.
    """

    debt_type: DebtType
    names: tuple[str, ...]

    def __str__(self) -> str:
        return " ".join((self.debt_type, *self.names))


@dataclass(frozen=True, slots=True)
class Debt:
    """What was accepted, and why.

    `numbers` has the highest numbers accepted, by name: `{"queries": 26}` of a route, `{"query_budget": 134}`
    of a test. A finding has none: it is accepted however often it happens. `comment` is the text after `#` on
    its line, without the `#`: `reason, owner=@shop, until=2027-03`.
    """

    key: Key
    numbers: Mapping[str, int] = field(default_factory=dict)
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Baseline:
    """All debts of a suite, by key.

    `comments` has the comment lines that stand above a debt, by the key of that debt; those above no debt
    have the key None.
    """

    debts: Mapping[Key, Debt] = field(default_factory=dict)
    comments: Mapping[Key | None, Sequence[str]] = field(default_factory=dict)

    def accepts(self, budget: str, subject: str, function: str) -> bool:
        """Tell whether a finding is a debt."""
        return Key("finding", (budget, subject, function)) in self.debts

    def number_of_route(self, route: str, name: str) -> int | None:
        """The highest number accepted for a route: `number_of_route("GET books/", "hops")`."""
        return self._number(Key("route", (route,)), name)

    def number_of_test(self, test_id: str, name: str) -> int | None:
        """The highest number accepted for a test, whichever parameters it has."""
        return self._number(Key("test", (without_parameters(test_id),)), name)

    def _number(self, key: Key, name: str) -> int | None:
        debt = self.debts.get(key)
        return None if debt is None else debt.numbers.get(name)


def without_parameters(test_id: str) -> str:
    """Return the id of a test without the parameters in brackets."""
    file, colons, name = test_id.partition("::")
    return f"{file}{colons}{name.partition('[')[0]}"
