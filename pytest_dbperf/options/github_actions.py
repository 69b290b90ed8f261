"""What does GitHub Actions say in its environment? Where a summary goes, and who annotates failures."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_STEP_SUMMARY = "GITHUB_STEP_SUMMARY"
_ANNOTATING_PLUGIN = "pytest_github_actions_annotate_failures"


def step_summary() -> Path:
    """Return the file for the summary of the step. Raises `pytest.UsageError` outside of GitHub Actions."""
    path = os.environ.get(_STEP_SUMMARY)
    if not path:
        raise pytest.UsageError(
            f"--dbperf-report=github adds to the file that GitHub Actions names in {_STEP_SUMMARY}, "
            "which is not set here: use github:PATH or markdown:PATH"
        )
    return Path(path)


def annotates_failures(config: pytest.Config) -> bool:
    """Tell whether another plugin annotates each test that fails."""
    return os.environ.get("GITHUB_ACTIONS") == "true" and config.pluginmanager.hasplugin(_ANNOTATING_PLUGIN)
