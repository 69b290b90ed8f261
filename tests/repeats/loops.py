"""Loops that run a query per row: all of them must be found."""

from asyncio import gather
from concurrent.futures import ThreadPoolExecutor
from operator import attrgetter

from asgiref.sync import async_to_sync, sync_to_async
from django.core import serializers
from django.db import connections
from django.db.models import Max, prefetch_related_objects
from django.forms import Form, ModelChoiceField, RadioSelect, formset_factory
from django.template.loader import render_to_string

from shelf.models import Copy, Genre, Note, Profile, Publisher, Volume, Writer
from tests.repeats.table import GROWS, case


@case(GROWS, 2, rows=2)
def foreign_key_of_two_rows(shelf):
    for volume in shelf.all(Volume):
        volume.writer.name


@case(GROWS, 3)
def foreign_key_of_three_rows(shelf):
    for volume in shelf.all(Volume):
        volume.writer.name


@case(GROWS, 2, rows=2)
def foreign_key_to_one_and_the_same_row(shelf):
    writer = shelf.all(Writer)[0].pk
    shelf.all(Volume).update(writer=writer)
    for volume in shelf.all(Volume):
        volume.writer.name


@case(GROWS, 2, rows=2)
def rows_behind_a_foreign_key(shelf):
    for publisher in shelf.all(Publisher):
        list(publisher.volumes.all())


@case(GROWS, 2, rows=2)
def number_of_rows_behind_a_foreign_key(shelf):
    for publisher in shelf.all(Publisher):
        publisher.volumes.count()


@case(GROWS, 2, rows=2)
def whether_there_are_rows_behind_a_foreign_key(shelf):
    for publisher in shelf.all(Publisher):
        publisher.volumes.exists()


@case(GROWS, 4, rows=2)
def the_same_rows_twice(shelf):
    for _ in range(2):
        for volume in shelf.all(Volume):
            volume.writer.name


@case(GROWS, 3)
def filtered_rows_behind_a_foreign_key(shelf):
    for publisher in shelf.all(Publisher):
        list(publisher.volumes.filter(title="volume 0"))


@case(GROWS, 3)
def first_row_behind_a_foreign_key(shelf):
    for publisher in shelf.all(Publisher):
        publisher.volumes.first()


@case(GROWS, 3)
def values_behind_a_foreign_key(shelf):
    for publisher in shelf.all(Publisher):
        list(publisher.volumes.values_list("title", flat=True))


@case(GROWS, 3)
def aggregate_behind_a_foreign_key(shelf):
    for publisher in shelf.all(Publisher):
        publisher.volumes.aggregate(Max("title"))


@case(GROWS, 2, rows=2)
def one_to_one_forwards(shelf):
    for profile in shelf.all(Profile):
        profile.writer.name


@case(GROWS, 2, rows=2)
def one_to_one_backwards(shelf):
    for writer in shelf.all(Writer):
        writer.profile.website


@case(GROWS, 2, rows=2)
def many_to_many_forwards(shelf):
    for volume in shelf.all(Volume):
        list(volume.genres.all())


@case(GROWS, 2, rows=2)
def many_to_many_backwards(shelf):
    for genre in shelf.all(Genre):
        list(genre.volume_set.all())


@case(GROWS, 2, rows=2)
def number_of_many_to_many(shelf):
    for volume in shelf.all(Volume):
        volume.genres.count()


@case(GROWS, 2, rows=2)
def generic_foreign_key(shelf):
    for note in shelf.all(Note):
        note.subject.title


@case(GROWS, 2, rows=2)
def generic_relation(shelf):
    for volume in shelf.all(Volume):
        list(volume.notes.all())


@case(GROWS, 2, rows=2)
def field_that_was_deferred(shelf):
    for volume in shelf.all(Volume).defer("summary"):
        volume.summary.upper()


@case(GROWS, 2, rows=2)
def field_that_was_not_named(shelf):
    for volume in shelf.all(Volume).only("title"):
        volume.summary.upper()


@case(GROWS, 3)
def get_in_a_loop(shelf):
    for key in shelf.all(Volume).values_list("writer_id", flat=True):
        shelf.all(Writer).get(pk=key)


@case(GROWS, 3)
def first_in_a_loop(shelf):
    for volume in shelf.all(Volume):
        shelf.all(Writer).filter(pk=volume.writer_id).first()


