"""The GitHub Action, the job for GitLab and the hook of pre-commit follow their services' rules, and run."""

import json
import os
import re
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

HOME = Path(__file__).parents[2]
VERSION = tomllib.loads((HOME / "pyproject.toml").read_text())["project"]["version"]
PAGE = HOME / "docs" / "how-to" / "ci.md"

# What the schemas of SchemaStore and the services' own pages allow.
ACTION = {"name", "author", "description", "inputs", "outputs", "runs", "branding"}
INPUT = {"description", "required", "default", "deprecationMessage"}
STEP = {"name", "id", "if", "env", "continue-on-error", "working-directory", "shell", "run", "uses", "with"}
BRANDING = {"white", "black", "yellow", "blue", "green", "orange", "red", "purple", "gray-dark"}
OF_UPLOAD_ARTIFACT = {
    *("name", "path", "if-no-files-found", "retention-days", "compression-level"),
    *("overwrite", "include-hidden-files"),
}
JOB = {
    *("after_script", "allow_failure", "artifacts", "before_script", "cache", "coverage", "dependencies"),
    *(
        "environment",
        "extends",
        "hooks",
        "id_tokens",
        "image",
        "inherit",
        "interruptible",
        "needs",
        "parallel",
    ),
    *("release", "resource_group", "retry", "rules", "script", "secrets", "services", "stage", "tags"),
    *("timeout", "trigger", "variables", "when"),
}
ARTIFACTS = {
    "paths",
    "exclude",
    "expire_in",
    "expose_as",
    "name",
    "public",
    "access",
    "reports",
    "untracked",
    "when",
}
HOOK = {
    *("id", "name", "entry", "language", "alias", "files", "exclude", "types", "types_or", "exclude_types"),
    *(
        "additional_dependencies",
        "args",
        "always_run",
        "fail_fast",
        "verbose",
        "pass_filenames",
        "description",
    ),
    *("language_version", "log_file", "minimum_pre_commit_version", "require_serial", "stages"),
}


def yaml_of(*path):
    """Read a YAML file. The source archive has none of those whose names begin with a dot."""
    try:
        import yaml
    except ModuleNotFoundError:
        import yaml_ft as yaml  # libcst brings it for Python 3.13.
    file = HOME.joinpath(*path)
    if path[0].startswith(".") and not file.exists():
        pytest.skip(f"the source archive has no {path[0]}")
    return yaml.safe_load(file.read_text())


@pytest.fixture
def python(suite):
    """A Python that writes down what it was called with, and does what the test says."""

    def make(*does):
        path = suite.path / "bin" / "a python"
        path.parent.mkdir(exist_ok=True)
        path.write_text("\n".join(('#!/bin/bash\nprintf "%s\\n" "$PYTEST_ADDOPTS" "$@" > called', *does)))
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path

    return make


def run_step(suite, python, args="", **environment):
    """Run the script of the action as GitHub does. Returns its exit code, the summary and the outputs."""
    script = suite.path / "step.sh"
    script.write_text(yaml_of("action.yml")["runs"]["steps"][0]["run"])
    summary, outputs = suite.path / "summary", suite.path / "outputs"
    summary.write_text("")
    outputs.write_text("")
    variables = {
        "DBPERF_PYTHON": str(python),
        "DBPERF_ARGS": args,
        "DBPERF_ARTIFACT": "dbperf",
        **environment,
    }
    written = {"GITHUB_STEP_SUMMARY": str(summary), "GITHUB_OUTPUT": str(outputs), "GITHUB_ACTIONS": "true"}
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
        cwd=suite.path,
        env={**os.environ, **variables, **written},
        check=False,
        capture_output=True,
        text=True,
    )
    return done, summary.read_text(), outputs.read_text()


def test_the_action_follows_the_rules_of_github():
    """Each step of a composite action is a script with its shell, or another action."""
    action = yaml_of("action.yml")

    assert {"name", "description", "runs"} <= set(action) <= ACTION
    assert action["branding"]["color"] in BRANDING
    for name, declared in action["inputs"].items():
        assert re.fullmatch(r"[_a-zA-Z][\w-]*", name)
        assert {"description"} <= set(declared) <= INPUT
        assert isinstance(declared["default"], str)
    assert all(set(output) == {"description", "value"} for output in action["outputs"].values())
    assert set(action["runs"]) == {"using", "steps"}
    assert action["runs"]["using"] == "composite"
    for step in action["runs"]["steps"]:
        assert set(step) <= STEP
        assert ("run" in step) != ("uses" in step)
        assert ("run" in step) == ("shell" in step)
    (upload,) = [step for step in action["runs"]["steps"] if "uses" in step]
    assert set(upload["with"]) <= OF_UPLOAD_ARTIFACT


def test_no_input_of_the_action_is_part_of_a_script():
    """It could end a command. Each that is used is declared."""
    action = yaml_of("action.yml")

    assert all("${{" not in step.get("run", "") for step in action["runs"]["steps"])
    used = re.findall(r"\$\{\{ inputs\.([\w-]+) \}\}", (HOME / "action.yml").read_text())
    assert set(used) == set(action["inputs"])


