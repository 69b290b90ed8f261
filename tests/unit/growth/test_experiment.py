"""An experiment that means nothing is refused, in a sentence."""

import math

import pytest

from pytest_dbperf.budgets.budget import WrongArguments
from pytest_dbperf.growth.experiment import Experiment


def call():
    """Do nothing."""


async def later():
    """Do nothing, asynchronously."""


def test_it_is_written_as_it_was_asked_for():
    """The scales are always shown, a slope only if it was given."""
    assert str(Experiment(call, populate=call)) == "assert_constant(scales=(2, 5))"
    assert str(Experiment(call, populate=call, scales=[1, 2, 3], slope=0.5)) == (
        "assert_constant(scales=(1, 2, 3), slope=0.5)"
    )


@pytest.mark.parametrize(
    "scales", [(), (2,), (5, 2), (2, 2), (-1, 2), (1.5, 2), (False, True), "25", None, {2, 5}]
)
def test_scales_increase(scales):
    """There are two or more whole numbers >= 0; a set has no order."""
    with pytest.raises(WrongArguments) as error:
        Experiment(call, populate=call, scales=scales)

    assert str(error.value) == (
        "assert_constant scales must be two or more whole numbers >= 0 in increasing order, such as (2, 5). "
        "Usage: assert_constant(call, *, populate, scales=(2, 5), slope=0, warm_up=True)"
    )


@pytest.mark.parametrize(
    "slope, why",
    [
        (-0.1, "slope must be >= 0, got -0.1"),
        (math.nan, "slope must be >= 0, got nan"),
        ("1", "slope must be a number, got str"),
        (True, "slope must be a number, got bool"),
    ],
)
def test_a_slope_is_a_number_from_0(slope, why):
    """A negative slope makes no sense."""
    with pytest.raises(WrongArguments, match=why):
        Experiment(call, populate=call, slope=slope)


def test_a_warm_up_is_wanted_or_not():
    """A number of calls is refused."""
    with pytest.raises(WrongArguments, match="warm_up must be True or False"):
        Experiment(call, populate=call, warm_up=3)


@pytest.mark.parametrize(
    "given, kind",
    [(object(), "object"), (None, "NoneType"), (later, "coroutine")],
    ids=["object", "None", "later"],
)
def test_what_is_called_can_be_called(given, kind):
    """A response instead of a function is refused; a coroutine is closed, so Python does not warn of it."""
    with pytest.raises(WrongArguments, match=rf"call must be a function, such as .*, and not a {kind}\."):
        Experiment(given() if given is later else given, populate=call)
    with pytest.raises(WrongArguments, match=r"populate must be a function"):
        Experiment(call, populate=[])
