"""The example project keeps to its own gate: its baseline, and the workflow that holds it."""

import re
import shlex
from pathlib import Path

import pytest

from pytest_dbperf import cli
from pytest_dbperf.baseline.files import read_baseline

HOME = Path(__file__).parents[2]
BASELINE = HOME / "example_project" / "dbperf-baseline.tsv"
WORKFLOW = HOME / ".github" / "workflows" / "example.yml"


def test_the_debts_of_the_project_are_those_of_the_old_api():
    """The new API has none; what is left is the tests' own."""
    names = [debt.key.names[-1] for debt in read_baseline(BASELINE).debts.values()]
    of_project = [name for name in names if "/tests/" not in name]

    assert of_project
    assert [
        name for name in of_project if not re.match(r"campaigns/api_before\.py |GET api/before/", name)
    ] == []


def test_each_debt_has_a_reason_and_an_owner():
    """`dbperf baseline check --require-reason` asks for the reason of a new one."""
    comments = [debt.comment for debt in read_baseline(BASELINE).debts.values()]

    assert [comment for comment in comments if not re.fullmatch(r".{9,}, owner=@\w+", comment)] == []


def test_the_baseline_is_in_canonical_form(capsys):
    """As the hook for pre-commit wants it."""
    assert cli.main(["baseline", "fmt", "--check", str(BASELINE)]) == 0, capsys.readouterr()


def test_the_workflow_uses_inputs_and_options_that_exist(monkeypatch, capsys):
    """Nothing else would notice that they were renamed."""
    if not (WORKFLOW.exists() and (HOME / ".git").exists()):
        pytest.skip("the source archive has no .github, and is no repository")
    monkeypatch.chdir(BASELINE.parent)
    workflow, action = WORKFLOW.read_text(), (HOME / "action.yml").read_text()
    given = re.search(r"- uses: \./\n +with:\n((?: {10}\S.*\n)+)", workflow)[1]
    declared = re.search(r"^inputs:\n(.+?)^\S", action, re.MULTILINE | re.DOTALL)[1]
    (command,) = re.findall(r"run: dbperf (.+)", workflow)

    assert set(re.findall(r"^ +([\w-]+):", given, re.MULTILINE)) <= set(
        re.findall(r"^  ([\w-]+):", declared, re.MULTILINE)
    )
    # Only a pull request has the branch that it goes to.
    assert cli.main(shlex.split(command.replace("origin/$GITHUB_BASE_REF", "HEAD"))) == 0, capsys.readouterr()
