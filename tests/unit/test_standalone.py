"""`record()` needs Django."""

import sys

import pytest

from pytest_dbperf import record


def test_without_django_nothing_can_be_recorded(monkeypatch):
    """For importlib, None is a package that is not there."""
    monkeypatch.setitem(sys.modules, "django", None)

    with pytest.raises(RuntimeError, match=r"^record\(\) cannot be used: Django is not installed"), record():
        pass
