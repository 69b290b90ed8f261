"""What is a budget? What all of them share: a name, a limit, a reason, and a check of a recording."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from math import inf
from typing import Any, ClassVar, Protocol, TypeVar, cast, runtime_checkable

from pytest_dbperf.recording.recorder import Recording
from pytest_dbperf.violations.violation import Violation, WarningLine


class Budget(Protocol):
    """A limit that can check a recording: a frozen dataclass with a name, a docstring and a `check`.

    A class that inherits from it needs only these, and the parameter `reason` that every marker takes.
    """

    name: ClassVar[str]

    @property
    def is_lifted(self) -> bool:
        """Whether it has no limit: such a budget only lifts an outer one, and is not checked."""
        return False

    @property
    def aliases(self) -> Sequence[str]:
        """The database aliases that it is limited to; empty for all of them."""
        return ()

    def check(self, recording: Recording) -> Violation | None:
        """Return how the recording breaks the budget, or None if it does not."""
        ...


@runtime_checkable
class HasAllowances(Protocol):
    """A budget that names exceptions, and can tell which of them were needed."""

    allow: Sequence[str]

    def allowances_used(self, recording: Recording) -> set[str]:
        """The patterns that something needed."""
        ...


@runtime_checkable
class HasWarnings(Protocol):
    """A budget that has something to say of what does not break it: a warning."""

    def remarks(self, recording: Recording) -> Sequence[WarningLine]:
        """What is worth a warning."""
        ...


@runtime_checkable
class HasNumber(Protocol):
    """A budget whose limit is compared with one number, so that a run can teach the tightest that holds."""

    limit: int | None

    def measured(self, recording: Recording) -> int:
        """The number that is compared with the limit."""
        ...


B = TypeVar("B", bound=Budget)


class WrongArguments(ValueError):
    """A budget was given arguments that mean nothing; the text shows the right signature."""


def make(kind: type[B], args: Sequence[Any], kwargs: Mapping[str, Any]) -> B:
    """Make a budget from the arguments of a marker, a fixture or an ini option.

    Raises WrongArguments when they do not fit, in a sentence that shows how the budget is used.
    """
    try:
        inspect.signature(kind).bind(*args, **kwargs)
    except TypeError as error:
        raise WrongArguments(f"{kind.name}: {error}. Usage: {usage(kind)}") from None
    try:
        return kind(*args, **kwargs)
    except ValueError as error:
        raise WrongArguments(f"{error}. Usage: {usage(kind)}") from None


def wants_plans(budget: Budget) -> bool:
    """Tell whether it judges how PostgreSQL would run the statements: `Recording.plans` is for it."""
    return bool(getattr(budget, "wants_plans", False)) and not budget.is_lifted


def usage(kind: type[Budget]) -> str:
    """Write how a budget is used: `query_budget(limit, *, at_least=0, ...)`."""
    parameters = [
        parameter.replace(annotation=parameter.empty)
        for parameter in inspect.signature(kind).parameters.values()
    ]
    return f"{kind.name}{inspect.Signature(parameters)}"


def takes_a_limit(kind: type[Budget]) -> bool:
    """Tell whether it has a number that must be set, and not only a yes or no."""
    first = next(iter(inspect.signature(kind).parameters.values()))
    return first.kind is not first.KEYWORD_ONLY and first.default is first.empty


def summary(kind: type[Budget]) -> str:
    """The first sentence of a budget's docstring."""
    return (inspect.getdoc(kind) or "").partition("\n\n")[0].replace("\n", " ")


def written(budget: Budget) -> str:
    """Write a budget as its marker: what differs from the defaults, the reason left out."""
    shown = arguments_of(budget, without=("reason",))
    return f"{budget.name}({', '.join(shown)})" if shown else budget.name


def arguments_of(budget: Budget, *, without: Sequence[str]) -> list[str]:
    """Write the arguments of a budget that differ from the defaults, without some."""
    shown = []
    for parameter in inspect.signature(type(budget)).parameters.values():
        value = getattr(budget, parameter.name)
        if parameter.name in without or value == parameter.default:
            continue
        positional = parameter.kind is not parameter.KEYWORD_ONLY
        shown.append(repr(value) if positional else f"{parameter.name}={value!r}")
    return shown


def require_limit(what: str, limit: object) -> None:
    """Refuse a limit that is not None or a whole number from 0."""
    if limit is not None:
        require_number(what, limit, or_none=True)


def require_number(what: str, number: object, *, or_none: bool = False) -> None:
    """Refuse what is not a whole number from 0."""
    # bool is an int, and `query_budget(True)` is a slip.
    if type(number) is not int:
        expected = "a whole number or None" if or_none else "a whole number"
        raise ValueError(f"{what} must be {expected}, got {type(number).__name__}")
    if number < 0:
        raise ValueError(f"{what} must be >= 0, got {number}")


def require_milliseconds(what: str, limit: object) -> None:
    """Refuse a limit that is not None or a number from 0, whole or not."""
    if limit is None:
        return
    if type(limit) not in (int, float):
        raise ValueError(f"{what} must be a number or None, got {type(limit).__name__}")
    if not 0 <= cast(float, limit) < inf:
        raise ValueError(f"{what} must be >= 0 and finite, got {limit}")


def require_alias(what: str, using: object) -> None:
    """Refuse an alias that is not a name."""
    if using is not None and not (isinstance(using, str) and using):
        raise ValueError(f"{what} must be the name of a database alias or None")
