"""Each fix is applied literally, on the line that it names, and must save the promised queries."""

import re
from pathlib import Path

import django
import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models import prefetch_related_objects
from django.test import RequestFactory
from django.views.generic import ListView

from pytest_dbperf.budgets.no_n_plus_one import NoNPlusOne
from pytest_dbperf.budgets.query_budget import QueryBudget
from pytest_dbperf.callsites.callsite import line_of
from pytest_dbperf.violations.text import explain
from pytest_dbperf.violations.violation import Fix
from shelf.models import Genre, Note, Profile, Publisher, Volume, Writer
from tests.repeats.table import Shelf

ROOT = Path(__file__).parents[2]
HAS_FETCH_MODES = django.VERSION >= (6, 1)


def writers_and_publishers(volumes):
    return [(volume.writer.name, volume.publisher.name) for volume in volumes]


def profiles(volumes):
    return [volume.writer.profile.website for volume in volumes]


def chapters(volumes):
    return [list(volume.chapters.all()) for volume in volumes]


def genres(volumes):
    return [list(volume.genres.all()) for volume in volumes]


def volumes_of_genres(found):
    return [list(genre.volume_set.all()) for genre in found]


def number_of_volumes(publishers):
    return [(publisher.volumes.count(), publisher.volumes.exists()) for publisher in publishers]


def genres_of_volumes(publishers):
    return [[list(volume.genres.all()) for volume in publisher.volumes.all()] for publisher in publishers]


def writers_of_volumes(publishers):
    return [[volume.writer.name for volume in publisher.volumes.all()] for publisher in publishers]


def websites(writers):
    return [writer.profile.website for writer in writers]


def subjects(notes):
    return [note.subject for note in notes]


def notes(volumes):
    return [list(volume.notes.all()) for volume in volumes]


def summaries(volumes):
    return [volume.summary for volume in volumes]


def prefetched_one_by_one(volumes):
    found = []
    for volume in volumes:
        prefetch_related_objects([volume], "genres")
        found.append(list(volume.genres.all()))
    return found


def writers_and_their_pupils(volumes):
    return [list(volume.writer.pupils.all()) for volume in volumes]


# What is loaded in a loop, from which rows, and the methods that load it at once.
LOOPS = [
    (writers_and_publishers, Volume.objects.all, ['.select_related("publisher", "writer")']),
    (profiles, Volume.objects.all, ['.select_related("writer__profile")']),
    (profiles, lambda: Volume.objects.select_related("writer"), ['.select_related("writer__profile")']),
    (chapters, Volume.objects.all, ['.prefetch_related("chapters")']),
    (profiles, lambda: Volume.objects.prefetch_related("writer"), ['.prefetch_related("writer__profile")']),
    (websites, Writer.objects.all, ['.select_related("profile")']),
    (genres, Volume.objects.all, ['.prefetch_related("genres")']),
    (volumes_of_genres, Genre.objects.all, ['.prefetch_related("volume_set")']),
    (number_of_volumes, Publisher.objects.all, ['.prefetch_related("volumes")']),
    (genres_of_volumes, Publisher.objects.all, ['.prefetch_related("volumes__genres")']),
    (
        writers_of_volumes,
        lambda: Publisher.objects.prefetch_related("volumes"),
        ['.prefetch_related("volumes__writer")'],
    ),
    (subjects, Note.objects.all, ['.prefetch_related("subject")']),
    (notes, Volume.objects.all, ['.prefetch_related("notes")']),
    (prefetched_one_by_one, Volume.objects.all, ['.prefetch_related("genres")']),
    (
        writers_and_their_pupils,
        Volume.objects.all,
        ['.select_related("writer")', '.prefetch_related("writer__pupils")'],
    ),
]


def record(recorder, loop, rows):
    """Record a loop over rows that are still to be loaded."""
    ContentType.objects.clear_cache()
    with recorder.record() as recording:
        loop(rows)
    return recording


def fixes_in(violation):
    """The fixes that change a line, without alternatives."""
    return [fix for fix in violation.advice if isinstance(fix, Fix) and not fix.is_alternative]


def promised(fix):
    """The numbers of `34 -> 9 queries`: before the change, and after it."""
    return [int(number) for number in re.findall(r"\d+", fix.result)]


