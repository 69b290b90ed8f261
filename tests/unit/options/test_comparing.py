"""The earlier run is read before the first test, and nonsense is refused."""

import pytest

from pytest_dbperf.options.comparing import ComparisonOptions, comparison_options_of
from pytest_dbperf.reports.json import document
from tests.unit.comparison.runs import run

CONFTEST = """
def pytest_addoption(parser):
    parser.addoption("--dbperf-compare", default=None)
    parser.addoption("--dbperf-fail-on", action="append", default=[])
"""


@pytest.fixture
def options(pytester):
    """Resolve the options of a command line."""
    pytester.makeini("[pytest]")
    pytester.makeconftest(CONFTEST)
    (pytester.path / "base.json").write_text(document(run()))

    def options(*args, mode="enforce", is_worker=False):
        config = pytester.parseconfig("-p", "no:dbperf", "-p", "no:django", *args)
        if is_worker:
            config.workerinput = {}
        return comparison_options_of(config, mode)

    return options


def test_nothing_is_compared_unless_asked_for(options):
    """The default."""
    assert options() == ComparisonOptions()


def test_the_earlier_run_is_read_at_once(options):
    """This run may write its own report to the same path."""
    read = options("--dbperf-compare=base.json", "--dbperf-fail-on=more-hops")

    assert (read.path, read.base.tests, read.gates) == ("base.json", [], ["more-hops"])


def test_a_worker_reads_no_file(options):
    """The controller of xdist compares."""
    assert options("--dbperf-compare=base.json", is_worker=True) == ComparisonOptions("base.json", None, [])


@pytest.mark.parametrize(
    ("args", "mode", "told"),
    [
        (["--dbperf-fail-on=any"], "enforce", "--dbperf-fail-on needs --dbperf-compare=BASE.json"),
        (["--dbperf-compare=base.json"], "off", "--dbperf-compare needs measurements, but dbperf is off"),
        (["--dbperf-compare=x.json"], "enforce", r"--dbperf-compare: .*x.json cannot be read"),
        (
            ["--dbperf-compare=base.json", "--dbperf-fail-on=anny"],
            "enforce",
            r"--dbperf-fail-on takes .*, got 'anny' \(did you mean 'any'\?\)",
        ),
    ],
)
def test_a_comparison_that_cannot_be_made_is_refused(options, args, mode, told):
    """Before the first test, and not after the last one."""
    with pytest.raises(pytest.UsageError, match=told):
        options(*args, mode=mode)