def test_other_actions_are_pinned():
    """A tag can be moved to other code. The comment names the version."""
    lines = re.findall(r"uses: (.+)", (HOME / "action.yml").read_text())

    assert lines
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line) for line in lines)


@pytest.mark.parametrize("code", [0, 1, 10])
def test_the_action_runs_pytest_and_ends_as_it_does(suite, python, code):
    """Its arguments are pytest's, and no command."""
    done, summary, outputs = run_step(
        suite, python(f"exit {code}"), args="-k 'a or b' $(touch injected)", PYTEST_ADDOPTS="-v"
    )

    assert done.returncode == code
    assert (suite.path / "called").read_text().splitlines() == [
        "-v -k 'a or b' $(touch injected)",
        *("-m", "pytest", "--dbperf-report=github", "--dbperf-report=json:.dbperf/run.json"),
    ]
    assert not (suite.path / "injected").exists()
    assert (summary, outputs) == ("", f"exit-code={code}\n")


def test_the_action_says_how_to_accept_what_failed(suite, python):
    """The name of the artifact is text."""
    stub = python("mkdir -p .dbperf", "echo patch > .dbperf/baseline.patch", "exit 10")
    _, summary, _ = run_step(suite, stub, DBPERF_ARTIFACT="$(touch injected)")

    assert summary == (
        "\nTo accept this, download the artifact $(touch injected), and run `git apply` with its "
        "`baseline.patch` at the root of the repository.\n"
    )
    assert not (suite.path / "injected").exists()


def test_the_action_runs_a_suite(suite):
    """The JSON report is where the next step takes it from."""
    suite.tests("@pytest.mark.query_budget(1)\ndef test_over(db): queries(2)\ndef test_fine(db): queries(1)")
    done, summary, _ = run_step(suite, sys.executable, args="-k 'over or nothing'")

    (path, _) = yaml_of("action.yml")["runs"]["steps"][1]["with"]["path"].splitlines()
    run = json.loads((suite.path / path.replace("${{ inputs.working-directory }}", ".")).read_text())
    assert done.returncode == 1
    assert [test["id"] for test in run["tests"]] == ["test_it.py::test_over"]
    assert "### dbperf: 1 problem in 1 of 1 test" in summary
    assert "\n::error file=test_it.py," in done.stdout


def test_the_job_follows_the_rules_of_gitlab():
    """A name with a dot in front is no job of its own, but one to extend."""
    template = yaml_of(".gitlab", "dbperf.yml")

    assert list(template) == [".dbperf"]
    job = template[".dbperf"]
    assert set(job) <= JOB
    assert set(job["artifacts"]) <= ARTIFACTS
    assert job["artifacts"]["when"] == "always"
    assert set(job["artifacts"]["reports"]) == {"codequality", "junit"}
    assert all(isinstance(line, str) for line in job["script"])
    assert all(isinstance(value, str) for value in job["variables"].values())


def test_the_job_writes_what_it_keeps(suite):
    """GitLab runs it in any shell, and takes each file from where pytest has written it."""
    job = yaml_of(".gitlab", "dbperf.yml")[".dbperf"]
    suite.tests("@pytest.mark.query_budget(1)\ndef test_over(db): queries(2)\ndef test_fine(db): queries(1)")
    done = subprocess.run(
        ["sh", "-e", "-c", "\n".join(job["script"])],
        cwd=suite.path,
        env={**os.environ, "DBPERF_PYTHON": sys.executable, "PYTEST_ADDOPTS": "-k over"},
        check=False,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 1
    run, _ = job["artifacts"]["paths"]
    reports = job["artifacts"]["reports"]
    assert len(json.loads((suite.path / run).read_text())["tests"]) == 1
    assert [entry["severity"] for entry in json.loads((suite.path / reports["codequality"]).read_text())] == [
        "major"
    ]
    assert "test_over" in (suite.path / reports["junit"]).read_text()


def test_the_hook_follows_the_rules_of_pre_commit():
    """It looks at the baselines of a repository, wherever they are."""
    (hook,) = yaml_of(".pre-commit-hooks.yaml")

    assert {"id", "name", "entry", "language"} <= set(hook) <= HOOK
    assert hook["language"] == "python"
    assert hook["entry"].split() == ["dbperf", "baseline", "fmt", "--check"]
    files = [
        "dbperf-baseline.tsv",
        "backend/dbperf-baseline.tsv",
        "old-dbperf-baseline.tsv",
        "dbperf-baseline.tsv.orig",
    ]
    assert [file for file in files if re.search(hook["files"], file)] == files[:2]


def test_the_page_on_ci_names_this_version():
    """A tag is made of each version, and what a page tells to use is there."""
    pages = [PAGE.read_text()]
    if (HOME / ".gitlab").exists():
        pages.append((HOME / ".gitlab" / "dbperf.yml").read_text())
        (hook,) = yaml_of(".pre-commit-hooks.yaml")
        assert f"- id: {hook['id']}\n" in pages[0]

    named = re.findall(r"(?:pytest-dbperf/pytest-dbperf[@/]|rev: )v(\d[\w.]+)", "\n".join(pages))
    assert set(named) == {VERSION}