@pytest.mark.parametrize(
    "loop, rows_of, methods",
    LOOPS,
    ids=[f"{number}-{loop.__name__}" for number, (loop, *_) in enumerate(LOOPS)],
)
@pytest.mark.django_db
def test_what_is_advised_saves_what_is_promised(recorder, loop, rows_of, methods):
    """Each method is called as it is written, one after the other, and gives the same rows and values."""
    Shelf("default", 3)
    before = loop(rows_of())
    unchanged = record(recorder, loop, rows_of())
    fixes = fixes_in(NoNPlusOne().check(unchanged))

    assert sorted(fix.text for fix in fixes) == sorted(methods)
    queryset = rows_of()
    for fix in fixes:
        queryset = eval(f"queryset{fix.text}")
    changed = record(recorder, loop, queryset)
    assert sorted(loop(queryset.all()), key=str) == sorted(before, key=str)
    assert len(unchanged.queries) == promised(fixes[0])[0]
    assert len(changed.queries) == promised(fixes[-1])[1]
    assert NoNPlusOne().check(changed) is None
    assert fixes[-1].result.endswith(", within budget")


def writers_before_and_after(volumes):
    return [(volume.writer.name, volume.refresh_from_db(), volume.writer.name) for volume in volumes]


def writers_loaded_anew(volumes):
    names = []
    for volume in volumes:
        for _ in range(2):
            names.append(volume.writer.name)
            volume.refresh_from_db()
    return names


@pytest.mark.parametrize("loop, left", [(writers_before_and_after, 7), (writers_loaded_anew, 10)])
@pytest.mark.django_db
def test_a_join_saves_no_load_after_a_refresh(recorder, loop, left):
    """A row that is refreshed drops what was joined, and loads it again."""
    Shelf("default", 3)
    unchanged = record(recorder, loop, Volume.objects.all())
    violation = NoNPlusOne().check(unchanged)
    [fix] = fixes_in(violation)

    assert fix.text == '.select_related("writer")'
    assert len(record(recorder, loop, Volume.objects.select_related("writer")).queries) == left
    assert promised(fix) == [len(unchanged.queries), left]
    assert not fix.result.endswith("within budget")
    for other in violation.advice:
        if isinstance(other, Fix) and other.is_alternative:
            with_peers = eval(f"Volume.objects.all(){other.text}", {"models": models, "Volume": Volume})
            assert len(record(recorder, loop, with_peers).queries) == promised(other)[1]


@pytest.mark.django_db
def test_a_compacted_log_knows_what_was_loaded_again(recorder):
    """Queries that share one object keep their instances."""
    Shelf("default", 3)
    with recorder.record() as recording:
        writers_before_and_after(Volume.objects.all())
        recorder.compact()
    [fix] = fixes_in(NoNPlusOne().check(recording))

    assert any(query.compacted is not None for query in recording.queries)
    assert promised(fix) == [10, 7]


def summaries_read_anew(volumes):
    for volume in volumes:
        volume.summary.upper()
        del volume.summary
        volume.summary.upper()


@pytest.mark.django_db
def test_no_fetch_mode_for_a_field_that_a_row_loads_twice(recorder):
    """The peers have been given the field then, and this row drops it."""
    Shelf("default", 3)
    violation = NoNPlusOne().check(record(recorder, summaries_read_anew, Volume.objects.defer("summary")))

    assert violation is not None
    assert not any(fix.is_alternative for fix in violation.advice if isinstance(fix, Fix))


@pytest.mark.skipif(not HAS_FETCH_MODES, reason="fetch modes are of Django 6.1")
@pytest.mark.parametrize(
    "loop, rows_of",
    [
        (writers_and_publishers, Volume.objects.all),
        (websites, Writer.objects.all),
        (subjects, Note.objects.all),
        (summaries, lambda: Volume.objects.defer("summary")),
    ],
    ids=lambda value: value.__name__,
)
@pytest.mark.django_db
def test_fetch_modes_save_what_is_promised(recorder, loop, rows_of):
    """An alternative, where the installed Django has it."""
    Shelf("default", 3)
    violation = NoNPlusOne().check(record(recorder, loop, rows_of()))
    [fix] = [fix for fix in violation.advice if isinstance(fix, Fix) and fix.is_alternative]

    with_peers = eval(f"rows_of(){fix.text}", {"models": models, "rows_of": rows_of})
    assert len(record(recorder, loop, with_peers).queries) == promised(fix)[1]


