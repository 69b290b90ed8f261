"""Rows and querysets know where they come from, and are otherwise unchanged."""

import copy
import pickle

import pytest
from django.db.models import Manager, Prefetch
from django.db.models.query import ModelIterable, QuerySet
from django.db.models.signals import post_init

from pytest_dbperf.callsites.callsite import line_of
from pytest_dbperf.probes import querysets
from pytest_dbperf.recording.loads import FetchedRows, LoadedVia, QuerySetOrigin
from pytest_dbperf.recording.recorder import Recorder
from shelf.models import Chapter, Publisher, Volume, Writer
from shelf.relations import Draft, KeptQuerySet
from tests.repeats.table import Shelf

pytestmark = pytest.mark.django_db


def batch_of(instance):
    """The rows that it was fetched with."""
    return instance._state._dbperf_rows


def load_of(instance):
    """The feature of the ORM and the relation that loaded it."""
    load = batch_of(instance).load
    return load.via, load.name


@pytest.fixture
def shelf():
    """Two rows of each model."""
    return Shelf("default", 2)


@pytest.fixture
def recording(recorder, shelf):
    """Record the whole test."""
    with recorder.record() as recording:
        yield recording


def test_rows_of_one_query_are_one_batch(recording):
    """Another query makes another batch."""
    one, other = Volume.objects.all()
    again = Volume.objects.first()

    assert batch_of(one) is batch_of(other)
    assert batch_of(again) is not batch_of(one)


def test_nothing_is_noted_without_call_sites(recorder, shelf):
    """Neither on querysets nor on rows."""
    with recorder.record(call_sites=False):
        volumes = Volume.objects.all()
        volume = volumes[0]
        genres = volume.genres.all()

    assert querysets.origin_of(volumes) is None
    assert querysets.origin_of(genres) is None
    assert batch_of(volume) is None


def test_a_queryset_in_the_body_of_a_class_is_noted_before_any_recording(recorder, shelf):
    """A view has its queryset from there, and is imported before any test."""

    class View:
        volumes = Volume.objects.order_by("pk")
        chapters = Chapter.objects.filter(pk=1)

    with recorder.record():
        volume = View.volumes.all()[0]

    assert batch_of(volume).made_at[0][0].co_name == "View"
    assert [code.co_name for code, _ in querysets.origin_of(View.chapters).path[:2]] == [
        "get_queryset",
        "View",
    ]


def test_what_a_module_makes_is_noted(recorder):
    """Also by a function of its manager alone, with nothing above."""
    made = {"manager": Volume.objects}
    exec(compile("volumes = manager.get_queryset()", __file__, "exec"), made)

    assert querysets.origin_of(made["volumes"]).path[0][0].co_name == "<module>"


def test_a_queryset_that_no_manager_makes_is_noted(recorder):
    """Its class may have a constructor, and a constructor of yours may make it."""

    class View:
        drafts = KeptQuerySet(Draft)

        def __init__(self):
            self.drafts = QuerySet(Draft)

    with recorder.record():
        view = View()

    assert [code.co_name for code, _ in querysets.origin_of(View.drafts).path[:1]] == ["View"]
    assert [code.co_name for code, _ in querysets.origin_of(view.drafts).path[:1]] == ["__init__"]


@pytest.mark.parametrize("thing_of", [lambda: Volume.objects.first(), lambda: Volume.objects.all()])
@pytest.mark.parametrize("way", [lambda thing: pickle.loads(pickle.dumps(thing)), copy.copy, copy.deepcopy])
def test_what_has_a_note_can_be_copied_and_pickled(recording, thing_of, way):
    """Caches copy and pickle querysets and rows."""
    thing = thing_of()

    assert type(way(thing)) is type(thing)


@pytest.mark.parametrize("note", [QuerySetOrigin(()), FetchedRows()])
def test_a_note_stays_in_its_process(note):
    """Unpickling does not need this package. A copy in the same process keeps the note."""
    assert b"dbperf" not in pickle.dumps(note)
    assert pickle.loads(pickle.dumps(note)) is None
    assert copy.copy(note) is note
    assert copy.deepcopy(note) is note


def test_a_batch_knows_where_its_queryset_was_made_and_evaluated(recording):
    """A fix changes the line that creates it; the other line evaluates it."""
    volumes = Volume.objects.order_by("title")
    made = line_of(querysets.origin_of(volumes).path[0])
    evaluated = next(iter(volumes))

    assert line_of(batch_of(evaluated).made_at[0]) == made
    assert line_of(batch_of(evaluated).evaluated[0]) == made + 2


