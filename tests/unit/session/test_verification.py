"""The text of a disagreement names the causes that its two numbers allow."""

import pytest

from pytest_dbperf.session.verification import _Disagreement


@pytest.mark.parametrize(
    ("theirs", "ours", "explanation"),
    [
        (-1, 0, "The server's statistics were reset"),
        (2, 1, "Connections were opened that the plugin does not see"),
        (1, 2, "The server's counter lags behind"),
    ],
)
def test_the_numbers_tell_what_may_have_happened(theirs, ours, explanation):
    """Each case has its own cause."""
    assert explanation in str(_Disagreement("test_shop", theirs, ours))
