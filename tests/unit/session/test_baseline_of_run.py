"""At the end of a run the baseline is compared, changed or left with a patch, and each failure is told."""

import subprocess
from dataclasses import replace

import pytest

from pytest_dbperf.baseline.debts import Baseline, Debt, Key
from pytest_dbperf.baseline.places import BaselineFile
from pytest_dbperf.options.of_baseline import BaselineOptions
from pytest_dbperf.session.baseline_of_run import BaselineOfRun
from tests.factories import checked_test, number_result, run_of

TEST = Key("test", ("tests/test_a.py::test_a",))
BEFORE, AFTER = (Baseline({TEST: Debt(TEST, {"query_budget": number})}) for number in (90, 134))
RUN = run_of(checked_test(TEST.names[0], number_result()))


@pytest.fixture
def options(tmp_path):
    """The options of a run whose baseline is too low."""
    file = BaselineFile(tmp_path / "dbperf-baseline.tsv", tmp_path)
    file.write(BEFORE)
    return BaselineOptions(file, BEFORE, tmp_path)


def ended(options, run=RUN, *, enforces=True):
    """The baseline after a run, and what is kept of it."""
    baseline = BaselineOfRun(options, enforces=enforces)
    return baseline, baseline.end(run)


def test_without_a_baseline_a_run_stays_as_it_is():
    """There is nothing to compare, and nothing to say."""
    baseline, run = ended(BaselineOptions())

    assert run is RUN
    assert [*baseline.lines_about_changes(run), *baseline.lines_about_slack(run)] == []


def test_what_is_over_a_debt_names_the_command(options):
    """The file is as it was."""
    baseline, run = ended(options)

    assert baseline.failed_gates == [
        "dbperf: not in dbperf-baseline.tsv: 1 higher than accepted. "
        "Fix it, or accept it: pytest --dbperf-update"
    ]
    assert (run.baseline.debts, len(run.baseline.higher)) == (1, 1)
    assert options.file.read() == BEFORE


@pytest.mark.parametrize(("enforces", "run"), [(False, RUN), (True, replace(RUN, complete=False))])
def test_where_nothing_is_known_to_fail_no_command_is_named(options, enforces, run):
    """A report fails nothing, and an incomplete run has other reasons to be red."""
    baseline, _ = ended(options, run, enforces=enforces)

    assert baseline.failed_gates == []


def test_an_update_writes_what_another_run_has_written_meanwhile(options):
    """The maximum of both is in the file."""
    other = Key("test", ("tests/test_a.py::test_b",))
    debts = {other: Debt(other, {"query_budget": 7})}
    options.file.write(Baseline({**BEFORE.debts, **debts}))
    baseline, run = ended(replace(options, updates=True))

    assert options.file.read() == Baseline({**AFTER.debts, **debts})
    assert (run.baseline.debts, baseline.failed_gates) == (2, [])
    assert [*baseline.lines_about_changes(run)][-1] == "dbperf: dbperf-baseline.tsv: 0 new debts, 1 raised"
    assert [*baseline.lines_about_slack(run)] == []


def test_tightening_names_what_is_not_accepted_as_well(options):
    """It raises nothing."""
    baseline, _ = ended(replace(options, tightens=True))

    assert baseline.failed_gates[0].endswith(
        "1 higher than accepted. Fix it, or accept it: pytest --dbperf-update"
    )
    assert options.file.read() == BEFORE


def test_a_file_that_fits_is_not_written_again(options):
    """Another form of it stays, too."""
    options.file.path.write_text(f"{options.file.text_of(AFTER)}\n\n")
    ended(replace(options, before=AFTER, updates=True))

    assert options.file.path.read_text() == f"{options.file.text_of(AFTER)}\n\n"


def test_an_update_without_debts_writes_a_file_that_accepts_nothing(options):
    """Then the gate is on."""
    options.file.path.unlink()
    ended(replace(options, before=Baseline(), updates=True), run_of(checked_test()))

    assert options.file.path.read_text() == "# dbperf-baseline/1\n"


def test_a_file_that_cannot_be_written_is_told(options):
    """It is not said that anything was accepted."""
    file = replace(options.file, path=options.file.path.parent / "gone" / "debts.tsv")
    baseline, run = ended(replace(options, file=file, updates=True))

    assert baseline.unwritten == ["dbperf: gone/debts.tsv was not written: No such file or directory"]
    assert [*baseline.lines_about_changes(run)] == []


def test_a_file_that_was_broken_meanwhile_is_told(options):
    """It is not replaced."""
    options.file.path.write_text("<<<<<<< HEAD\n")
    baseline, _ = ended(replace(options, updates=True))

    assert "dbperf-baseline.tsv:1: `<<<<<<<` is a conflict" in baseline.unwritten[0]
    assert options.file.path.read_text() == "<<<<<<< HEAD\n"


@pytest.mark.parametrize("folder", ["", "services/shop", "services/my shop"])
@pytest.mark.parametrize("started_in", ["", "services"])
def test_the_command_of_a_patch_works_where_pytest_was_started(tmp_path, folder, started_in):
    """Git takes paths from its top directory, and a patch from the current one."""
    root, started = tmp_path / folder, tmp_path / started_in
    for directory in (root, started):
        directory.mkdir(parents=True, exist_ok=True)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    file = BaselineFile(root / "dbperf-baseline.tsv", root)
    file.write(BEFORE)
    baseline, _ = ended(BaselineOptions(file, BEFORE, started, is_ci=True))
    command = baseline.failed_gates[0].rpartition(": ")[2]

    assert command.startswith("git ")
    subprocess.run(command, shell=True, cwd=started, check=True)
    assert file.read() == AFTER
    listed = ["git", "status", "--short", "--untracked-files=all"]
    assert (
        ".dbperf" not in subprocess.run(listed, cwd=root, check=True, capture_output=True, text=True).stdout
    )


def test_a_patch_that_cannot_be_written_leaves_the_other_command(options):
    """The run fails in any case."""
    (options.file.root / ".dbperf").write_text("a file")
    baseline, _ = ended(replace(options, is_ci=True))

    assert [line.partition(": ")[0] for line in baseline.failed_gates] == ["dbperf", "dbperf"]
    assert ".dbperf/.gitignore was not written" in baseline.failed_gates[0]
    assert baseline.failed_gates[1].endswith("pytest --dbperf-update")


def test_a_patch_of_an_earlier_run_is_removed(options):
    """It would accept what is no longer there."""
    ended(replace(options, is_ci=True))
    written = options.file.root / ".dbperf" / "baseline.patch"
    assert written.exists()
    ended(replace(options, before=AFTER, is_ci=True))

    assert not written.exists()