@case(GROWS, 3)
def count_in_a_loop(shelf):
    for volume in shelf.all(Volume):
        shelf.all(Note).filter(object_id=volume.pk).count()


@case(GROWS, 3)
def exists_in_a_loop(shelf):
    for volume in shelf.all(Volume):
        shelf.all(Note).filter(object_id=volume.pk).exists()


@case(GROWS, 3)
def lists_of_one_in_a_loop(shelf):
    for volume in shelf.all(Volume):
        list(shelf.all(Writer).filter(pk__in=[volume.writer_id]))


@case(GROWS, 3)
def get_or_create_in_a_loop(shelf):
    for number in range(3):
        Writer.objects.using(shelf.using).get_or_create(name=f"writer {number}")


@case(GROWS, 4)
def one_of_four_values_twice(shelf):
    keys = [*shelf.all(Writer).values_list("pk", flat=True)]
    for key in [*keys, keys[0]]:
        shelf.all(Writer).get(pk=key)


@case(GROWS, 3)
def raw_cursor_in_a_loop(shelf):
    keys = [*shelf.all(Writer).values_list("pk", flat=True)]
    with connections[shelf.using].cursor() as cursor:
        for key in keys:
            cursor.execute("SELECT name FROM shelf_writer WHERE id = %s", [key])


@case(GROWS, 2, rows=2)
def prefetch_for_each_row(shelf):
    for volume in shelf.all(Volume):
        prefetch_related_objects([volume], "genres")


@case(GROWS, 6)
def prefetch_of_each_row_that_is_got(shelf):
    for key in (1, 2, 3):
        shelf.all(Publisher).prefetch_related("volumes").filter(name=f"publisher {key - 1}").get()


@case(GROWS, 2, rows=2)
def properties(shelf):
    for volume in shelf.all(Volume):
        volume.writer_name


@case(GROWS, 2, rows=2)
def text_of_an_object(shelf):
    for volume in shelf.all(Volume):
        str(volume)


@case(GROWS, 2, rows=2)
def key_of_a_sort(shelf):
    sorted(shelf.all(Volume), key=lambda volume: volume.writer.name)


@case(GROWS, 2, rows=2)
def comprehensions(shelf):
    return [volume.writer.name for volume in shelf.all(Volume)]


@case(GROWS, 2, rows=2)
def functions_of_a_library(shelf):
    list(map(attrgetter("writer.name"), shelf.all(Volume)))


def name_of_writer(volume):
    return volume.writer.name


@case(GROWS, 2, rows=2)
def helpers(shelf):
    for volume in shelf.all(Volume):
        name_of_writer(volume)


@case(GROWS, 2, rows=2)
def templates(shelf):
    render_to_string("shelf/list.html", {"volumes": shelf.all(Volume)})


@case(GROWS, 2, rows=2)
def included_templates(shelf):
    render_to_string("shelf/rows.html", {"volumes": shelf.all(Volume)})


@case(GROWS, 3)
def serializers_of_django(shelf):
    serializers.serialize("json", shelf.all(Volume))


@case(GROWS, 2, rows=2)
def serializers_of_a_library(shelf):
    from ninja import Schema
    from pydantic import Field

    class Out(Schema):
        title: str
        writer: str = Field(alias="writer.name")

    [Out.from_orm(volume) for volume in shelf.all(Volume)]


def depth_of(writer):
    return max((depth_of(pupil) for pupil in writer.pupils.all()), default=0) + 1


@case(GROWS, 4, rows=4)
def recursion_into_a_tree(shelf):
    depth_of(shelf.all(Writer).get(name="writer 0"))


def first_mentor_of(writer):
    return first_mentor_of(writer.mentor) if writer.mentor else writer


@case(GROWS, 3, rows=4)
def recursion_up_a_chain(shelf):
    first_mentor_of(shelf.all(Writer).get(name="writer 3"))


@case(GROWS, 4, rows=2)
def two_relations_in_one_loop(shelf):
    for volume in shelf.all(Volume):
        volume.writer.name
        volume.publisher.name


@case(GROWS, 6, rows=2)
def three_relations_in_one_loop(shelf):
    for volume in shelf.all(Volume):
        volume.writer.name
        volume.publisher.name
        list(volume.genres.all())


