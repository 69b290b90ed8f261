"""Database performance as assertions: budgets for queries, connections and thread hops in Django tests."""

from pytest_dbperf.budgets.enforcement import BudgetFixture
from pytest_dbperf.recording.recorder import Recording
from pytest_dbperf.session.live import LiveRecording
from pytest_dbperf.standalone import record
from pytest_dbperf.violations.text import BudgetExceeded
from pytest_dbperf.violations.violation import BudgetWarning

__all__ = ["BudgetExceeded", "BudgetFixture", "BudgetWarning", "LiveRecording", "Recording", "record"]
