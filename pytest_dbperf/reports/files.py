"""Which reports can be written to a file? One module a report; each reads the run and nothing else."""

from __future__ import annotations

from collections.abc import Callable

from pytest_dbperf.reports import digest, github, gitlab, json, markdown, openmetrics, sarif
from pytest_dbperf.results.model import Run

ReportWriter = Callable[[Run], str]

FILES: dict[str, ReportWriter] = {
    "json": json.document,
    "openmetrics": openmetrics.document,
    "github": github.summary,
    "gitlab": gitlab.document,
    "sarif": sarif.document,
    "markdown": markdown.document,
    "digest": digest.document,
}

ADDED_TO_A_FILE = frozenset(("github",))
"""Reports that are added to the end of a file, because other tools write into it, too."""
