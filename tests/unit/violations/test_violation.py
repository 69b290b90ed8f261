"""A violation has both numbers at the beginning of its headline."""

from pytest_dbperf.violations.violation import Fix, compare
from tests.factories import site


def test_more_than_allowed_shows_the_difference():
    """The difference is what has to go."""
    assert compare(34, 10) == "34 > 10 (+24)"


def test_fewer_than_required_shows_both_numbers():
    """A test that stopped querying shows both numbers, too."""
    assert compare(0, 1) == "0 < 1"


def test_an_alternative_has_a_label_of_its_own():
    """A developer writes one of the two, not both."""
    line = site("view")

    assert Fix(line, ".select_related()", "3 -> 1 queries").label == "fix"
    assert Fix(line, ".fetch_mode()", "3 -> 2 queries", is_alternative=True).label == "or"
