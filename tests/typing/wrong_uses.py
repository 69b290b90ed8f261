"""Wrong uses of the public API: never run. mypy and pyright must find an error in each line that says so.

Both also report an ignore that is not needed. So a line fails as soon as a checker accepts it.
"""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from pytest_dbperf import (
    Budget,
    LiveRecording,
    MaxDbTimeFixture,
    NoNPlusOneFixture,
    NoSyncToAsyncFixture,
    QueryBudgetFixture,
    Recording,
    WsgiCleint,  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownVariableType]
)


def test_query_budget(query_budget: QueryBudgetFixture) -> None:
    """A limit is a whole number, and the names of the other limits are known."""
    query_budget("3")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