@case(GROWS, 2, 2, rows=2)
def two_loops_after_each_other(shelf):
    volumes = list(shelf.all(Volume))
    for volume in volumes:
        volume.writer.name
    for volume in volumes:
        volume.publisher.name


@case(GROWS, 4, rows=2)
def relations_of_relations(shelf):
    for volume in shelf.all(Volume):
        volume.writer.profile.website


@case(GROWS, 2, rows=2)
def relations_of_joined_rows(shelf):
    for volume in shelf.all(Volume).select_related("writer"):
        volume.writer.profile.website


@case(GROWS, 2, rows=2)
def relations_of_prefetched_rows(shelf):
    for publisher in shelf.all(Publisher).prefetch_related("volumes"):
        for volume in publisher.volumes.all():
            volume.writer.name


@case(GROWS, 4, rows=2)
def loops_within_loops(shelf):
    for publisher in shelf.all(Publisher):
        for volume in publisher.volumes.all():
            list(volume.genres.all())


@case(GROWS, 2, rows=2)
def rows_of_an_iterator(shelf):
    for volume in shelf.all(Volume).iterator(chunk_size=1):
        volume.writer.name


@case(GROWS, 3, is_committed=True)
def get_in_threads(shelf):
    def get(key):
        try:
            return Writer.objects.using(shelf.using).get(pk=key)
        finally:
            connections[shelf.using].close()

    keys = [*shelf.all(Writer).values_list("pk", flat=True)]
    with ThreadPoolExecutor(1) as pool:
        for key in keys:
            pool.submit(get, key).result()


async def names_of_writers(shelf):
    async for volume in shelf.all(Volume):
        await shelf.all(Writer).aget(pk=volume.writer_id)


@case(GROWS, 3)
def asynchronous_get_in_a_loop(shelf):
    async_to_sync(names_of_writers)(shelf)


async def numbers_of_volumes(shelf):
    async for publisher in shelf.all(Publisher):
        await publisher.volumes.acount()


@case(GROWS, 2, rows=2)
def asynchronous_count_behind_a_foreign_key(shelf):
    async_to_sync(numbers_of_volumes)(shelf)


async def volumes_of_publishers(shelf):
    async for publisher in shelf.all(Publisher):
        async for _ in publisher.volumes.all():
            pass


@case(GROWS, 2, rows=2)
def asynchronous_iteration_within_another(shelf):
    async_to_sync(volumes_of_publishers)(shelf)


async def writers_at_once(shelf):
    keys = [key async for key in shelf.all(Volume).values_list("writer_id", flat=True)]
    await gather(*(shelf.all(Writer).aget(pk=key) for key in keys))


@case(GROWS, 3)
def asynchronous_gets_at_once(shelf):
    async_to_sync(writers_at_once)(shelf)


async def names_by_threads(shelf):
    async for volume in shelf.all(Volume):
        await sync_to_async(name_of_writer)(volume)


@case(GROWS, 2, rows=2)
def foreign_key_in_the_thread_of_a_hop(shelf):
    async_to_sync(names_by_threads)(shelf)


@case(GROWS, 3)
def rows_by_a_key_and_a_list(shelf):
    for key in [*shelf.all(Writer).values_list("pk", flat=True)]:
        list(shelf.all(Volume).filter(writer_id=key, title__in=["volume 0", "volume 1"]))


@case(GROWS, 3)
def rows_behind_a_foreign_key_by_a_list(shelf):
    for publisher in shelf.all(Publisher):
        list(publisher.volumes.filter(title__in=["volume 0", "volume 1"]))


@case(GROWS, 4, rows=4)
def values_written_into_the_text(shelf):
    with connections[shelf.using].cursor() as cursor:
        for key in range(4):
            cursor.execute(f"SELECT title FROM shelf_volume WHERE id = {key}")


@case(GROWS, 3)
def different_values_behind_the_same_row(shelf):
    publisher = shelf.all(Publisher)[0]
    for number in range(3):
        publisher.volumes.filter(title=f"volume {number}").exists()


def one_writer_for_all(shelf):
    shelf.all(Volume).update(writer=shelf.all(Writer)[0])


@case(GROWS, 3)
def relation_of_a_row_that_was_joined_to_many(shelf):
    one_writer_for_all(shelf)
    for volume in shelf.all(Volume).select_related("writer"):
        volume.writer.profile.website


