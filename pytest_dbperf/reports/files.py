"""How do we show it? One file a report; each reads the run and nothing else."""

from __future__ import annotations

from collections.abc import Callable

from pytest_dbperf.reports import json, openmetrics
from pytest_dbperf.results.model import Run

FILES: dict[str, Callable[[Run], str]] = {"json": json.document, "openmetrics": openmetrics.document}
