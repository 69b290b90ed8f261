"""Do many measurements become the right few numbers?"""

import pytest

from benchmark.figures import Spread, differences, percentile, ratios, spread


@pytest.mark.parametrize(("percent", "expected"), [(0, 1), (1, 1), (50, 50), (95, 95), (99, 99), (100, 100)])
def test_a_percentile_is_one_of_the_values(percent: int, expected: int) -> None:
    """It is the smallest value that this percentage does not exceed, in any order of the values."""
    assert percentile(list(range(100, 0, -1)), percent) == expected


def test_the_percentiles_of_few_values_are_the_largest() -> None:
    """Of ten values, the slowest percent is the slowest value."""
    assert percentile([3.0] * 9 + [8.0], 99) == 8.0


def test_a_single_value_is_all_percentiles() -> None:
    """With one value, all percentiles are that value."""
    assert {percentile([3.0], percent) for percent in (1, 50, 99)} == {3.0}


def test_a_spread_has_the_middle_and_the_ends() -> None:
    """One slow round shows only in the ends."""
    assert spread([2.0, 9.0, 1.0]) == Spread(2.0, least=1.0, most=9.0)


def test_ratios_compare_within_a_round() -> None:
    """A machine that gets half as fast after the first round changes nothing."""
    assert ratios([300, 150], [100, 50]) == Spread(3.0, least=3.0, most=3.0)


def test_differences_tell_what_became_more() -> None:
    """They compare round by round, too; a smaller value gives a negative number."""
    assert differences([8.0, 21.0, 25.0], [10.0, 20.0, 30.0]) == Spread(-2.0, least=-5.0, most=1.0)


def test_a_comparison_of_unequal_rounds_is_refused() -> None:
    """A round without its other half is not compared with another round."""
    with pytest.raises(ValueError, match="longer"):
        ratios([1.0], [1.0, 2.0])


def test_a_spread_is_written_with_its_ends() -> None:
    """A reader of the median also sees how far the rounds were apart."""
    assert str(Spread(1.5, least=-0.25, most=2.0)) == "1.50 (-0.25 to 2.00)"
