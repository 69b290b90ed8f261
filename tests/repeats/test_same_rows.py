"""A fix that would raise an error, save nothing or give other rows is refused, and -v says why."""

import re
from pathlib import Path

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import models, router

from pytest_dbperf.budgets.no_n_plus_one import NoNPlusOne
from pytest_dbperf.callsites.callsite import line_of
from pytest_dbperf.violations.text import explain
from pytest_dbperf.violations.violation import Fix, Hint
from shelf.models import (
    Album,
    Chapter,
    Copy,
    Genre,
    Item,
    Loan,
    Profile,
    Proof,
    Publisher,
    Record,
    Text,
    Volume,
    Writer,
)
from tests.repeats.table import Shelf

ROOT = Path(__file__).parents[2]

pytestmark = [
    pytest.mark.django_db(databases=["default", "other"]),
    # Django 6.1 deprecates it, and other versions have it all the same.
    pytest.mark.filterwarnings("ignore:Calling select_related"),
]


def record(recorder, loop, rows):
    """Record a loop over rows that are still to be loaded, and return what it has read as well."""
    ContentType.objects.clear_cache()
    with recorder.record() as recording:
        values = loop(rows)
    return recording, values


def fixes_in(violation):
    """The fixes that change a line, without alternatives."""
    return [fix for fix in violation.advice if isinstance(fix, Fix) and not fix.is_alternative]


def peers_in(violation):
    """The fetch modes, where Django has them."""
    return [fix for fix in violation.advice if isinstance(fix, Fix) and fix.is_alternative]


def reasons_in(violation):
    """What -v says of changes that would not help."""
    return [hint.text for hint in violation.advice if isinstance(hint, Hint) and hint.is_detail]


def lines_of(violation):
    """The lines of the fixes, as this file has them."""
    source = Path(__file__).read_text().splitlines()
    return [source[line_of(fix.site) - 1].strip() for fix in fixes_in(violation)]


def promised(fix):
    """The numbers of `34 -> 9 queries`: before the change, and after it."""
    return [int(number) for number in re.findall(r"\d+", fix.result)]


def in_order(values):
    """What a loop has read: the rows may come in another order with a join."""
    return sorted(values, key=str)


def writers_and_publishers(volumes):
    return [(volume.writer.name, volume.publisher.name) for volume in volumes]


def publishers(volumes):
    return [volume.publisher.name for volume in volumes]


def publishers_of_copies(copies):
    return [(copy.owner.name, copy.volume.writer.name, copy.volume.publisher.name) for copy in copies]


def mentors(volumes):
    return [volume.writer.mentor and volume.writer.mentor.name for volume in volumes]


def names_of_writers(volumes):
    return [volume.writer.name for volume in volumes]


def biographies(volumes):
    return [(volume.writer.name, volume.writer.biography) for volume in volumes]


def titles_of_items(records):
    return [record.item_ptr.title for record in records]


def titles_of_records(albums):
    return [album.record_ptr.item_ptr.title for album in albums]


def publishers_of_items(records):
    return [record.item_ptr.publisher.name for record in records]


def minutes(items):
    return [(item.record.minutes, item.record.publisher.name) for item in items]


def items_lent(loans):
    found = []
    for loan in loans:
        try:
            found.append(loan.item.title)
        except Item.DoesNotExist:
            found.append("lost")
    return found


def deposits(loans):
    found = []
    for loan in loans:
        try:
            found.append(loan.deposit.title)
        except Item.DoesNotExist:
            found.append("lost")
    return found


def lengths(proofs):
    return [proof.text.length for proof in proofs]


def websites(writers):
    return [writer.profile.website for writer in writers]


