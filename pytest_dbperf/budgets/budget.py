"""What is a budget? A class with a name, a limit, a reason, and a check of a recording."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Mapping, Sequence
from math import inf
from typing import Any, ClassVar, Protocol, TypeVar, cast, runtime_checkable

from pytest_dbperf.recording.bugs import is_ours, name_of
from pytest_dbperf.recording.recorder import Recording
from pytest_dbperf.violations.spelling import did_you_mean
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
    """A budget with exceptions, which can tell which of them were needed."""

    allow: Sequence[str]

    def allowances_used(self, recording: Recording) -> set[str]:
        """The patterns that allowed something."""
        ...


@runtime_checkable
class HasWarnings(Protocol):
    """A budget that also warns of something that does not break it."""

    def warnings(self, recording: Recording) -> Sequence[WarningLine]:
        """The warnings about a recording."""
        ...


@runtime_checkable
class HasNumber(Protocol):
    """A budget that compares one number with its limit, so that a run can suggest the lowest limit."""

    limit: int | None

    def measured(self, recording: Recording) -> int:
        """The number that is compared with the limit."""
        ...


B = TypeVar("B", bound=Budget)

# The parameters that most budgets have, in the order in which they are shown.
_SHARED = ("allow", "using", "reason")
_PER_REQUEST = "per_request"


class WrongArguments(ValueError):
    """A budget got wrong arguments; the text shows how it is used.

    `mark` is the marker that has them, None for a fixture and a setting. `argument` is the name that the
    budget does not know, empty if something else is wrong.
    """

    def __init__(self, text: str, argument: str = "") -> None:
        super().__init__(text)
        self.argument = argument
        self.mark: Any = None


def make(budget_class: type[B], args: Sequence[Any], kwargs: Mapping[str, Any]) -> B:
    """Make a budget from the arguments of a marker, a fixture or an ini option.

    Raises WrongArguments if they do not fit; its text shows how the budget is used.
    """
    signature = inspect.signature(budget_class)
    unknown = next((name for name in kwargs if name not in signature.parameters), None)
    if unknown is not None:
        meant = did_you_mean(unknown, signature.parameters)
        text = f"{budget_class.name}: unexpected {unknown!r}{meant}. Usage: {usage(budget_class)}"
        raise WrongArguments(text, unknown)
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        raise WrongArguments(f"{budget_class.name}: {error}. Usage: {usage(budget_class)}") from None
    try:
        return budget_class(*args, **kwargs)
    except ValueError as error:
        raise WrongArguments(f"{error}. Usage: {usage(budget_class)}") from None
    except Exception as error:
        if is_ours(budget_class):
            raise
        # A budget of another plugin may refuse arguments with any error.
        told = f"{name_of(budget_class)} raised {type(error).__qualname__}: {error}"
        raise WrongArguments(f"{told}. Usage: {usage(budget_class)}") from error


def wants_plans(budget: Budget) -> bool:
    """Tell whether a budget checks the plans of PostgreSQL, which then have to be in `Recording.plans`."""
    return bool(getattr(budget, "wants_plans", False)) and not budget.is_lifted


def needed_probes(budget: Budget) -> Collection[str] | None:
    """Return the modules of the probes that a budget cannot do without, None if it may need any of them."""
    needed: Sequence[str] | None = getattr(budget, "needs_probes", None)
    # Requests have to be told apart only if each of them has a limit.
    return needed if needed is None or not is_per_request(budget) else {*needed, "requests"}


def usage(budget_class: type[Budget]) -> str:
    """Write how a budget is used: `query_budget(limit, *, at_least=0, ...)`."""
    parameters = [parameter.replace(annotation=parameter.empty) for parameter in _parameters_of(budget_class)]
    return f"{budget_class.name}{inspect.Signature(parameters)}"


def takes_a_limit(budget_class: type[Budget]) -> bool:
    """Tell whether a budget needs a number: if not, it can be switched on by a plain `true`."""
    first = _parameters_of(budget_class)[0]
    return first.kind is not first.KEYWORD_ONLY and first.default is first.empty


def is_per_request(budget: Budget) -> bool:
    """Tell whether a budget limits each single request: it does not replace one for the whole test."""
    return bool(getattr(budget, _PER_REQUEST, False))


def can_be_per_request(budget_class: type[Budget]) -> bool:
    """Tell whether a budget can limit each single request, and so has a second setting in the ini file."""
    return _PER_REQUEST in inspect.signature(budget_class).parameters


def _parameters_of(budget_class: type[Budget]) -> list[inspect.Parameter]:
    """List the parameters of a budget: of the keyword-only ones, those that most budgets have come last."""

    def position(parameter: inspect.Parameter) -> tuple[int, int]:
        is_shared = parameter.kind is parameter.KEYWORD_ONLY and parameter.name in _SHARED
        return parameter.kind, _SHARED.index(parameter.name) if is_shared else -1

    # A dataclass lists the fields of its base before its own.
    return sorted(inspect.signature(budget_class).parameters.values(), key=position)


def summary(budget_class: type[Budget]) -> str:
    """Return the first sentence of a budget's docstring."""
    return (inspect.getdoc(budget_class) or "").partition("\n\n")[0].replace("\n", " ")


def written(budget: Budget) -> str:
    """Write a budget as its marker, without the reason and without arguments that have their default."""
    shown = arguments_of(budget, without=("reason",))
    return f"{budget.name}({', '.join(shown)})" if shown else budget.name


def arguments_of(budget: Budget, *, without: Sequence[str]) -> list[str]:
    """Write the arguments of a budget that differ from their defaults, except those named in `without`."""
    shown = []
    for parameter in _parameters_of(type(budget)):
        value = getattr(budget, parameter.name)
        if parameter.name in without or value == parameter.default:
            continue
        positional = parameter.kind is not parameter.KEYWORD_ONLY
        shown.append(repr(value) if positional else f"{parameter.name}={value!r}")
    return shown


def require_limit(what: str, limit: object) -> None:
    """Refuse a limit that is not None or a whole number >= 0."""
    if limit is not None:
        require_number(what, limit, or_none=True)


def require_number(what: str, number: object, *, or_none: bool = False) -> None:
    """Refuse anything but a whole number >= 0."""
    # bool is a subclass of int, and `query_budget(True)` is a mistake.
    if type(number) is not int:
        expected = "a whole number or None" if or_none else "a whole number"
        raise ValueError(f"{what} must be {expected}, got {type(number).__name__}")
    if number < 0:
        raise ValueError(f"{what} must be >= 0, got {number}")


def require_truth(what: str, value: object) -> None:
    """Refuse anything but True and False."""
    if not isinstance(value, bool):
        raise ValueError(f"{what} must be True or False")  # noqa: TRY004  # A wrong argument is a ValueError.


def require_milliseconds(what: str, limit: object) -> None:
    """Refuse a limit that is not None or a finite number >= 0."""
    if limit is None:
        return
    if type(limit) not in (int, float):
        raise ValueError(f"{what} must be a number or None, got {type(limit).__name__}")
    if not 0 <= cast(float, limit) < inf:
        raise ValueError(f"{what} must be >= 0 and finite, got {limit}")


def require_alias(what: str, using: object) -> None:
    """Refuse an alias that is not a non-empty string or None."""
    if using is not None and not (isinstance(using, str) and using):
        raise ValueError(f"{what} must be the name of a database alias or None")
