"""Budgets with a limit share how it is declared, checked, lifted and shown."""

from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

import pytest

from pytest_dbperf.budgets.budget import WrongArguments, arguments_of, make, usage
from pytest_dbperf.budgets.limited import Limited, LimitedOnAlias, LimitedTime


@dataclass(frozen=True, slots=True)
class MaxPages(LimitedOnAlias):
    """Fail when more pages are read."""

    name: ClassVar[str] = "max_pages"
    limited_by: ClassVar[str] = "pages"

    pages: int | None
    _: KW_ONLY
    is_strict: bool = False


@dataclass(frozen=True, slots=True)
class MaxWait(LimitedTime):
    """Fail when something waits for longer."""

    name: ClassVar[str] = "max_wait"


@dataclass(frozen=True, slots=True)
class MaxRetries(Limited):
    """Fail when something is retried more often."""

    name: ClassVar[str] = "max_retries"

    limit: int | None


def test_the_shared_parameters_are_shown_last():
    """In the usage and in the written marker, although a dataclass lists the fields of its base first."""
    budget = MaxPages(3, using="other", is_strict=True)

    assert usage(MaxPages) == "max_pages(pages, *, is_strict=False, using=None, reason='')"
    assert usage(MaxWait) == "max_wait(milliseconds, *, using=None, reason='')"
    assert usage(MaxRetries) == "max_retries(limit, *, reason='')"
    assert arguments_of(budget, without=()) == ["3", "is_strict=True", "using='other'"]


def test_a_positional_reason_keeps_its_position():
    """A budget of another package may declare its fields in any order."""

    @dataclass(frozen=True)
    class MaxTables:
        name: ClassVar[str] = "max_tables"
        limit: int
        reason: str = ""
        _: KW_ONLY
        using: str | None = None
        schema: str = "public"

    assert usage(MaxTables) == "max_tables(limit, reason='', *, schema='public', using=None)"


@pytest.mark.parametrize(
    ("budget_class", "args", "kwargs", "complaint"),
    [
        (MaxPages, (-1,), {}, "max_pages pages must be >= 0, got -1"),
        (MaxPages, (1,), {"using": ""}, "max_pages using must be the name of a database alias or None"),
        (MaxWait, ("1",), {}, "max_wait milliseconds must be a number or None, got str"),
        (MaxWait, (1,), {"using": 2}, "max_wait using must be the name of a database alias or None"),
        (MaxRetries, (True,), {}, "max_retries limit must be a whole number or None, got bool"),
    ],
)
def test_wrong_limits_and_aliases_are_refused(budget_class, args, kwargs, complaint):
    """The text names the budget and the parameter as the budget declares them."""
    with pytest.raises(WrongArguments) as refused:
        make(budget_class, args, kwargs)

    assert str(refused.value) == f"{complaint}. Usage: {usage(budget_class)}"


@pytest.mark.parametrize("budget_class", [MaxPages, MaxWait, MaxRetries])
def test_none_lifts_the_limit(budget_class):
    """A limit of 0 does not."""
    assert budget_class(None).is_lifted
    assert not budget_class(0).is_lifted


def test_a_budget_on_an_alias_counts_only_that_one():
    """Without `using`, all aliases count, and also a connection that has none."""
    one, every = MaxPages(0, using="other"), MaxPages(0)

    assert (one.aliases, every.aliases, MaxRetries(0).aliases) == (("other",), (), ())
    assert [one.is_about(alias) for alias in ("other", "default", None)] == [True, False, False]
    assert [every.is_about(alias) for alias in ("other", "default", None)] == [True, True, True]
