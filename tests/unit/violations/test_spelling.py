"""A misspelt name is close to a known one."""

import pytest

from pytest_dbperf.violations.spelling import VERY_CLOSE, closest, did_you_mean

NAMES = ("limit", "at_least", "using", "Reason")


@pytest.mark.parametrize(
    "name, meant",
    [
        ("limitt", "limit"),
        ("LIMIT", "limit"),
        ("reason", "Reason"),
        ("at_leastt", "at_least"),
        ("limit", None),
        ("colour", None),
    ],
)
def test_the_closest_name_is_meant(name, meant):
    """Upper and lower case make no difference. A known name means itself."""
    assert closest(name, NAMES) == meant
    assert did_you_mean(name, NAMES) == ("" if meant is None else f" (did you mean {meant!r}?)")


def test_names_must_be_closer_if_an_error_depends_on_it():
    """A shorter name may be right."""
    assert closest("usi", NAMES) == "using"
    assert closest("usi", NAMES, VERY_CLOSE) is None