@pytest.mark.skipif(HAS_FETCH_MODES, reason="fetch modes are of Django 6.1")
@pytest.mark.django_db
def test_fetch_modes_are_advised_where_they_exist(recorder):
    """An older Django does not have them."""
    Shelf("default", 2)
    with recorder.record() as recording:
        writers_and_publishers(Volume.objects.all())

    assert not any(fix.is_alternative for fix in NoNPlusOne().check(recording).advice if isinstance(fix, Fix))


@pytest.mark.parametrize(
    "rows_of, method, fixed",
    [
        (lambda: Volume.objects.defer("summary"), '.defer(...) without "summary"', Volume.objects.all),
        (
            lambda: Volume.objects.only("title"),
            '.only(..., "summary")',
            lambda: Volume.objects.only("title", "summary"),
        ),
    ],
    ids=["defer", "only"],
)
@pytest.mark.django_db
def test_a_deferred_field_is_to_be_loaded_with_its_row(recorder, rows_of, method, fixed):
    """How it was left out tells how it is taken in."""
    Shelf("default", 3)
    with recorder.record() as recording:
        summaries(rows_of())
    [fix] = fixes_in(NoNPlusOne().check(recording))

    assert fix.text == method
    with recorder.record() as recording_without:
        summaries(fixed())
    assert len(recording_without.queries) == promised(fix)[1] == 1


def lines_of(violation):
    """The lines that the advice is about, as this file has them."""
    source = Path(__file__).read_text().splitlines()
    return [source[line_of(fix.site) - 1].strip() for fix in fixes_in(violation)]


@pytest.mark.django_db
def test_the_line_is_that_where_the_queryset_is_made(recorder):
    """It is not the line that evaluates it, as a method cannot be added there."""
    Shelf("default", 2)
    with recorder.record() as recording:
        volumes = Volume.objects.order_by("title")
        volumes = volumes.exclude(title="")
        for volume in volumes:
            volume.writer.name

    assert lines_of(NoNPlusOne().check(recording)) == ['volumes = Volume.objects.order_by("title")']


def everything():
    """A function that all others use."""
    return Volume.objects.all()


@pytest.mark.django_db
def test_a_queryset_that_a_helper_makes_is_changed_where_it_is_used(recorder):
    """The function that makes it may have other callers."""
    Shelf("default", 2)
    with recorder.record() as recording:
        volumes = everything()
        writers_and_publishers(volumes)

    assert lines_of(NoNPlusOne().check(recording)) == ["volumes = everything()"]


@pytest.mark.django_db
def test_a_queryset_that_was_made_before_is_changed_where_it_is_evaluated(recorder):
    """A class attribute, for example."""
    Shelf("default", 2)
    volumes = Volume.objects.all()
    with recorder.record() as recording:
        for volume in volumes:
            volume.writer.name

    assert lines_of(NoNPlusOne().check(recording)) == ["for volume in volumes:"]


@pytest.mark.django_db
def test_rows_of_one_relation_are_joined_where_that_is_asked_for(recorder):
    """It is a queryset like any other."""
    Shelf("default", 2)
    publisher = Publisher.objects.get(name="publisher 0")
    Volume.objects.update(publisher=publisher)
    with recorder.record() as recording:
        for volume in publisher.volumes.all():
            volume.writer.name
    violation = NoNPlusOne().check(recording)

    assert [fix.text for fix in fixes_in(violation)] == ['.select_related("writer")']
    assert lines_of(violation) == ["for volume in publisher.volumes.all():"]


