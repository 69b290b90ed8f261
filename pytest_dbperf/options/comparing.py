"""Which earlier run is this one compared with, and which changes fail it?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from pytest_dbperf.comparison.gates import UnknownGate, gates_of
from pytest_dbperf.results.model import Run
from pytest_dbperf.results.reading import NotARun, read_run


@dataclass(frozen=True, slots=True)
class ComparisonOptions:
    """The earlier run with the path of its file, and the gates."""

    path: str = ""
    """Empty if nothing is compared."""
    base: Run | None = None
    """None in the workers of xdist, which compare nothing."""
    gates: Sequence[str] = ()


def comparison_options_of(config: pytest.Config, mode: str) -> ComparisonOptions:
    """Resolve the options, and read the earlier run before this one may replace it.

    Raises:
        pytest.UsageError: The file is no run, or a gate has a name that there is not.
    """
    path, fail_on = config.getoption("dbperf_compare"), config.getoption("dbperf_fail_on") or ()
    if path is None:
        if fail_on:
            raise pytest.UsageError("--dbperf-fail-on needs --dbperf-compare=BASE.json")
        return ComparisonOptions()
    if mode == "off":
        raise pytest.UsageError("--dbperf-compare needs measurements, but dbperf is off")
    try:
        gates = gates_of(fail_on)
        base = None if hasattr(config, "workerinput") else read_run(config.invocation_params.dir / path)
    except UnknownGate as error:
        raise pytest.UsageError(f"--dbperf-fail-on {error}") from None
    except NotARun as error:
        raise pytest.UsageError(f"--dbperf-compare: {error}") from None
    return ComparisonOptions(path, base, gates)
