"""Queries that look like loops but are none: no N+1 is found, at most repeated values."""

from functools import lru_cache

import django
from asgiref.sync import async_to_sync
from django.contrib.contenttypes.models import ContentType
from django.core.paginator import Paginator
from django.db import connections, models, transaction
from django.db.models import Count, Prefetch, Q, aprefetch_related_objects, prefetch_related_objects
from django.forms import Form, ModelChoiceField
from django.template.loader import render_to_string
from django.test import Client

from shelf.models import Copy, Genre, Note, Profile, Publisher, Volume, Writer
from tests.repeats.loops import formset_of, name_of_writer, one_writer_for_all
from tests.repeats.table import REPEATS, SILENT, case


@case(SILENT)
def joined_foreign_key(shelf):
    for volume in shelf.all(Volume).select_related("writer", "publisher"):
        volume.writer.name, volume.publisher.name


@case(SILENT)
def prefetched_foreign_key(shelf):
    for volume in shelf.all(Volume).prefetch_related("writer"):
        volume.writer.name


@case(SILENT)
def prefetched_rows_behind_a_foreign_key(shelf):
    for publisher in shelf.all(Publisher).prefetch_related("volumes"):
        list(publisher.volumes.all()), publisher.volumes.count(), publisher.volumes.exists()


@case(SILENT)
def prefetched_many_to_many(shelf):
    for volume in shelf.all(Volume).prefetch_related("genres"):
        list(volume.genres.all())


@case(SILENT)
def prefetched_generic_foreign_key(shelf):
    # On another database than the default, Django prefetches none.
    for note in shelf.all(Note).prefetch_related("subject"):
        note.subject


@case(SILENT)
def prefetched_generic_foreign_keys_to_many_models(shelf):
    for model in (Writer, Publisher, Genre):
        shelf.make(Note, subject=shelf.all(model)[0])
    for note in shelf.all(Note).prefetch_related("subject"):
        note.subject


@case(SILENT)
def prefetched_generic_relation(shelf):
    for volume in shelf.all(Volume).prefetch_related("notes"):
        list(volume.notes.all())


@case(SILENT)
def prefetched_with_a_queryset(shelf):
    volumes = Prefetch("volumes", Volume.objects.using(shelf.using).select_related("writer"))
    for publisher in shelf.all(Publisher).prefetch_related(volumes):
        [volume.writer.name for volume in publisher.volumes.all()]


@case(SILENT)
def prefetched_level_by_level_with_one_row_each(shelf):
    writer = shelf.all(Writer).prefetch_related("pupils__pupils__pupils").get(name="writer 0")
    list(writer.pupils.all())


@case(SILENT)
def prefetched_relations_of_one_row(shelf):
    for volume in shelf.all(Volume)[:1].prefetch_related("genres", "notes", "writer__profile"):
        list(volume.genres.all())


@case(SILENT)
def prefetched_later_for_all(shelf):
    volumes = list(shelf.all(Volume))
    prefetch_related_objects(volumes, "genres", "publisher")
    [list(volume.genres.all()) for volume in volumes]


@case(SILENT)
def joined_relations_of_relations(shelf):
    for volume in shelf.all(Volume).select_related("writer__profile"):
        volume.writer.profile.website


@case(SILENT)
def joined_one_to_one_forwards(shelf):
    for profile in shelf.all(Profile).select_related("writer"):
        profile.writer.name


@case(SILENT)
def joined_one_to_one_backwards(shelf):
    for writer in shelf.all(Writer).select_related("profile"):
        writer.profile.website


@case(SILENT)
def joined_behind_properties_and_texts(shelf):
    for volume in shelf.all(Volume).select_related("writer"):
        volume.writer_name, str(volume)


@case(SILENT)
def joined_relation_of_one_row_that_was_joined_to_many(shelf):
    one_writer_for_all(shelf)
    for volume in shelf.all(Volume).select_related("writer__profile"):
        volume.writer.profile.website