@pytest.mark.parametrize(
    "loop",
    [
        lambda: [Writer.objects.get(name=f"writer {number}") for number in range(3)],
        lambda: [list(one.volumes.filter(title="")) for one in Publisher.objects.all()],
        lambda: [one.volumes.first() for one in Publisher.objects.all()],
        lambda: [list(one.volumes.all()[:2]) for one in Publisher.objects.all()],
        lambda: [list(one.volumes.order_by("title")) for one in Publisher.objects.all()],
        lambda: [list(one.genres.using("default")) for one in Volume.objects.all()],
    ],
    ids=["get", "filter", "first", "slice", "order", "using"],
)
@pytest.mark.django_db
def test_what_no_eager_loading_serves_is_not_advised(recorder, loop):
    """Only certain fixes are shown."""
    Shelf("default", 3)
    with recorder.record() as recording:
        loop()
    violation = NoNPlusOne().check(recording)

    assert fixes_in(violation) == []
    assert [hint.label for hint in violation.advice] == ["why"]


@pytest.mark.django_db
def test_rows_that_the_recording_has_not_seen_have_no_line(recorder):
    """It is N+1 all the same."""
    Shelf("default", 2)
    volumes = list(Volume.objects.all())
    with recorder.record() as recording:
        writers_and_publishers(volumes)
    violation = NoNPlusOne().check(recording)

    assert violation.measured == 4
    assert not any(isinstance(line, Fix) for line in violation.advice)
    assert {line.text.partition("because ")[2] for line in violation.advice} == {
        "the rows come from no queryset of this recording"
    }


@pytest.mark.django_db
def test_a_template_is_no_line_to_change(recorder, settings):
    """The queryset that it received is to be changed."""
    from django.template import Context, Template

    Shelf("default", 2)
    volumes = Volume.objects.all()
    template = Template("{% for volume in volumes %}{{ volume.writer.name }}{% endfor %}")
    with recorder.record() as recording:
        template.render(Context({"volumes": volumes}))

    assert lines_of(NoNPlusOne().check(recording)) == ['template.render(Context({"volumes": volumes}))']


@pytest.mark.django_db
def test_lines_of_templates_are_shown(recorder):
    """With what is written there, from the inside out."""
    from django.template.loader import render_to_string

    Shelf("default", 2)
    with recorder.record() as recording:
        render_to_string("shelf/rows.html", {"volumes": Volume.objects.all()})
    text = explain([NoNPlusOne().check(recording)], ROOT)

    row, rows = (
        "tests/project/shelf/templates/shelf/row.html",
        "tests/project/shelf/templates/shelf/rows.html",
    )
    assert any(
        line.strip()
        == f'{row}:2 {{{{ volume.publisher.name }}}}  <- {rows}:2 {{% include "shelf/row.html" %}}'
        for line in text
    )


@pytest.mark.django_db
def test_a_query_budget_tells_when_it_would_hold(recorder):
    """One change after the other, the one that saves most first."""
    Shelf("default", 4)
    with recorder.record() as recording:
        for volume in Volume.objects.all():
            volume.writer.name, list(volume.genres.all())
    told = [(fix.text, fix.result) for fix in fixes_in(QueryBudget(2).check(recording))]

    assert told == [
        ('.select_related("writer")', "9 -> 5 queries"),
        ('.prefetch_related("genres")', "5 -> 2 queries, within budget"),
    ]


@pytest.mark.django_db
def test_a_limit_of_another_kind_is_not_said_to_hold(recorder):
    """Only the first number is followed."""
    Shelf("default", 3)
    with recorder.record() as recording:
        writers_and_publishers(Volume.objects.all())
    violation = QueryBudget(6, tables={"shelf_writer": 0}).check(recording)

    assert [fix.result for fix in fixes_in(violation)] == ["7 -> 1 queries"]


@pytest.mark.django_db
def test_a_profile_is_reached_from_both_sides(recorder):
    """Forwards and backwards, the name is the one that Django knows."""
    Shelf("default", 2)
    with recorder.record() as recording:
        for profile in Profile.objects.all():
            profile.writer.name
    [fix] = fixes_in(NoNPlusOne().check(recording))

    assert fix.text == '.select_related("writer")'


def read(volumes):
    for volume in volumes:
        volume.publisher.name


def listed_by_a_view():
    view = ListView.as_view(model=Volume, template_name="none.html")
    read(view(RequestFactory().get("/")).context_data["object_list"])


def streamed():
    for publisher in Publisher.objects.all():
        list(publisher.volumes.iterator())


