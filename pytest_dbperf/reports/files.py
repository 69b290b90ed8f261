"""Which reports can be written to a file? One module a report; each reads the run and nothing else."""

from __future__ import annotations

from collections.abc import Callable

from pytest_dbperf.reports import json, openmetrics
from pytest_dbperf.results.model import Run

ReportWriter = Callable[[Run], str]

FILES: dict[str, ReportWriter] = {"json": json.document, "openmetrics": openmetrics.document}