@case(SILENT)
def joined_foreign_key_of_rows_with_a_composite_key(shelf):
    for copy in Copy.objects.using(shelf.using).select_related("owner"):
        copy.owner.name


@case(SILENT)
def two_steps_up_a_chain(shelf):
    writer = shelf.all(Writer).get(name="writer 2")
    while writer.mentor is not None:
        writer = writer.mentor


@case(SILENT)
def prefetched_by_a_manager_that_filters(shelf):
    for volume in shelf.all(Volume).prefetch_related("chapters"):
        list(volume.chapters.all())


@case(SILENT)
def joined_before_a_template_asks(shelf):
    volumes = shelf.all(Volume).select_related("writer", "publisher")
    render_to_string("shelf/list.html", {"volumes": volumes})
    render_to_string("shelf/rows.html", {"volumes": volumes})


@case(SILENT)
def prefetched_many_to_many_backwards(shelf):
    for genre in shelf.all(Genre).prefetch_related("volume_set"):
        list(genre.volume_set.all())


@case(SILENT)
def prefetched_loops_within_loops(shelf):
    for publisher in shelf.all(Publisher).prefetch_related("volumes__genres"):
        for volume in publisher.volumes.all():
            list(volume.genres.all())


@case(SILENT)
def prefetched_and_filtered(shelf):
    chosen = Volume.objects.using(shelf.using).filter(title="volume 0")
    for publisher in shelf.all(Publisher).prefetch_related(Prefetch("volumes", chosen, to_attr="chosen")):
        list(publisher.chosen)


@case(SILENT, rows=2)
def prefetched_tree(shelf):
    for writer in shelf.all(Writer).prefetch_related("pupils__pupils"):
        [list(pupil.pupils.all()) for pupil in writer.pupils.all()]


@case(SILENT)
def counted_with_the_rows(shelf):
    for publisher in shelf.all(Publisher).annotate(Count("volumes")):
        publisher.volumes__count


@case(SILENT)
def two_relations_of_one_row(shelf):
    volume = shelf.all(Volume)[0]
    for relation in ("writer", "publisher"):
        getattr(volume, relation).name


@case(SILENT)
def the_same_list_twice(shelf):
    for _ in range(2):
        list(shelf.all(Writer))


@case(SILENT)
def the_same_from_functions_of_their_own(shelf):
    def one():
        return shelf.all(Writer).get(name="writer 0")

    def other():
        return shelf.all(Writer).get(name="writer 1")

    def third():
        return shelf.all(Writer).get(name="writer 2")

    one(), other(), third()


async def prefetched_later(shelf):
    volumes = [volume async for volume in shelf.all(Volume)]
    await aprefetch_related_objects(volumes, "genres", "writer")
    return [[volume.writer.name, *volume.genres.all()] for volume in volumes]


@case(SILENT)
def asynchronous_prefetch_for_all(shelf):
    async_to_sync(prefetched_later)(shelf)


@case(SILENT)
def one_row(shelf):
    for volume in shelf.all(Volume)[:1]:
        volume.writer.name, list(volume.genres.all()), volume.publisher.volumes.count()


@case(SILENT)
def foreign_keys_without_a_value(shelf):
    shelf.all(Volume).update(publisher=None)
    for volume in shelf.all(Volume):
        volume.publisher


@case(SILENT)
def relation_that_was_loaded_before(shelf):
    volume = shelf.all(Volume)[0]
    for _ in range(3):
        volume.writer.name


@case(SILENT)
def gets_on_lines_of_their_own(shelf):
    shelf.all(Writer).get(name="writer 0")
    shelf.all(Writer).get(name="writer 1")
    shelf.all(Writer).get(name="writer 2")


@case(SILENT)
def helper_called_from_lines_of_their_own(shelf):
    first, second, third = shelf.all(Volume)
    name_of_writer(first)
    name_of_writer(second)
    name_of_writer(third)