def up_a_chain():
    writer = Writer.objects.get(name="writer 3")
    while writer.mentor is not None:
        writer = writer.mentor


def genres_of_streamed_rows():
    genres(Volume.objects.iterator())


# One that Django made for itself, two where the method is refused, and two where it would not help.
IN_VAIN = [
    listed_by_a_view,
    lambda: read(Volume.objects.filter(pk__lt=0).union(Volume.objects.all())),
    genres_of_streamed_rows,
    streamed,
    up_a_chain,
]


@pytest.mark.parametrize("work", IN_VAIN, ids=["view", "union", "rows", "iterator", "chain"])
@pytest.mark.django_db
def test_what_would_not_help_is_not_advised(recorder, work):
    """The failure names the N+1, with the lines that ran the queries."""
    Shelf("default", 4)
    with recorder.record() as recording:
        work()
    violation = NoNPlusOne().check(recording)

    assert violation.measured >= 3
    assert [fix for fix in violation.advice if isinstance(fix, Fix)] == []


@pytest.mark.django_db
def test_a_lock_that_leaves_out_what_is_joined_takes_the_advice(recorder):
    """It says which tables it is for."""
    Shelf("default", 3)
    violation = NoNPlusOne().check(record(recorder, read, Volume.objects.select_for_update(of=("self",))))

    assert [fix.text for fix in fixes_in(violation)] == ['.select_related("publisher")']


@pytest.mark.django_db
def test_a_prefetch_of_generic_keys_is_a_query_for_each_model(recorder):
    """Twelve rows of two."""
    shelf = Shelf("default", 3)
    for writer in shelf.all(Writer):
        shelf.make(Note, subject=writer)
    unchanged = record(recorder, subjects, Note.objects.all())
    [fix] = fixes_in(NoNPlusOne().check(unchanged))
    changed = record(recorder, subjects, Note.objects.prefetch_related("subject"))

    assert promised(fix) == [len(unchanged.queries), len(changed.queries)]


class Listing:
    """A class that has a queryset from when it was imported, as views do."""

    volumes = Volume.objects.order_by("pk")


@pytest.mark.django_db
def test_the_line_in_the_body_of_a_class_is_named(recorder):
    """It is neither the line of the class nor the line that uses it."""
    Shelf("default", 3)

    class Inner:
        volumes = Volume.objects.order_by("pk")

    for queryset in (Inner.volumes, Listing.volumes):
        [fix] = fixes_in(NoNPlusOne().check(record(recorder, read, queryset.all())))
        assert "volumes = Volume" in Path(__file__).read_text().splitlines()[line_of(fix.site) - 1]


@pytest.mark.skipif(not HAS_FETCH_MODES, reason="fetch modes are of Django 6.1")
@pytest.mark.django_db
def test_a_fetch_mode_is_told_once_for_all_that_it_saves(recorder):
    """Fields and relations, for the line that they have in common; not where it saves nothing."""
    Shelf("default", 3)
    rows = Volume.objects.only("title")
    violation = NoNPlusOne().check(
        record(recorder, lambda volumes: [volume.writer.name for volume in volumes], rows)
    )
    [fix] = [fix for fix in violation.advice if isinstance(fix, Fix) and fix.is_alternative]
    changed = record(
        recorder,
        lambda volumes: [volume.writer.name for volume in volumes],
        Volume.objects.only("title").fetch_mode(models.FETCH_PEERS),
    )

    assert promised(fix)[1] == len(changed.queries)


@pytest.mark.django_db
def test_rows_that_come_one_by_one_can_be_joined(recorder):
    """They have no peers, and what is prefetched would have to be told by how many."""
    Shelf("default", 3)
    violation = NoNPlusOne().check(record(recorder, read, Volume.objects.iterator()))

    assert [fix.text for fix in violation.advice if isinstance(fix, Fix)] == ['.select_related("publisher")']


@pytest.mark.django_db
def test_below_a_generic_key_nothing_is_prefetched(recorder):
    """Of its models one may not have the relation."""
    Shelf("default", 3)
    violation = NoNPlusOne().check(
        record(recorder, lambda found: [note.subject.publisher for note in found], Note.objects.all())
    )

    assert [fix.text for fix in fixes_in(violation)] == ['.prefetch_related("subject")']
