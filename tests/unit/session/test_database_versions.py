"""The versions of databases, as Django tells them."""

import pytest
from django.db import connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from pytest_dbperf.session.database_versions import DatabaseVersions


@pytest.mark.django_db
def test_each_database_is_asked_once():
    """The first test that uses it tells its version."""
    versions = DatabaseVersions()
    version = ".".join(map(str, connection.get_database_version()))

    assert versions.new(["default"]) == {connection.vendor: version}
    assert versions.new(["default"]) == {}


@pytest.mark.django_db
def test_a_backend_that_does_not_tell_its_version_is_left_out(monkeypatch):
    """Django's base class refuses to answer for it."""
    refuses = BaseDatabaseWrapper.get_database_version
    monkeypatch.setattr(type(connections["default"]), "get_database_version", refuses)

    assert DatabaseVersions().new(["default"]) == {}