@case(SILENT)
def two_gets_in_a_loop(shelf):
    for name in ("writer 0", "writer 1"):
        shelf.all(Writer).get(name=name)


@case(SILENT)
def relation_of_two_rows_that_were_got_apart(shelf):
    one = shelf.all(Volume).get(title="volume 0")
    other = shelf.all(Volume).get(title="volume 1")
    for volume in (one, other):
        volume.writer.name


@case(SILENT)
def row_of_each_of_three_requests(shelf):
    for volume in shelf.all(Volume):
        Client().get("/do/", work=lambda volume=volume: name_of_writer(volume))


@case(SILENT)
def get_in_each_of_three_requests(shelf):
    for number in range(3):
        Client().get("/do/", work=lambda number=number: shelf.all(Writer).get(name=f"writer {number}"))


@case(SILENT)
def prefetch_for_one_row_in_each_of_three_requests(shelf):
    def get(number):
        return shelf.all(Publisher).prefetch_related("volumes").get(name=f"publisher {number}")

    for number in range(3):
        Client().get("/do/", work=lambda number=number: get(number))


@case(SILENT)
def content_types_filling_their_cache(shelf):
    for _ in range(2):
        for model in (Writer, Publisher, Genre, Volume):
            ContentType.objects.db_manager(shelf.using).get_for_model(model)


@case(SILENT)
def content_types_by_key_filling_their_cache(shelf):
    keys = [*ContentType.objects.using(shelf.using).values_list("pk", flat=True)]
    for key in keys:
        ContentType.objects.db_manager(shelf.using).get_for_id(key)


@case(SILENT)
def cache_of_yours_filled_once(shelf):
    @lru_cache
    def name_of(number):
        return shelf.all(Writer).get(name=f"writer {number}").name

    for number in (0, 0, 0, 1, 1):
        name_of(number)


@case(SILENT)
def lists_of_many_in_a_loop(shelf):
    keys = [*shelf.all(Writer).values_list("pk", flat=True)]
    for pair in ([keys[0], keys[1]], [keys[1], keys[2]], [keys[2], keys[0]]):
        list(shelf.all(Writer).filter(pk__in=pair))


@case(SILENT)
def many_by_their_keys(shelf):
    shelf.all(Writer).in_bulk([*shelf.all(Volume).values_list("writer_id", flat=True)])


@case(SILENT)
def chunks_of_an_iterator(shelf):
    for volume in shelf.all(Volume).prefetch_related("genres").iterator(chunk_size=2):
        list(volume.genres.all())


@case(SILENT)
def pages(shelf):
    page = Paginator(shelf.all(Volume), 2).page(1)
    list(page), page.has_other_pages()


@case(SILENT)
def pages_by_offset(shelf):
    for page in range(3):
        list(shelf.all(Volume).filter(title="volume 0")[page * 2 : page * 2 + 2])


@case(SILENT, rows=6)
def pages_by_the_last_key_in_small_letters(shelf):
    last, query = 0, "select id from shelf_volume where summary = %s and id > %s order by id limit 2"
    with connections[shelf.using].cursor() as cursor:
        cursor.execute(query, ["long", last])
        while keys := cursor.fetchall():
            last = keys[-1][0]
            cursor.execute(query, ["long", last])


@case(SILENT, rows=6)
def pages_by_the_last_key(shelf):
    last = 0
    while volumes := list(shelf.all(Volume).filter(pk__gt=last)[:2]):
        last = volumes[-1].pk


@case(SILENT)
def lists_of_many_by_another_value_in_a_loop(shelf):
    keys = [*shelf.all(Writer).values_list("pk", flat=True)]
    for pair in ([keys[0], keys[1]], [keys[1], keys[2]], [keys[2], keys[0]]):
        list(shelf.all(Writer).filter(pk__in=pair, biography="long"))


@case(SILENT)
def until_there_are_no_more(shelf):
    while writer := shelf.all(Writer).filter(biography="long").first():
        writer.biography = ""
        writer.save(update_fields=["biography"])


