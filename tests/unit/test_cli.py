"""The command `dbperf` runs its subcommands, and its exit codes are those of pytest."""

import subprocess
import sys
import tomllib
from argparse import Namespace
from importlib import metadata
from pathlib import Path
from pkgutil import resolve_name

import pytest

from pytest_dbperf import cli
from pytest_dbperf.baseline import command
from pytest_dbperf.baseline.text import HEADER


@pytest.mark.parametrize(
    "arguments", [[], ["no-such-command"], ["baseline"], ["baseline", "check", "--no-such-option"]]
)
def test_wrong_arguments_are_a_usage_error(arguments, capsys):
    """With pytest's exit code for them, and the usage."""
    assert cli.main(arguments) == 4
    assert capsys.readouterr().err.startswith("usage: dbperf")


def test_help_and_version_are_no_error(capsys):
    """They name all commands and the version."""
    assert cli.main(["--help"]) == 0
    assert "baseline" in capsys.readouterr().out
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"pytest-dbperf {metadata.version('pytest-dbperf')}\n"


def test_the_exit_code_is_that_of_the_command(tmp_path, monkeypatch):
    """A file that is not there is an error."""
    monkeypatch.chdir(tmp_path)

    assert cli.main(["baseline", "check"]) == 4


def test_python_runs_it_as_a_module(tmp_path):
    """Where the scripts of the environment are not on PATH."""
    tmp_path.joinpath("a.tsv").write_text("no baseline")
    command = [sys.executable, "-m", "pytest_dbperf", "baseline", "check", "a.tsv"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode == 4
    assert done.stderr.startswith(f"dbperf baseline: a.tsv:1: the first line is not `{HEADER}`")


def test_a_reader_that_has_read_enough_is_no_error(tmp_path):
    """As in `dbperf baseline stats | head`."""
    tmp_path.joinpath("a.tsv").write_text(f"{HEADER}\n")
    command = [sys.executable, "-m", "pytest_dbperf", "baseline", "check", "a.tsv"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        said = process.stderr.read()

    assert process.returncode == 0
    assert said == b""


def test_a_reader_that_stops_early_is_no_error_of_the_baseline():
    """It is an OSError, but no file of ours is the cause: the command line ends as after its last line."""

    def write(_):
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        command.run(Namespace(run_baseline=write))


def test_the_script_is_declared():
    """pip installs it as `dbperf`."""
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]

    assert resolve_name(project["scripts"]["dbperf"]) is cli.main