# What is loaded in a loop, from which rows, the change that is advised, how it is written where that is not
# as it stands, and the reason that -v gives for a change that is not advised.
LOOPS = [
    (
        writers_and_publishers,
        Volume.objects.select_related,
        '.select_related("publisher", "writer") in place of the call without names',
        lambda: Volume.objects.select_related("publisher", "writer"),
        "",
    ),
    (
        mentors,
        Volume.objects.select_related,
        '.select_related("writer__mentor") in place of the call without names',
        lambda: Volume.objects.select_related("writer__mentor"),
        "",
    ),
    (
        publishers_of_copies,
        Copy.objects.select_related,
        '.select_related("owner", "volume__publisher", "volume__writer") in place of the call without names',
        lambda: Copy.objects.select_related("owner", "volume__publisher", "volume__writer"),
        "",
    ),
    (
        writers_and_publishers,
        lambda: Volume.objects.only("title"),
        '.only(..., "publisher", "writer").select_related("publisher", "writer")',
        lambda: Volume.objects.only("title", "publisher", "writer").select_related("publisher", "writer"),
        "",
    ),
    (
        names_of_writers,
        lambda: Volume.objects.defer("writer", "summary"),
        '.defer(...) without "writer", and .select_related("writer")',
        lambda: Volume.objects.defer("summary").select_related("writer"),
        "",
    ),
    (
        mentors,
        lambda: Volume.objects.select_related("writer").only("title", "writer__name"),
        '.only(..., "writer__mentor").select_related("writer__mentor")',
        lambda: Volume.objects.only("title", "writer__name", "writer__mentor").select_related(
            "writer__mentor"
        ),
        "",
    ),
    (
        publishers,
        lambda: Volume.objects.only("title").select_related(),
        '.only(..., "publisher", "writer").select_related("publisher", "writer")'
        " in place of the call without names",
        lambda: Volume.objects.only("title", "publisher", "writer").select_related("publisher", "writer"),
        "",
    ),
    (
        publishers,
        lambda: Volume.objects.only("title", "publisher_id"),
        '.select_related("publisher")',
        lambda: Volume.objects.only("title", "publisher_id").select_related("publisher"),
        "",
    ),
    (
        websites,
        lambda: Writer.objects.only("name"),
        '.only(..., "profile").select_related("profile")',
        lambda: Writer.objects.only("name", "profile").select_related("profile"),
        "",
    ),
    (
        biographies,
        lambda: Volume.objects.only("title", "writer__name"),
        '.prefetch_related("writer")',
        None,
        "only() or defer() would leave out fields of the joined rows",
    ),
    (
        biographies,
        lambda: Volume.objects.defer("writer__biography"),
        '.prefetch_related("writer")',
        None,
        "only() or defer() would leave out fields of the joined rows",
    ),
    (websites, lambda: Writer.objects.defer("biography"), '.select_related("profile")', None, ""),
    (
        titles_of_items,
        lambda: Record.objects.only("minutes"),
        '.prefetch_related("item_ptr")',
        None,
        "Django never joins a parent link",
    ),
    (
        publishers_of_items,
        lambda: Record.objects.only("minutes"),
        '.prefetch_related("item_ptr__publisher")',
        None,
        "Django never joins a parent link",
    ),
    (
        titles_of_records,
        lambda: Album.objects.only("songs"),
        '.prefetch_related("record_ptr")',
        None,
        "Django never joins a parent link",
    ),
    (minutes, Item.objects.all, '.select_related("record__publisher")', None, ""),
    (
        minutes,
        lambda: Item.objects.defer("title"),
        '.prefetch_related("record__publisher")',
        None,
        "a joined child has no more fields than its parent, and some of these are left out",
    ),
    (
        items_lent,
        Loan.objects.all,
        '.prefetch_related("item")',
        None,
        "Django has made no constraint for it: a join leaves out rows that point to no Item",
    ),
    (
        lengths,
        Proof.objects.all,
        '.prefetch_related("text")',
        None,
        "a join does not use the base manager of Text, MeasuredManager, which may change the rows",
    ),
    (
        publishers,
        Volume.objects.select_for_update,
        '.prefetch_related("publisher")',
        None,
        "select_for_update() would lock the joined rows, too",
    ),
]


def fill():
    """Three rows of each model."""
    shelf = Shelf("default", 3)
    for number, publisher in enumerate(shelf.all(Publisher)):
        item = shelf.make(Album, title=f"record {number}", publisher=publisher)
        shelf.make(Loan, item_id=item.pk if number else 0, deposit_id=item.pk if number else 0)
        shelf.make(Proof, text=shelf.make(Text, text="x" * number))
    return shelf


@pytest.mark.parametrize(
    "loop, rows_of, text, changed_rows_of, reason",
    LOOPS,
    ids=[f"{number}-{loop.__name__}" for number, (loop, *_) in enumerate(LOOPS)],
)
def test_a_fix_gives_the_same_rows(recorder, loop, rows_of, text, changed_rows_of, reason):
    """It is one change, which saves what it promises."""
    fill()
    recording, before = record(recorder, loop, rows_of())
    violation = NoNPlusOne().check(recording)
    [fix] = fixes_in(violation)

    assert fix.text == text
    assert any(reason in one for one in reasons_in(violation)) or not reason
    changed = changed_rows_of() if changed_rows_of is not None else eval(f"rows_of(){fix.text}")
    again, after = record(recorder, loop, changed)
    assert in_order(after) == in_order(before)
    assert promised(fix) == [len(recording.queries), len(again.queries)]
    assert NoNPlusOne().check(again) is None
    for other in peers_in(violation):
        with_peers = eval(f"rows_of(){other.text}", {"models": models, "rows_of": rows_of})
        again, after = record(recorder, loop, with_peers)
        assert in_order(after) == in_order(before)
        assert promised(other)[1] == len(again.queries)