@case(SILENT)
def counted_after_each_insert(shelf):
    for number in range(3):
        shelf.make(Genre, name=f"new {number}")
        shelf.all(Genre).count()


@case(SILENT)
def inserts_in_a_loop(shelf):
    for number in range(3):
        shelf.make(Genre, name=f"new {number}")


@case(SILENT)
def rows_written_together(shelf):
    manager = Genre.objects.using(shelf.using)
    genres = manager.bulk_create([Genre(name=f"new {number}") for number in range(3)])
    manager.bulk_update(genres, ["name"])


@case(SILENT)
def savepoints(shelf):
    for _ in range(3):
        with transaction.atomic(using=shelf.using):
            pass


@case(SILENT)
def statements_that_differ(shelf):
    for field in ("name", "biography", "pk"):
        list(shelf.all(Writer).exclude(**{field: 0}))


@case(SILENT)
def values_instead_of_rows(shelf):
    for _ in shelf.all(Volume).values("title", "writer__name", "publisher__name"):
        pass


@case(SILENT)
def fields_that_are_needed_alone(shelf):
    for volume in shelf.all(Volume).only("title"):
        volume.title


@case(SILENT)
def no_rows_at_all(shelf):
    shelf.all(Note).delete()
    for note in shelf.all(Note):
        note.subject


async def prefetched_asynchronously(shelf):
    async for publisher in shelf.all(Publisher).prefetch_related("volumes"):
        [volume async for volume in publisher.volumes.all()]


@case(SILENT)
def asynchronous_iteration_over_what_was_prefetched(shelf):
    async_to_sync(prefetched_asynchronously)(shelf)


async def got_apart(shelf):
    await shelf.all(Writer).aget(name="writer 0")
    await shelf.all(Writer).aget(name="writer 1")
    await shelf.all(Writer).aget(name="writer 2")


@case(SILENT)
def asynchronous_gets_on_lines_of_their_own(shelf):
    async_to_sync(got_apart)(shelf)


if django.VERSION >= (6, 1):

    @case(SILENT)
    def relation_fetched_for_all_peers(shelf):
        for volume in shelf.all(Volume).fetch_mode(models.FETCH_PEERS):
            volume.writer.name

    @case(SILENT)
    def field_fetched_for_all_peers(shelf):
        for volume in shelf.all(Volume).defer("summary").fetch_mode(models.FETCH_PEERS):
            volume.summary.upper()


@case(REPEATS, 3)
def the_same_again(shelf):
    for _ in range(3):
        shelf.all(Writer).get(name="writer 0")


@case(REPEATS, 6)
def few_values_again_and_again(shelf):
    for number in (0, 1, 0, 1, 0, 1):
        shelf.all(Writer).get(name=f"writer {number}")


@case(REPEATS, 3)
def the_same_rows_behind_the_same_row(shelf):
    publisher = shelf.all(Publisher)[0]
    for _ in range(3):
        publisher.volumes.count()


@case(REPEATS, 3, 3)
def the_same_relation_of_the_same_row(shelf):
    for _ in range(3):
        shelf.all(Volume).get(title="volume 0").writer.name


@case(REPEATS, 3)
def the_same_in_many_places_of_a_request(shelf):
    def work():
        shelf.all(Profile).get(website="example.org", writer__name="writer 0")
        shelf.all(Profile).get(website="example.org", writer__name="writer 0")
        shelf.all(Profile).get(website="example.org", writer__name="writer 0")

    Client().get("/do/", work=work)


@case(REPEATS, 3)
def the_same_lines_of_a_template(shelf):
    for _ in range(3):
        shelf.all(Volume).filter(title="volume 0").exists()


@case(REPEATS, 3)
def the_same_list_by_its_keys(shelf):
    keys = [*shelf.all(Writer).values_list("pk", flat=True)]
    for _ in range(3):
        list(shelf.all(Writer).filter(pk__in=keys))


