"""Which arguments does the fixture of a budget take? Types for annotations, made from the budget classes."""

# ruff: noqa: D102  # Each call takes what its budget takes.

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, Protocol

from pytest_dbperf.budgets.budget import Budget
from pytest_dbperf.budgets.enforcement import BudgetWindow
from pytest_dbperf.budgets.max_db_time import MaxDbTime
from pytest_dbperf.budgets.max_new_connections import MaxNewConnections
from pytest_dbperf.budgets.max_open_connections import MaxOpenConnections
from pytest_dbperf.budgets.max_thread_hops import MaxThreadHops
from pytest_dbperf.budgets.no_blocking_calls import NoBlockingCalls
from pytest_dbperf.budgets.no_connection_leaks import NoConnectionLeaks
from pytest_dbperf.budgets.no_idle_in_transaction import NoIdleInTransaction
from pytest_dbperf.budgets.no_n_plus_one import NoNPlusOne
from pytest_dbperf.budgets.no_repeated_queries import NoRepeatedQueries
from pytest_dbperf.budgets.no_sync_to_async import NoSyncToAsync
from pytest_dbperf.budgets.no_unindexed_filters import NoUnindexedFilters
from pytest_dbperf.budgets.no_write_loops import NoWriteLoops
from pytest_dbperf.budgets.query_budget import QueryBudget

P = ParamSpec("P")


def signature_of(
    budget_class: Callable[P, Budget],  # noqa: ARG001  # for type checkers
) -> Callable[[Callable[..., Any]], Callable[Concatenate[Any, P], BudgetWindow]]:
    """Let type checkers check a call of a fixture as a call of its budget class.

    It decorates `__call__` of a protocol, which is the type of the fixture `name` of this budget class.
    """

    def typed(call: Any) -> Any:
        return call

    return typed


class MaxDbTimeFixture(Protocol):
    """The fixture `max_db_time`."""

    @signature_of(MaxDbTime)
    def __call__(self) -> object: ...


class MaxNewConnectionsFixture(Protocol):
    """The fixture `max_new_connections`."""

    @signature_of(MaxNewConnections)
    def __call__(self) -> object: ...


class MaxOpenConnectionsFixture(Protocol):
    """The fixture `max_open_connections`."""

    @signature_of(MaxOpenConnections)
    def __call__(self) -> object: ...


class MaxThreadHopsFixture(Protocol):
    """The fixture `max_thread_hops`."""

    @signature_of(MaxThreadHops)
    def __call__(self) -> object: ...


class NoBlockingCallsFixture(Protocol):
    """The fixture `no_blocking_calls`."""

    @signature_of(NoBlockingCalls)
    def __call__(self) -> object: ...


class NoConnectionLeaksFixture(Protocol):
    """The fixture `no_connection_leaks`."""

    @signature_of(NoConnectionLeaks)
    def __call__(self) -> object: ...


class NoIdleInTransactionFixture(Protocol):
    """The fixture `no_idle_in_transaction`."""

    @signature_of(NoIdleInTransaction)
    def __call__(self) -> object: ...


class NoNPlusOneFixture(Protocol):
    """The fixture `no_n_plus_one`."""

    @signature_of(NoNPlusOne)
    def __call__(self) -> object: ...


class NoRepeatedQueriesFixture(Protocol):
    """The fixture `no_repeated_queries`."""

    @signature_of(NoRepeatedQueries)
    def __call__(self) -> object: ...


class NoSyncToAsyncFixture(Protocol):
    """The fixture `no_sync_to_async`."""

    @signature_of(NoSyncToAsync)
    def __call__(self) -> object: ...


class NoUnindexedFiltersFixture(Protocol):
    """The fixture `no_unindexed_filters`."""

    @signature_of(NoUnindexedFilters)
    def __call__(self) -> object: ...


class NoWriteLoopsFixture(Protocol):
    """The fixture `no_write_loops`."""

    @signature_of(NoWriteLoops)
    def __call__(self) -> object: ...


class QueryBudgetFixture(Protocol):
    """The fixture `query_budget`."""

    @signature_of(QueryBudget)
    def __call__(self) -> object: ...
