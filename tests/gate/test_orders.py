"""Neither order nor workers nor shards change a baseline or a verdict."""

import pytest

from tests.gate.generated_suite import SECTIONS, GeneratedSuite
from tests.gate.orders import Arrangement, outcome_of
from tests.gate.running import Project

SMALL = GeneratedSuite(modules=SECTIONS, tests_of_module=5)


@pytest.mark.thorough
def test_it_is_the_same_in_another_order_two_workers_and_two_shards(tmp_path):
    """`python3 run.py adoption --orders 10` compares all arrangements, in a suite of full size."""
    alone = outcome_of(Project(tmp_path), SMALL, Arrangement(seed=1, workers=1, shards=1))
    shared = outcome_of(Project(tmp_path), SMALL, Arrangement(seed=2, workers=2, shards=2))

    assert alone.baseline.decode().splitlines()[1:] == SMALL.debts()
    assert alone.exit_codes == {pytest.ExitCode.TESTS_FAILED}
    assert shared == alone
