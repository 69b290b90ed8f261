"""Database performance as assertions: budgets for queries, connections and thread hops in Django tests."""

from pytest_dbperf.enforcement import BudgetFixture
from pytest_dbperf.live import LiveRecording
from pytest_dbperf.recording import Recording
from pytest_dbperf.standalone import record
from pytest_dbperf.violations import BudgetExceeded, BudgetWarning

__all__ = ["BudgetExceeded", "BudgetFixture", "BudgetWarning", "LiveRecording", "Recording", "record"]
