"""Wrong uses of the public API: never run. mypy and pyright must both find an error in each ignored line.

They report an ignore that is not needed, too. So a line fails as soon as one of them accepts it.
"""

# pyright: reportUnnecessaryTypeIgnoreComment=true

import pytest_dbperf
from pytest_dbperf import (
    LiveRecording,
    MaxDbTimeFixture,
    NoNPlusOneFixture,
    NoSyncToAsyncFixture,
    QueryBudgetFixture,
)


def test_query_budget(query_budget: QueryBudgetFixture) -> None:
    """Its type knows the parameters of the budget."""
    query_budget()  # type: ignore[call-arg]
    query_budget("3")  # type: ignore[arg-type]
    query_budget(3, 4)  # type: ignore[call-arg,arg-type]
    query_budget(3, at_leest=1)  # type: ignore[call-arg]
    query_budget(3, tables=["users_user"])  # type: ignore[arg-type]


def test_other_budgets(
    max_db_time: MaxDbTimeFixture,
    no_n_plus_one: NoNPlusOneFixture,
    no_sync_to_async: NoSyncToAsyncFixture,
) -> None:
    """Each budget has parameters of its own."""
    max_db_time(20, limit=3)  # type: ignore[call-arg]
    no_n_plus_one(allow=3)  # type: ignore[arg-type]
    no_sync_to_async("save")  # type: ignore[call-arg]


def test_recording(dbperf: LiveRecording, query_budget: QueryBudgetFixture) -> None:
    """Names that are not there are found, and so is a missing argument."""
    assert pytest_dbperf.NoSuchClient  # type: ignore[attr-defined]
    with query_budget(3) as recording:
        assert recording.no_such_list  # type: ignore[attr-defined]
    assert dbperf.queries[0].no_such_field  # type: ignore[attr-defined]
    dbperf.assert_constant(lambda: None)  # type: ignore[call-overload]
