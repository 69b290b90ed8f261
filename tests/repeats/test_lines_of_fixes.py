"""A fix names a line that holds the queryset, or none: the method can be added there, and counts."""

from pathlib import Path

import pytest
from django.db import models
from django.template.loader import render_to_string

from pytest_dbperf.budgets.no_n_plus_one import NoNPlusOne
from pytest_dbperf.callsites.callsite import line_of
from pytest_dbperf.violations.violation import Fix, Hint
from shelf.models import Volume
from tests.repeats.table import Shelf

pytestmark = pytest.mark.django_db


def lines_and_reasons(recorder, work):
    """The lines of the fixes, as this file has them, and why there are no others."""
    Shelf("default", 3)
    with recorder.record() as recording:
        work()
    violation = NoNPlusOne().check(recording)
    assert violation.measured >= 3
    source = Path(__file__).read_text().splitlines()
    fixes = [fix for fix in violation.advice if isinstance(fix, Fix) and not fix.is_alternative]
    return (
        [source[line_of(fix.site) - 1].strip() for fix in fixes],
        [hint.text for hint in violation.advice if isinstance(hint, Hint)],
    )


def read(volumes):
    for volume in volumes:
        volume.writer.name


class Volumes(models.QuerySet):
    """A queryset with methods that evaluate it."""

    def with_titles(self):
        """Look at all of them, and return the same queryset."""
        for volume in self:
            volume.title
        return self

    def of_writer(self, name):
        """Filter."""
        return self.filter(writer__name__startswith=name)


class Listing:
    """An object that has a queryset."""

    def __init__(self):
        self.volumes = Volume.objects.order_by("pk")  # in an object


class Cached:
    """An object that has been given a queryset."""

    def __init__(self, volumes):
        self.volumes = volumes

    def names(self):
        """Read them."""
        read(self.volumes)
        return [volume.writer.name for volume in self.volumes]


def volumes_and_title():
    return Volume.objects.all(), "volumes"  # in a tuple


def volumes_by_name():
    found = Volume.objects.filter(title__startswith="volume")  # by a name
    if found is None:
        return None
    found = found.order_by("pk")
    page = found[:3]
    return page.all()


def volumes_or_more(more):
    found: models.QuerySet = Volume.objects.all()  # or more
    if more:
        return found, more
    return found


def volumes_over_lines():
    return Volume.objects.filter(title__startswith="volume").order_by("pk")  # over lines


def a_dictionary_of_volumes():
    return {"volumes": Volume.objects.all()}  # in a dictionary


def volumes_if(condition):
    return Volume.objects.all() if condition else Volume.objects.none()


def volumes_by_two_names():
    one = other = Volume.objects.all()  # by two names
    return one or other


any_volumes = lambda: Volume.objects.all()  # noqa: E731  # One of the kinds.


def of_a_tuple():
    volumes, _ = volumes_and_title()
    read(volumes)


def of_an_object():
    listing = Listing()
    read(listing.volumes)


def of_a_name():
    volumes = volumes_by_name()
    read(volumes)


def of_a_function_that_returns_more():
    volumes = volumes_or_more(None)
    read(volumes)


def of_lines():
    volumes = volumes_over_lines()
    read(volumes)


def of_a_dictionary():
    context = a_dictionary_of_volumes()
    read(context["volumes"])


def of_a_condition():
    volumes = volumes_if(1)
    read(volumes)


def of_two_names():
    volumes = volumes_by_two_names()
    read(volumes)


def of_a_lambda():
    volumes = any_volumes()
    read(volumes)


def of_a_method_that_returns_rows():
    for name in ("volume 0", "volume 1", "volume 2"):
        Volume.objects.filter(title=name).first().writer.name


def of_an_argument():
    read(list(Volume.objects.all()))


@pytest.mark.parametrize(
    "work, line",
    [
        (of_a_tuple, 'return Volume.objects.all(), "volumes"  # in a tuple'),
        (of_an_object, 'self.volumes = Volume.objects.order_by("pk")  # in an object'),
        (of_a_name, "volumes = volumes_by_name()"),
        (of_a_function_that_returns_more, "found: models.QuerySet = Volume.objects.all()  # or more"),
        (of_lines, "volumes = volumes_over_lines()"),
        (of_a_dictionary, 'return {"volumes": Volume.objects.all()}  # in a dictionary'),
        (of_a_condition, "volumes = volumes_if(1)"),
        (of_two_names, "one = other = Volume.objects.all()  # by two names"),
        (of_a_lambda, "volumes = any_volumes()"),
        (of_a_method_that_returns_rows, "Volume.objects.filter(title=name).first().writer.name"),
        (of_an_argument, "read(list(Volume.objects.all()))"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_the_line_holds_the_queryset(recorder, work, line):
    """A function that uses it is preferred, unless it was given something else."""
    assert lines_and_reasons(recorder, work)[0] == [line]


def test_a_queryset_that_its_own_method_has_evaluated_has_no_line(recorder):
    """One more method, at the end of that line, would evaluate it again."""
    objects = Volumes.as_manager()
    objects.contribute_to_class(Volume, "shelved")

    def work():
        volumes = Volume.shelved.of_writer("writer").with_titles()
        read(volumes)

    lines, reasons = lines_and_reasons(recorder, work)

    assert lines == []
    assert any("evaluated within the method that returns it" in reason for reason in reasons)


@pytest.fixture
def made_before():
    """A queryset that a fixture makes."""
    return Volume.objects.all()


def test_a_queryset_of_a_fixture_is_changed_where_it_is_evaluated(recorder, made_before):
    """Nothing else has it."""
    Shelf("default", 3)
    with recorder.record() as recording:
        for volume in made_before:
            volume.writer.name
    fix = next(one for one in NoNPlusOne().check(recording).advice if isinstance(one, Fix))

    source = Path(__file__).read_text().splitlines()
    assert source[line_of(fix.site) - 1].strip() == "for volume in made_before:"


def test_a_queryset_that_a_function_goes_on_to_use_has_no_line(recorder):
    """It keeps its rows for the second use."""
    Shelf("default", 3)
    volumes = Volume.objects.all()
    with recorder.record() as recording:
        for volume in volumes:
            volume.writer.name
        assert len(volumes) == 3

    assert not any(isinstance(one, Fix) for one in NoNPlusOne().check(recording).advice)


def test_a_template_that_evaluates_a_queryset_made_before_has_no_line(recorder):
    """A method cannot be called there."""
    volumes = Volume.objects.all()

    lines, reasons = lines_and_reasons(
        recorder, lambda: render_to_string("shelf/rows.html", {"volumes": volumes})
    )

    assert lines == []
    assert any("a template cannot change a queryset" in reason for reason in reasons)


@pytest.mark.parametrize(
    "use", [lambda volumes: Cached(volumes).names(), lambda volumes: [volumes and read(volumes)]]
)
def test_a_queryset_that_is_used_again_is_not_changed_where_it_is_evaluated(recorder, use):
    """The change would make another queryset, and the first one would be evaluated as well."""
    volumes = Volume.objects.all()

    lines, reasons = lines_and_reasons(recorder, lambda: use(volumes))

    assert lines == []
    assert any("other code may use it as it is" in reason for reason in reasons)