def test_a_batch_knows_the_rows_that_it_was_loaded_for(recording):
    """By a relation, a related manager, a join or a prefetch."""
    volume = Volume.objects.all()[0]
    [of_publisher] = volume.publisher.volumes.all()
    joined = Volume.objects.select_related("writer__profile").first()
    prefetched = Publisher.objects.prefetch_related("volumes").first().volumes.all()[0]

    assert load_of(volume.writer) == (LoadedVia.TO_ONE, "writer")
    assert batch_of(volume.writer).load.batch is batch_of(volume)
    assert load_of(of_publisher) == (LoadedVia.TO_MANY, "volumes")
    assert batch_of(joined.writer.profile).load.batch.load.batch is batch_of(joined)
    assert load_of(prefetched) == (LoadedVia.PREFETCH, "volumes")


@pytest.mark.parametrize("relation", ["volumes", "fairs"])
def test_a_related_manager_of_one_alias_is_known_with_its_relation(recording, relation):
    """It calls using(), as the managers of generic relations do."""
    publisher = Publisher.objects.first()
    manager = publisher.volumes if relation == "volumes" else publisher.been_to
    origin = querysets.origin_of(manager.db_manager("default").all())

    assert type(origin.manager.instance) is Publisher
    assert origin.clones == 0


def test_a_queryset_that_a_prefetch_filters_is_none_of_the_relation(recording):
    """It is yours, and you may evaluate it again."""
    volumes = Volume.objects.order_by("pk")
    list(Publisher.objects.prefetch_related(Prefetch("volumes", volumes)))

    assert querysets.origin_of(volumes).manager is None


def test_a_relation_without_a_row_is_joined_as_none(recording):
    """There is no instance that could have a note."""
    Volume.objects.update(publisher=None)

    assert Volume.objects.select_related("publisher").first().publisher is None


@pytest.mark.filterwarnings("ignore:Calling select_related")
def test_all_relations_may_be_joined(recording):
    """Without names, Django joins the foreign keys that cannot be null."""
    volume = Volume.objects.select_related().first()

    assert batch_of(volume).joined == ("writer",)
    assert batch_of(volume.writer).load.name == "writer"
    assert batch_of(volume.writer).load.batch is batch_of(volume)


def test_an_instance_that_is_known_from_elsewhere_keeps_its_batch(recording):
    """What is joined both ways is one object, and was loaded with the first."""
    writer = Writer.objects.select_related("profile__writer").first()

    assert writer.profile.writer is writer
    assert batch_of(writer).load is None


def test_a_query_of_a_signal_does_not_take_the_place_of_the_rows(recording):
    """A row's signal may query before the row is returned."""
    seen = []

    def ask(instance, **_):
        seen.append(Publisher.objects.count())

    post_init.connect(ask, sender=Volume)
    try:
        volume = Volume.objects.first()
    finally:
        post_init.disconnect(ask, sender=Volume)

    assert seen
    assert batch_of(volume).load is None
    assert "shelf_volume" in recording.queries[0].sql


def test_rows_that_were_not_recorded_have_no_batch(recorder, shelf):
    """The recording ended between the query and its rows."""
    with recorder.record():
        rows = iter(ModelIterable(Volume.objects.select_related("writer")))

    assert [batch_of(row) for row in rows] == [None, None]


def test_a_generator_of_rows_that_is_not_used_up_is_closed(recording):
    """A server-side cursor must not stay open until the garbage collector runs."""
    rows = Volume.objects.iterator(chunk_size=1)
    next(rows)
    rows.close()

    assert Volume.objects.count() == 2


def test_no_rows_have_no_batch(recording):
    """An empty result is one, too."""
    assert list(Writer.objects.filter(name="nobody")) == []
    assert list(Writer.objects.none()) == []


def test_a_wrapper_around_ours_still_works(shelf):
    """Also after the recording has ended."""
    recorder = Recorder()
    undo = querysets.install(recorder)
    ours = QuerySet._clone
    QuerySet._clone = lambda self: ours(self)
    try:
        undo()
        assert Volume.objects.filter(title="volume 0").count() == 1
    finally:
        QuerySet._clone = ours.__wrapped__


class Other:
    """An object that is no queryset, and allows no attributes."""

    __slots__ = ()


class Strange(Manager.from_queryset(QuerySet)):
    """A manager that returns something else."""

    _queryset_class = staticmethod(lambda **_: Other())


def test_a_manager_may_return_anything(recording):
    """Custom managers may return anything."""
    assert isinstance(Strange().get_queryset(), Other)


def test_what_is_made_of_a_row_need_not_be_an_instance(recording, monkeypatch):
    """Some make values of it."""
    monkeypatch.setattr(Publisher, "from_db", classmethod(lambda cls, db, names, values, **_: values[1]))

    assert list(Publisher.objects.order_by("pk")) == ["publisher 0", "publisher 1"]