@case(REPEATS, 3)
def the_same_values_written_into_the_text(shelf):
    with connections[shelf.using].cursor() as cursor:
        for _ in range(3):
            cursor.execute("SELECT title FROM shelf_volume WHERE id = 1")


@case(REPEATS, 3, 3, 3)
def the_same_relation_of_a_relation(shelf):
    for _ in range(3):
        shelf.all(Volume).get(title="volume 0").writer.profile.website


@case(REPEATS, 3)
def the_same_while_something_else_is_written(shelf):
    for number in range(3):
        shelf.all(Writer).get(name="writer 0")
        shelf.make(Genre, name=f"new {number}")


@case(SILENT)
def validating_each_row(shelf):
    for volume in shelf.all(Volume):
        volume.full_clean()
    for profile in shelf.all(Profile):
        profile.full_clean()


@case(SILENT)
def validating_the_same_row_again(shelf):
    volume = shelf.all(Volume)[0]
    for _ in range(3):
        volume.full_clean()


@case(SILENT)
def validating_constraints_of_each_row(shelf):
    is_unique = models.UniqueConstraint(fields=["name"], name="one_name")
    is_not_empty = models.CheckConstraint(condition=~models.Q(name=""), name="a_name")
    for genre in shelf.all(Genre):
        is_unique.validate(Genre, genre, using=shelf.using)
        is_not_empty.validate(Genre, genre, using=shelf.using)


@case(SILENT, rows=6)
def pages_of_a_filter_by_the_last_key(shelf):
    last = 0
    while volumes := list(shelf.all(Volume).filter(summary="long", pk__gt=last)[:2]):
        last = volumes[-1].pk


@case(SILENT, rows=6)
def pages_of_a_filter_backwards(shelf):
    last = 10**9
    volumes = shelf.all(Volume).filter(summary="long").order_by("-pk")
    while page := list(volumes.filter(pk__lt=last)[:2]):
        last = page[-1].pk


@case(SILENT, rows=6)
def pages_by_two_columns(shelf):
    title, key = "", 0
    volumes = shelf.all(Volume).order_by("title", "pk")
    while page := list(volumes.filter(Q(title__gt=title) | Q(title=title, pk__gt=key))[:2]):
        title, key = page[-1].title, page[-1].pk


@case(SILENT, rows=6)
def pages_of_a_filter_by_two_columns(shelf):
    title, key = "", 0
    volumes = shelf.all(Volume).filter(summary="long").order_by("title", "pk")
    while page := list(volumes.filter(Q(title__gt=title) | Q(title=title, pk__gt=key))[:2]):
        title, key = page[-1].title, page[-1].pk


@case(SILENT, rows=6)
def pages_of_a_filter_by_a_list(shelf):
    last = 0
    volumes = shelf.all(Volume).filter(summary="long", title__in=[f"volume {n}" for n in range(6)])
    while page := list(volumes.filter(pk__gt=last)[:2]):
        last = page[-1].pk


@case(SILENT, rows=6)
def pages_of_rows_behind_one_foreign_key(shelf):
    publisher = shelf.all(Publisher)[0]
    shelf.all(Volume).update(publisher=publisher)
    last = 0
    while page := list(publisher.volumes.filter(pk__gt=last).order_by("pk")[:2]):
        last = page[-1].pk


@case(SILENT, rows=1)
def levels_of_a_tree(shelf):
    level = [shelf.all(Writer)[0].pk]
    for children in (2, 3, 4):
        mentors = [level[number % len(level)] for number in range(children)]
        level = [shelf.make(Writer, name="pupil", mentor_id=mentor).pk for mentor in mentors]
    level = [shelf.all(Writer)[0].pk]
    while level:
        level = [*shelf.all(Writer).filter(mentor__in=level).values_list("pk", flat=True)]


@case(SILENT, rows=6)
def lists_that_are_longer_and_longer(shelf):
    keys = [*shelf.all(Writer).values_list("pk", flat=True)]
    for group in (keys[:1], keys[1:3], keys[3:]):
        list(shelf.all(Writer).filter(pk__in=group))


