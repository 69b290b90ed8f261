"""Do order, workers and shards change what is recorded, or what fails?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from pytest_dbperf.results.model import Run
from pytest_dbperf.results.reading import read_run
from tests.gate.generated_suite import GeneratedSuite, module_name
from tests.gate.running import Project

RUN = "run.json"


@dataclass(frozen=True)
class Arrangement:
    """How the tests of a suite are run: their order, and the processes that share them."""

    seed: int
    workers: int
    shards: int

    def __str__(self) -> str:
        return f"order {self.seed}, {self.workers} workers, {self.shards} shards"

    def commands(self, suite: GeneratedSuite) -> Iterator[Sequence[str]]:
        """The arguments of pytest for each shard: every fourth module, or all."""
        options = ("-q", "-n", str(self.workers if self.workers > 1 else 0))
        order = ("-p", "randomly", f"--randomly-seed={self.seed}")
        for shard in range(self.shards):
            of_shard = range(shard, suite.modules, self.shards)
            which = ()
            if self.shards > 1:
                modules = (f"tests/{module_name(number)}" for number in of_shard)
                which = (f"--dbperf-shard={shard + 1}/{self.shards}", *modules)
            yield (*options, *order, *which)


@dataclass(frozen=True)
class Outcome:
    """What may not depend on the arrangement."""

    baseline: bytes
    exit_codes: frozenset[int]
    verdicts: Sequence[object]


def outcome_of(project: Project, suite: GeneratedSuite, arrangement: Arrangement) -> Outcome:
    """Record the debts of a suite; then swap one cause, fix another, and judge it."""
    project.baseline.unlink(missing_ok=True)
    project.write(suite)
    commands = list(arrangement.commands(suite))
    for arguments in commands:
        project.pytest(*arguments, "--dbperf-update").expect(0)
    baseline = project.baseline.read_bytes()
    project.write(replace(suite, planted={0: "swapped", 11: "fixed", 20: "swapped", 39: "swapped"}))
    shards = [f"shard-{number}.json" for number in range(len(commands))]
    exit_codes = {
        project.pytest(*arguments, f"--dbperf-report=json:{name}").exit_code
        for arguments, name in zip(commands, shards, strict=True)
    }
    if len(shards) > 1:
        project.dbperf("combine", "--expect", str(len(shards)), "-o", RUN, *shards).expect(0)
    else:
        (project.path / shards[0]).rename(project.path / RUN)
    return Outcome(baseline, frozenset(exit_codes - {0}), verdicts_of(read_run(project.path / RUN)))


def verdicts_of(run: Run) -> Sequence[object]:
    """What a run says about each test: no times, and nothing about the machine."""
    assert run.complete
    return sorted(
        (
            test.id,
            test.outcome,
            sorted((each.budget, each.message, each.location or "") for each in test.violations),
            sorted((each.budget, each.subject, each.function, each.is_accepted) for each in test.findings),
            sorted((each.key, each.name, each.measured, each.accepted or 0) for each in test.over),
        )
        for test in run.tests
    )
