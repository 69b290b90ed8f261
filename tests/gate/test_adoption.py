"""A small generated suite adopts the gate, as `python3 run.py adoption` does with 5,000 tests."""

import pytest

from tests.gate.adoption import Adoption
from tests.gate.generated_suite import SECTIONS, GeneratedSuite
from tests.gate.running import Project

SMALL = GeneratedSuite(modules=SECTIONS, tests_of_module=5)


@pytest.fixture
def adoption(tmp_path):
    """A suite of 200 tests without a baseline."""
    return Adoption(Project(tmp_path), SMALL, workers=0)


@pytest.mark.thorough
def test_a_suite_is_told_what_it_would_have_to_accept(adoption):
    """`--dbperf-suggest` says it without limits, `--dbperf=report` with limits. Both fail nothing."""
    adoption.suggest()
    adoption.report()


def test_what_was_accepted_passes_and_what_is_new_fails(adoption):
    """A cause in the place of another is new, and a fixed one makes no room for one elsewhere."""
    adoption.update()
    adoption.hold()
    adoption.measure()
    adoption.refuse_what_is_swapped()
    adoption.refuse_one_for_another()


@pytest.mark.thorough
def test_what_was_fixed_leaves_the_baseline(adoption):
    """Only with `--dbperf-tighten`, and only when the whole suite ran."""
    adoption.update()
    adoption.fix_and_tighten()
    adoption.count()


@pytest.mark.parametrize(("modules", "tests_of_module"), [(SECTIONS - 1, 25), (200, 4)])
def test_a_suite_that_is_too_small_has_not_all_causes(modules, tests_of_module):
    """It would prove less than it says."""
    with pytest.raises(ValueError, match="it takes 40 modules of 5 tests"):
        GeneratedSuite(modules, tests_of_module)