@case(GROWS, 6)
def relation_of_a_row_that_was_loaded_for_many(shelf):
    one_writer_for_all(shelf)
    for volume in shelf.all(Volume):
        volume.writer.profile.website


@case(GROWS, 3)
def field_of_a_row_that_was_joined_to_many(shelf):
    one_writer_for_all(shelf)
    for volume in shelf.all(Volume).select_related("writer").only("title", "writer__name"):
        volume.writer.biography


@case(GROWS, 5)
def count_of_rows_that_were_prefetched_for_many(shelf):
    shelf.all(Genre)[0].volume_set.set(shelf.all(Volume))
    for volume in shelf.all(Volume).prefetch_related("genres"):
        for genre in volume.genres.all():
            genre.volume_set.count()


@case(GROWS, 3)
def foreign_key_to_one_row_of_rows_with_a_composite_key(shelf):
    shelf.all(Copy).update(owner=shelf.all(Publisher)[0])
    for copy in Copy.objects.using(shelf.using):
        copy.owner.name


@case(GROWS, 2, rows=2)
def rows_behind_a_foreign_key_by_a_manager_that_filters(shelf):
    for volume in shelf.all(Volume):
        list(volume.chapters.all())


@case(GROWS, 3)
def some_rows_of_each_by_limit(shelf):
    for key in [*shelf.all(Writer).values_list("pk", flat=True)]:
        list(shelf.all(Volume).filter(writer_id=key)[:2])


def note_on(volume):
    """Look like a property that asks anew each time."""
    notes = Note.objects.using(volume._state.db)
    return notes.filter(object_id=volume.pk).order_by("pk").first()


@case(GROWS, 6)
def property_that_asks_read_twice(shelf):
    for volume in shelf.all(Volume):
        [getattr(note_on(volume), name) for name in ("text", "object_id")]


@case(GROWS, 20, rows=5)
def property_that_asks_read_four_times(shelf):
    for volume in shelf.all(Volume):
        [getattr(note_on(volume), name) for name in ("text", "object_id", "pk", "id")]


@case(GROWS, 15, rows=5)
def property_that_asks_read_by_a_serializer(shelf):
    from ninja import Schema
    from pydantic import Field

    class Out(Schema):
        title: str
        text: str = Field(alias="note.text")
        key: int = Field(alias="note.pk")
        about: int = Field(alias="note.object_id")

    class Row:
        def __init__(self, volume):
            self.title, self.volume = volume.title, volume

        @property
        def note(self):
            return note_on(self.volume)

    [Out.from_orm(Row(volume)) for volume in shelf.all(Volume)]


@case(GROWS, 4, rows=2)
def rows_behind_a_foreign_key_read_twice(shelf):
    for publisher in shelf.all(Publisher):
        [list(publisher.volumes.all()) for _ in range(2)]


@case(GROWS, 6, rows=2)
def first_row_behind_a_foreign_key_read_three_times(shelf):
    for publisher in shelf.all(Publisher):
        [publisher.volumes.order_by("pk").first() for _ in range(3)]


@case(GROWS, 6)
def rows_behind_a_foreign_key_read_column_by_column(shelf):
    publishers = list(shelf.all(Publisher))
    for name in ("pk", "title"):
        [getattr(publisher.volumes.order_by("pk").first(), name) for publisher in publishers]


def read_anew(volume):
    """Do what trackers of fields do: look at a deferred field, and then load it again."""
    volume.summary.upper()
    del volume.summary


@case(GROWS, 4, rows=2)
def deferred_field_loaded_twice(shelf):
    for volume in shelf.all(Volume).defer("summary"):
        [read_anew(volume) for _ in range(2)]


@case(GROWS, 3)
def list_that_grows(shelf):
    keys = [*shelf.all(Writer).values_list("pk", flat=True)]
    for number in range(len(keys)):
        list(shelf.all(Writer).filter(pk__in=keys[: number + 1]))


@case(GROWS, 3)
def list_that_grows_in_small_letters(shelf):
    keys = [*shelf.all(Writer).values_list("pk", flat=True)]
    with connections[shelf.using].cursor() as cursor:
        for number in range(1, len(keys) + 1):
            marks = ",".join(["%s"] * number)
            cursor.execute(f"select name from shelf_writer where id in ({marks})", keys[:number])