@case(SILENT, rows=6)
def lists_that_are_shorter_and_shorter(shelf):
    keys = [*shelf.all(Writer).values_list("pk", flat=True)]
    for number in range(3):
        list(shelf.all(Writer).filter(pk__in=keys[: 5 - number]))


@case(SILENT, rows=6)
def chunks_of_keys(shelf):
    keys = [*shelf.all(Writer).values_list("pk", flat=True)]
    for start in (0, 4):
        list(shelf.all(Writer).filter(pk__in=keys[start : start + 4]))


@case(SILENT)
def two_rows_by_their_index(shelf):
    volumes = shelf.all(Volume)
    for index in range(2):
        volumes[index]


@case(SILENT)
def columns_that_differ_in_two_queries(shelf):
    for name in ("name", "biography"):
        shelf.all(Writer).only(name).get(name="writer 0")


@case(SILENT)
def rows_and_their_number(shelf):
    def rows_of(name):
        volumes = shelf.all(Volume).filter(title=name)
        return [ask(volumes) for ask in (list, len, type(volumes).count, type(volumes).exists)]

    for name in ("volume 0", "volume 1"):
        rows_of(name)


@case(SILENT)
def choices_of_one_form(shelf):
    str(formset_of(shelf, 1))


@case(SILENT)
def choices_of_two_forms(shelf):
    str(formset_of(shelf, 2))


@case(SILENT)
def choices_that_are_loaded_once(shelf):
    formset = formset_of(shelf, 3)
    choices = list(formset[0].fields["writer"].choices)
    for form in formset:
        form.fields["writer"].choices = choices
    str(formset)


@case(REPEATS, 3)
def choices_of_three_fields_of_one_form(shelf):
    fields = {f"writer_{number}": ModelChoiceField(shelf.all(Writer)) for number in range(3)}
    str(type("WritersForm", (Form,), fields)())


class Visitor(Client):
    """Log in as Django's client does, into a table of the shelf."""

    def __init__(self, shelf):
        super().__init__()
        self.shelf = shelf

    def _login(self, user, backend=None):
        sessions = self.shelf.all(Note)
        sessions.filter(object_id=user.pk, text="session").exists()
        self.shelf.make(Note, subject=user, text="session")
        [volume.writer.name for volume in user.volumes.all()]


@case(SILENT)
def log_ins(shelf):
    visitor = Visitor(shelf)
    for publisher in shelf.all(Publisher):
        visitor.force_login(publisher, backend="shelf")


@case(REPEATS, 3)
def the_same_index(shelf):
    volumes = shelf.all(Volume)
    for _ in range(3):
        volumes[1]


@case(REPEATS, 9)
def three_values_again_and_again(shelf):
    for number in (0, 1, 2) * 3:
        shelf.all(Writer).get(name=f"writer {number}")


@case(REPEATS, 4)
def rows_behind_two_rows_that_were_got_apart(shelf):
    one = shelf.all(Publisher).get(name="publisher 0")
    other = shelf.all(Publisher).get(name="publisher 1")
    for publisher in (one, other) * 2:
        publisher.volumes.count()


@case(REPEATS, 3)
def rows_behind_the_relation_of_one_row(shelf):
    volume = shelf.all(Volume).select_related("writer")[0]
    for _ in range(3):
        list(volume.writer.volume_set.filter(title__contains="volume"))


@case(REPEATS, 3, 6)
def rows_behind_the_relation_of_one_row_that_is_got_again(shelf):
    for _ in range(3):
        volume = shelf.all(Volume).select_related("writer").get(title="volume 0")
        [volume.writer.volume_set.count() for _ in range(2)]


@case(SILENT)
def pages_of_twenty_and_one_more(shelf):
    for last in (0, 20, 40):
        list(shelf.all(Volume).filter(summary="long", pk__gt=last)[:21])
