"""SQL is read as the database behind its alias reads it."""

import pytest

from pytest_dbperf.probes import vendors
from pytest_dbperf.recording.recorder import Recorder
from pytest_dbperf.recording.vendors import look_vendors_up, vendor_of
from tests.factories import blocking_call, driver_query, query

QUOTED = 'SELECT a FROM t WHERE b = "c"'


@pytest.fixture(autouse=True)
def vendors_in_settings():
    """What the plugin does when it begins to record."""
    vendors.install(Recorder())
    yield
    vendors.install(Recorder())


def test_the_settings_name_the_vendor():
    """SQLite reads "c" as a string, and PostgreSQL as a name."""
    assert vendor_of("sqlite") == "sqlite"
    assert query(QUOTED, using="sqlite").statement.fingerprint == "SELECT a FROM t WHERE b = %s"
    assert driver_query(QUOTED).statement.fingerprint == "SELECT a FROM t WHERE b = c"


def test_the_driver_knows_its_vendor():
    """psycopg is PostgreSQL's, whichever alias the connection has."""
    assert blocking_call(via="psycopg", sql=QUOTED, using=None).name == "SELECT a FROM t WHERE b = c"
    assert blocking_call(via="django", sql=QUOTED, using="sqlite").name == "SELECT a FROM t WHERE b = %s"


def test_an_alias_that_is_gone_has_no_vendor():
    """A test may have changed the settings: its SQL is then read in a way that hides values."""
    assert vendor_of("gone") == ""
    assert vendor_of(None) == ""


def test_the_vendor_can_be_looked_up_in_another_way():
    """The function that was set last answers."""
    look_vendors_up(lambda _: "mysql")

    assert vendor_of("default") == "mysql"