def website_or_none(writers):
    return [writer.profile.website if hasattr(writer, "profile") else None for writer in writers]


def test_rows_that_do_not_exist_stay_an_error(recorder):
    """A join of a reverse relation keeps it; a prefetch of a key that can be null would return None."""
    shelf = fill()
    shelf.all(Profile).first().delete()
    recording, before = record(recorder, website_or_none, Writer.objects.all())
    [fix] = fixes_in(NoNPlusOne().check(recording))
    again, after = record(recorder, website_or_none, Writer.objects.select_related("profile"))
    assert fix.text == '.select_related("profile")'
    assert in_order(after) == in_order(before)
    assert promised(fix) == [4, len(again.queries)]

    recording, _ = record(recorder, deposits, Loan.objects.all())
    violation = NoNPlusOne().check(recording)
    assert fixes_in(violation) == []
    assert any("one of the rows does not exist" in reason for reason in reasons_in(violation))

    shelf.all(Loan).filter(deposit=0).delete()
    recording, before = record(recorder, deposits, Loan.objects.all())
    [fix] = fixes_in(NoNPlusOne().check(recording))
    _, after = record(recorder, deposits, Loan.objects.prefetch_related("deposit"))
    assert fix.text == '.prefetch_related("deposit")'
    assert in_order(after) == in_order(before)


class People:
    """A router that keeps writers in a database of their own."""

    def db_for_read(self, model, **hints):
        """Read them there."""
        return "other" if model is Writer else None


class Shards:
    """A router that keeps the volumes of some publishers elsewhere."""

    def db_for_read(self, model, instance=None, **hints):
        """Ask the publisher."""
        return "other" if isinstance(instance, Publisher) and instance.name == "publisher 0" else None


def test_another_database_is_prefetched_and_not_joined(recorder, monkeypatch):
    """A router sends the query there, and a prefetch as well."""
    fill()
    for writer in Writer.objects.all():
        writer.save(using="other", force_insert=True)
    monkeypatch.setattr(router, "routers", [People()])
    loop = mentors
    recording, before = record(recorder, loop, Volume.objects.order_by("pk"))
    violation = NoNPlusOne().check(recording)
    [fix] = fixes_in(violation)

    assert fix.text == '.prefetch_related("writer__mentor")'
    assert any('in the database "other"' in reason for reason in reasons_in(violation))
    again, after = record(recorder, loop, Volume.objects.order_by("pk").prefetch_related("writer__mentor"))
    assert in_order(after) == in_order(before)
    assert promised(fix) == [len(recording.queries), len(again.queries)]


def test_a_relation_that_a_router_sends_to_two_databases_is_not_prefetched(recorder, monkeypatch):
    """One query would be sent to one of them."""
    fill()
    monkeypatch.setattr(router, "routers", [Shards()])
    recording, _ = record(
        recorder, lambda found: [list(one.volumes.all()) for one in found], Publisher.objects.all()
    )
    violation = NoNPlusOne().check(recording)

    assert fixes_in(violation) == []
    assert any("a prefetch is sent to one" in reason for reason in reasons_in(violation))


def rows_of_another_manager(volumes):
    return [list(volume.chapters(manager="planned").all()) for volume in volumes]


def test_rows_of_another_manager_are_not_those_that_a_prefetch_loads(recorder):
    """A relation can be read with another manager than its usual one."""
    shelf = fill()
    shelf.make(Chapter, volume=shelf.all(Volume)[0], is_written=False)
    recording, _ = record(recorder, rows_of_another_manager, Volume.objects.all())
    violation = NoNPlusOne().check(recording)

    assert fixes_in(violation) == peers_in(violation) == []
    assert 'Prefetch("chapters", queryset=..., to_attr=...)' in violation.advice[0].text


def count_before_and_after(volumes):
    counts = []
    for volume in volumes:
        before = len(volume.genres.all())
        Genre.objects.get(name="genre 0").volume_set.add(volume)
        counts.append((before, len(volume.genres.all())))
    return counts


def add_up(volumes):
    for volume in volumes:
        writer = volume.writer
        writer.biography += "."
        writer.save()
    return [*Writer.objects.order_by("pk").values_list("biography")]


def shorten(volumes):
    for volume in volumes:
        volume.summary = volume.summary[:1]
        volume.save()


