"""What is kept of a test's budgets? What broke them, what they found, and what they allowed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AllowanceResult:
    """A pattern of a budget's `allow`, where the budget is written, and whether the test needed it."""

    budget: str
    written_at: str
    pattern: str
    is_used: bool


@dataclass(frozen=True, slots=True)
class ViolationResult:
    """A broken budget: the first line of its failure, the call site to change, and the rest of its lines."""

    budget: str
    measured: float
    limit: float
    message: str
    location: str | None
    explanation: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class WarningResult:
    """A warning of a budget that was not broken, and the call site that it is about."""

    budget: str
    message: str
    location: str | None


@dataclass(frozen=True, slots=True)
class FindingResult:
    """Something that a budget found: what it is about, and the function of yours that did it.

    `budget`, `subject` (a relation, a table and its columns, a function) and `function`
    (`shop/views.py titles_and_names`) identify it over all tests.
    """

    budget: str
    subject: str
    function: str
    count: int
    in_tests: bool
    """Whether only code of the tests did it: `function` is then one of theirs."""
    is_accepted: bool
    """Whether the baseline accepts it."""
    limit_is_hard: bool
    """Whether the limit is a marker of the function or of a parameter: no debt lifts it."""
    lines: Sequence[str] = ()
    """The call path: `shop/views.py:31 titles_and_names`."""
    what: str = ""
    """What was counted: a statement, or a function."""
    fix: str = ""
    reason: str = ""
    """Why there is no fix, or what else to know."""
    routes: Sequence[str] = ()
    """The routes of the requests in which it happened: `GET books/`."""


@dataclass(frozen=True, slots=True)
class NumberResult:
    """A number that is over a limit for all tests, for a class or a module: a baseline can accept it.

    `debt_type` is "route" or "test", `key` the route (`GET books/`) or the test's id without parameters,
    `name` the name in the baseline: `queries`, `hops`, `query_budget`.
    """

    debt_type: str
    key: str
    name: str
    measured: int
    limit: int
    accepted: int | None
    """The number that the baseline accepts, None without a debt."""


@dataclass(frozen=True, slots=True)
class BudgetResult:
    """A budget of a test, the number that it limits, and how near to the test it is written."""

    budget: str
    limit: int | None
    measured: int | None
    """The number that the limit is compared with; None if the budget has none."""
    arguments: str
    """As written, without the limit, and without the reason unless the function's own decorator has it."""
    text: str
    nearness: str
    """Compared with the decorators of the function: "nearer", "on the function" or "farther"."""
    is_per_request: bool = False
    """Whether it limits each single request, so that another marker may limit the whole test."""
