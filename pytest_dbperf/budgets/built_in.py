"""Which budgets are there? One module each; marker, fixture, ini option and message follow from its class."""

from __future__ import annotations

from pytest_dbperf.budgets.budget import Budget
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

BUDGETS: tuple[type[Budget], ...] = (
    QueryBudget,
    NoNPlusOne,
    NoRepeatedQueries,
    NoWriteLoops,
    MaxNewConnections,
    MaxOpenConnections,
    NoConnectionLeaks,
    NoSyncToAsync,
    MaxThreadHops,
    NoBlockingCalls,
    NoIdleInTransaction,
    MaxDbTime,
    NoUnindexedFilters,
)
