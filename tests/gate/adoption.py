"""Can a suite adopt the gate as docs/how-to/adopt.md says, and does nothing new slip through?

Each function is a step, and raises an AssertionError if the step does anything else.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from time import process_time

from pytest_dbperf.baseline.files import read_baseline, write_baseline
from pytest_dbperf.baseline.gate import gate_of
from pytest_dbperf.results.reading import read_run
from tests.gate.generated_suite import BUDGET_OF, CAUSES, SECTIONS, GeneratedSuite
from tests.gate.running import Project, Ran

RUN = "run.json"

SECTIONS_OF_BUDGET = {
    budget: [number for number, cause in enumerate(CAUSES) if BUDGET_OF[cause] == budget]
    for budget in BUDGET_OF.values()
}

Say = Callable[[str], None]


class Adoption:
    """A generated suite that adopts the gate, step by step."""

    def __init__(self, project: Project, suite: GeneratedSuite, workers: int, say: Say = print) -> None:
        self.project = project
        self.suite = suite
        self.options = ("-q", "-n", str(workers), "-p", "randomly", "--randomly-seed=1")
        self.say = say

    def all_steps(self) -> None:
        """Adopt the gate, break it in many ways, and pay one debt back."""
        self.suggest()
        self.report()
        self.update()
        self.hold()
        self.measure()
        self.refuse_what_is_swapped()
        self.refuse_each_alone()
        self.refuse_one_for_another()
        self.fix_and_tighten()
        self.count()

    def suggest(self) -> None:
        """Without limits, a run tells what each limit would cost."""
        self.project.write(self.suite, has_limits=False)
        ran = self._pytest("--dbperf-suggest").expect(0)
        self._told(ran)
        for budget, sections in SECTIONS_OF_BUDGET.items():
            tests = sum(map(self.suite.tests_of_planted_views, sections))
            assert f"  {budget}: {len(sections)} findings, {tests} tests" in ran.text, ran.text
        assert not self.project.baseline.exists()

    def report(self) -> None:
        """With limits, `--dbperf=report` fails nothing and writes no baseline, but names each cause."""
        self.project.write(self.suite)
        ran = self._pytest("--dbperf=report", "--dbperf-top=0", f"--dbperf-report=json:{RUN}").expect(0)
        self._told(ran)
        tests = sum(map(self.suite.tests_of_planted_views, range(SECTIONS)))
        assert f"{SECTIONS} findings, in {tests} tests" in ran.text, ran.text
        assert "2 findings in the tests' own code, in 2 tests" in ran.text
        for line in self.suite.debts():
            debt_type, *names = line.split("\t")
            told = names if debt_type == "finding" else [names[0].rpartition(" ")[2]]
            assert all(name in ran.text for name in told), line
        assert not self.project.baseline.exists()

    def update(self) -> None:
        """The baseline has a line for each cause, and not one for each test."""
        self.project.write(self.suite)
        self._told(self._pytest("--dbperf-update").expect(0))
        assert self.project.debts() == self.suite.debts()
        self.say(f"  {self.suite.tests} tests, {len(self.suite.debts())} debts")

    def hold(self) -> None:
        """With the baseline, the suite passes, and one line has the number of debts."""
        ran = self._pytest(f"--dbperf-report=json:{RUN}").expect(0)
        self._told(ran)
        said = [line for line in ran.text.splitlines() if "dbperf" in line]
        assert len(said) == 1, ran.text
        assert said[0].endswith(f"0 over limit, {len(self.suite.debts())} debts")

    def measure(self) -> None:
        """Read the baseline, check the run of the whole suite, and write the baseline again."""
        run = read_run(self.project.path / RUN)
        before = self.project.baseline.read_bytes()
        started = process_time()
        baseline = read_baseline(self.project.baseline)
        read = process_time()
        gate = gate_of(baseline, run, lambda _: True)
        changed = gate.changed(updates=True, tightens=True)
        checked = process_time()
        write_baseline(self.project.baseline, changed)
        written = process_time()
        assert self.project.baseline.read_bytes() == before
        parts = (("read", read - started), ("check", checked - read), ("write", written - checked))
        self.say(
            "  the baseline, processor time: " + ", ".join(f"{name} {1000 * of:.1f} ms" for name, of in parts)
        )

    def refuse_what_is_swapped(self) -> None:
        """A cause that takes the place of another breaks every test that meets it, with as many queries."""
        self.project.write(replace(self.suite, planted=dict.fromkeys(range(SECTIONS), "swapped")))
        ran = self._pytest(f"--dbperf-report=json:{RUN}").expect(1)
        self._told(ran)
        failed = self._failed()
        for number in range(SECTIONS):
            of_section = [test for test, section in failed.items() if section == number]
            assert len(of_section) == self.suite.tests_of_planted_views(number), (number, of_section)
        assert len(failed) == sum(map(self.suite.tests_of_planted_views, range(SECTIONS)))
        self.say(f"  {SECTIONS} of {SECTIONS} swapped causes are red, in {len(failed)} tests")

    def refuse_each_alone(self) -> None:
        """So does each of them when all the others stay as they are."""
        for number in range(SECTIONS):
            self.project.write(replace(self.suite, planted={number: "swapped"}))
            module = f"tests/test_{number:03}.py"
            ran = self.project.pytest(*self.options[:1], "-n0", module, f"--dbperf-report=json:{RUN}").expect(
                1
            )
            assert set(self._failed().values()) == {number}, ran.text
        self.say(f"{SECTIONS} of {SECTIONS} swapped causes are red, each alone")

    def refuse_one_for_another(self) -> None:
        """A fixed cause makes no room for a new one of the same budget elsewhere."""
        self.project.write(replace(self.suite, planted={0: "fixed"}, clean={1: "planted"}))
        ran = self._pytest(f"--dbperf-report=json:{RUN}").expect(1)
        self._told(ran)
        assert set(self._failed().values()) == {1}
        assert "name_in_clean" in ran.text
        assert self.project.debts() == self.suite.debts()

    def fix_and_tighten(self) -> None:
        """A fixed cause fails nothing. Only a run of the whole suite removes its debt."""
        fixed = replace(self.suite, planted={0: "fixed"})
        self.project.write(fixed)
        ran = self._pytest().expect(0)
        self._told(ran)
        assert "no test needs the debt: finding no_n_plus_one Book.author" in ran.text, ran.text
        before = self.project.baseline.read_bytes()
        self._pytest("--dbperf-tighten", "tests/test_000.py").expect(0)
        assert self.project.baseline.read_bytes() == before
        self._told(self._pytest("--dbperf-tighten", f"--dbperf-report=json:{RUN}").expect(0))
        assert self.project.debts() == fixed.debts()

    def count(self) -> None:
        """`dbperf baseline stats` counts the debts that are left."""
        ran = self.project.dbperf("baseline", "stats", f"--run={RUN}").expect(0)
        assert f"{len(self.project.debts())} debts" in ran.text, ran.text
        self.say(ran.text)

    def _pytest(self, *arguments: str) -> Ran:
        return self.project.pytest(*self.options, *arguments)

    def _told(self, ran: Ran) -> None:
        last_line = ran.text.rstrip().splitlines()[-1]
        self.say(f"{ran.command}\n  {last_line}\n  {ran.seconds:.0f} s of processor time")

    def _failed(self) -> Mapping[str, int]:
        """The tests that failed in the last run, and their sections."""
        run = read_run(self.project.path / RUN)
        failed = [test.id for test in run.tests if test.outcome == "failed"]
        return {test: int(re.search(r"test_(\d+)\.py", test)[1]) % SECTIONS for test in failed}
