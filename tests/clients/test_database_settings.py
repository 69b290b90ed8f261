"""Settings can be changed for databases without a pool, too."""

from django.db import connections

from pytest_dbperf.clients import database_settings


def test_without_psycopgs_pool_the_rest_can_be_changed(monkeypatch, transactional_db):
    """CONN_MAX_AGE applies to every driver."""
    monkeypatch.setattr(database_settings, "is_installed", lambda package: False)
    with database_settings.changeable() as change:
        change("default", CONN_MAX_AGE=600)
        assert connections.settings["default"]["CONN_MAX_AGE"] == 600

    assert connections.settings["default"]["CONN_MAX_AGE"] == 0
