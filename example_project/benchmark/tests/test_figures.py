"""Are many measurements boiled down to the right few?"""

import pytest

from benchmark.figures import Spread, differences, percentile, ratios, spread


@pytest.mark.parametrize(("percent", "expected"), [(0, 1), (1, 1), (50, 50), (95, 95), (99, 99), (100, 100)])
def test_a_percentile_is_one_of_the_values(percent: int, expected: int) -> None:
    """The smallest that so many per cent do not exceed, in whatever order they come."""
    assert percentile(list(range(100, 0, -1)), percent) == expected


def test_the_percentiles_of_few_values_are_the_largest() -> None:
    """Of ten, one in a hundred is the slowest one."""
    assert percentile([3.0] * 9 + [8.0], 99) == 8.0


def test_a_single_value_is_all_percentiles() -> None:
    """There is no other."""
    assert {percentile([3.0], percent) for percent in (1, 50, 99)} == {3.0}


def test_a_spread_has_the_middle_and_the_ends() -> None:
    """One slow round shows in the ends alone."""
    assert spread([2.0, 9.0, 1.0]) == Spread(2.0, least=1.0, most=9.0)


def test_ratios_compare_within_a_round() -> None:
    """A machine that halves its speed after the first round changes nothing."""
    assert ratios([300, 150], [100, 50]) == Spread(3.0, least=3.0, most=3.0)


def test_differences_tell_what_became_more() -> None:
    """Round by round, too; what became less is below zero."""
    assert differences([8.0, 21.0, 25.0], [10.0, 20.0, 30.0]) == Spread(-2.0, least=-5.0, most=1.0)


def test_a_comparison_of_unequal_rounds_is_refused() -> None:
    """A round without its other half is not compared with another."""
    with pytest.raises(ValueError, match="longer"):
        ratios([1.0], [1.0, 2.0])


def test_a_spread_is_written_with_its_ends() -> None:
    """Whoever reads the middle sees how far the rounds were apart."""
    assert str(Spread(1.5, least=-0.25, most=2.0)) == "1.50 (-0.25 to 2.00)"
