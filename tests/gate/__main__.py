"""Adopt the gate in a generated suite of full size: `python3 run.py adoption`, some minutes on two cores.

With `--orders`, record and judge it in 10 random orders, in 1 and 2 workers, in 1 and 4 shards: an hour.
"""

import argparse
import tempfile
from itertools import product
from pathlib import Path

from tests.gate.adoption import Adoption
from tests.gate.generated_suite import GeneratedSuite
from tests.gate.orders import Arrangement, outcome_of
from tests.gate.running import Project


def main() -> None:
    """Raise an AssertionError where the gate does anything else than the documentation says."""
    parser = argparse.ArgumentParser(prog="run.py adoption", description=__doc__.partition("\n")[0])
    parser.add_argument("--modules", type=int, default=200)
    parser.add_argument("--tests", type=int, default=25, help="tests of each module")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--orders", type=int, default=0, help="judge it in this many random orders instead")
    asked = parser.parse_args()
    suite = GeneratedSuite(asked.modules, asked.tests)
    with tempfile.TemporaryDirectory() as directory:
        project = Project(Path(directory).resolve())
        if asked.orders:
            judge_in_orders(project, suite, asked.orders)
        else:
            adoption = Adoption(project, suite, asked.workers)
            adoption.all_steps()


def judge_in_orders(project: Project, suite: GeneratedSuite, orders: int) -> None:
    """Compare all arrangements with the first one."""
    first = None
    for seed, workers, shards in product(range(1, orders + 1), (1, 2), (1, 4)):
        arrangement = Arrangement(seed, workers, shards)
        outcome = outcome_of(project, suite, arrangement)
        first = first or outcome
        assert outcome == first, arrangement
        same = f"{len(outcome.baseline)} bytes, {len(outcome.verdicts)} tests"
        print(f"{arrangement}: the same {same}", flush=True)


if __name__ == "__main__":
    main()