@case(GROWS, 3, rows=4)
def list_of_what_was_seen(shelf):
    seen = []
    for volume in shelf.all(Volume)[:3]:
        seen += [volume.pk, volume.pk + 1000]
        list(shelf.all(Volume).exclude(pk__in=seen))


@case(GROWS, 4, rows=4)
def list_that_grows_beside_a_value(shelf):
    keys = [*shelf.all(Writer).values_list("pk", flat=True)]
    for number in range(len(keys)):
        list(shelf.all(Writer).filter(biography="long", pk__in=keys[: number + 1]))


@case(GROWS, 3)
def rows_by_their_index(shelf):
    volumes = shelf.all(Volume)
    for index in range(3):
        volumes[index]


@case(GROWS, 3)
def rows_of_a_filter_by_their_index(shelf):
    volumes = shelf.all(Volume).filter(summary="long")
    for index in range(3):
        volumes[index]


@case(GROWS, 4, rows=4)
def columns_that_differ(shelf):
    for number, volume in enumerate(shelf.all(Volume)):
        shelf.all(Writer).only("name" if number % 2 else "biography").get(pk=volume.writer_id)


@case(GROWS, 4, rows=4)
def values_that_differ(shelf):
    for number, volume in enumerate(shelf.all(Volume)):
        list(shelf.all(Note).filter(object_id=volume.pk).values("pk" if number % 2 else "text"))


@case(GROWS, 3)
def filtered_rows_of_a_row_that_was_joined_to_many(shelf):
    one_writer_for_all(shelf)
    for volume in shelf.all(Volume).select_related("writer"):
        list(volume.writer.volume_set.filter(title__contains="volume"))


@case(GROWS, 6)
def filtered_rows_of_a_row_that_was_loaded_for_many(shelf):
    one_writer_for_all(shelf)
    for volume in shelf.all(Volume):
        list(volume.writer.volume_set.filter(title__contains="volume"))


@case(GROWS, 3)
def filtered_rows_of_rows_that_were_prefetched_for_many(shelf):
    first, second = shelf.all(Writer)[:2]
    shelf.all(Volume).update(writer=first)
    shelf.all(Volume).filter(title="volume 2").update(writer=second)
    for volume in shelf.all(Volume).prefetch_related("writer"):
        list(volume.writer.volume_set.filter(title__contains="volume"))


@case(GROWS, 3)
def number_of_rows_of_a_row_that_was_joined_to_many(shelf):
    one_writer_for_all(shelf)
    for volume in shelf.all(Volume).select_related("writer"):
        volume.writer.volume_set.count()


@case(GROWS, 3)
def first_page_of_each(shelf):
    for key in [*shelf.all(Writer).values_list("pk", flat=True)]:
        list(shelf.all(Volume).filter(writer_id=key, pk__gt=0)[:2])


@case(GROWS, 3)
def first_page_behind_each_foreign_key(shelf):
    for publisher in shelf.all(Publisher):
        list(publisher.volumes.filter(pk__gt=0)[:2])


@case(GROWS, 4)
def next_row_by_the_last_key(shelf):
    last = 0
    while volume := shelf.all(Volume).filter(summary="long", pk__gt=last).first():
        last = volume.pk


def formset_of(shelf, forms, data=None, **fields):
    """A formset that chooses a writer in each form."""
    field = ModelChoiceField(shelf.all(Writer))
    form = type("WriterForm", (Form,), {"writer": field, **fields})
    return formset_factory(form, extra=forms)(data, initial=[])


@case(GROWS, 3)
def choices_of_each_form(shelf):
    str(formset_of(shelf, 3))


@case(GROWS, 3)
def choices_of_each_form_by_radio_buttons(shelf):
    field = ModelChoiceField(shelf.all(Writer), widget=RadioSelect)
    for form in formset_of(shelf, 3, other=field):
        [str(radio) for radio in form["other"]]


@case(GROWS, 3)
def same_choice_in_each_form(shelf):
    writer = shelf.all(Writer)[0].pk
    data = {f"form-{number}-writer": writer for number in range(3)}
    counts = {"form-TOTAL_FORMS": 3, "form-INITIAL_FORMS": 0}
    formset_of(shelf, 3, {**data, **counts}).is_valid()