@pytest.mark.parametrize(
    "loop, rows_of, table",
    [
        (count_before_and_after, Volume.objects.all, "shelf_volume_genres"),
        (add_up, Volume.objects.all, "shelf_writer"),
        (shorten, lambda: Volume.objects.defer("summary"), "shelf_volume"),
    ],
    ids=["many-to-many", "foreign key", "deferred field"],
)
def test_what_a_loop_writes_is_not_loaded_before_it(recorder, loop, rows_of, table):
    """Rows that were loaded at once do not show what was written meanwhile."""
    shelf = fill()
    shelf.all(Volume).update(writer=shelf.all(Writer)[0])
    recording, _ = record(recorder, loop, rows_of())
    violation = NoNPlusOne().check(recording)

    assert fixes_in(violation) == peers_in(violation) == []
    assert any(f"{table} is written in between" in reason for reason in reasons_in(violation))


def test_what_is_written_elsewhere_or_earlier_does_not_matter(recorder):
    """Another table, and the same one before the rows were fetched."""
    shelf = fill()

    def work(volumes):
        Writer.objects.update(biography="")
        for volume in volumes:
            volume.writer.name
            shelf.make(Genre, name="new")
        Writer.objects.update(biography="")

    recording, _ = record(recorder, work, Volume.objects.all())

    assert [fix.text for fix in fixes_in(NoNPlusOne().check(recording))] == ['.select_related("writer")']


def test_nothing_is_prefetched_for_one_row_each_time(recorder):
    """Where the relation is not used, that would be a query more for each; a join costs none."""
    fill()

    def genres_twice(publishers):
        for publisher in publishers:
            volume = publisher.volumes.order_by("title").first()
            list(volume.genres.all()), list(volume.genres.all()), volume.writer.name

    recording, _ = record(recorder, genres_twice, Publisher.objects.all())
    violation = NoNPlusOne().check(recording)

    assert [fix.text for fix in fixes_in(violation)] == ['.select_related("writer")']
    assert any("evaluated again for each row" in reason for reason in reasons_in(violation))


def test_a_prefetch_counts_where_it_is_not_used_as_well(recorder):
    """The line is evaluated three times, and asks once."""
    fill()

    def listed(with_genres):
        return [with_genres and list(volume.genres.all()) for volume in Volume.objects.order_by("pk")]

    def often(_):
        return [listed(with_genres) for with_genres in (True, False)]

    recording, _ = record(recorder, often, None)
    [fix] = fixes_in(NoNPlusOne().check(recording))
    assert promised(fix) == [5, 4]

    def too_often(_):
        return [listed(with_genres) for with_genres in (True, False, False)]

    recording, _ = record(recorder, too_often, None)
    violation = NoNPlusOne().check(recording)
    assert fixes_in(violation) == []
    assert any("also evaluated where this is not used" in reason for reason in reasons_in(violation))


def test_each_fix_holds_by_itself(recorder):
    """A prefetch through a relation that is joined saves what it says once that is joined."""
    fill()

    def pupils(volumes):
        return [
            (len(volume.writer.pupils.all()), volume.writer.pupils.count(), volume.writer.pupils.exists())
            for volume in volumes
        ]

    recording, _ = record(recorder, pupils, Volume.objects.all())
    fixes = fixes_in(NoNPlusOne().check(recording))

    assert [(fix.text, promised(fix)) for fix in fixes] == [
        ('.select_related("writer")', [13, 10]),
        ('.prefetch_related("writer__pupils")', [10, 2]),
    ]
    one, _ = record(recorder, pupils, Volume.objects.select_related("writer"))
    both, _ = record(
        recorder, pupils, Volume.objects.select_related("writer").prefetch_related("writer__pupils")
    )
    assert [len(one.queries), len(both.queries)] == [10, 2]


def test_a_field_that_another_queryset_leaves_out_has_no_fix_here(recorder):
    """A manager leaves it out of the rows that a relation loads."""
    fill()
    recording, _ = record(recorder, lambda proofs: [proof.text.text for proof in proofs], Proof.objects.all())
    violation = NoNPlusOne().check(recording)

    assert [fix.text for fix in fixes_in(violation)] == ['.prefetch_related("text")']
    assert any("another queryset leaves it out" in reason for reason in reasons_in(violation))


def test_reasons_are_shown_with_v_only(recorder):
    """In one line each."""
    fill()
    recording, _ = record(recorder, lengths, Proof.objects.all())
    violation = NoNPlusOne().check(recording)
    reason = (
        '  note  no .select_related("text"), because a join does not use the base manager of Text, '
        "MeasuredManager, which may change the rows: "
    )

    assert not any("because" in line for line in explain([violation], ROOT))
    assert any(line.startswith(reason) for line in explain([violation], ROOT, verbose=True))
