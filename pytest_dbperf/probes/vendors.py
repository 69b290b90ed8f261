"""Which database is behind an alias? SQL is read as that one reads it, after the queries ran."""

from __future__ import annotations

from functools import lru_cache

from pytest_dbperf.probes.seam import Undo, undo_all
from pytest_dbperf.recording.recorder import Recorder
from pytest_dbperf.recording.vendors import look_vendors_up


def install(_: Recorder) -> Undo:
    """Look vendors up in Django's settings. That stays: recordings are read when the probes are gone."""
    from django.core.exceptions import ImproperlyConfigured
    from django.db import connections

    def vendor_in_settings(using: str) -> str:
        # Not connections[using].vendor, which would make a connection object in this thread.
        try:
            return _vendor_of_engine(connections.settings[using]["ENGINE"])
        except (ImproperlyConfigured, LookupError):  # The test that used the alias has changed the settings.
            return ""

    look_vendors_up(vendor_in_settings)
    return undo_all()


@lru_cache(maxsize=100)
def _vendor_of_engine(engine: str) -> str:
    from django.db.utils import load_backend

    return str(load_backend(engine).DatabaseWrapper.vendor)
