"""Parameters of statements are kept only while a budget asks for samples."""

import asyncio
from collections import UserList
from typing import NamedTuple

import pytest
from asgiref.sync import sync_to_async
from django.db import ProgrammingError, connections

from pytest_dbperf.probes import queries
from pytest_dbperf.recording.events import Sample
from shop.models import Author

pytestmark = pytest.mark.django_db(databases=["default", "sqlite"])


@pytest.fixture
def sampling(recorder):
    """Make a recording that wants samples."""

    def record(**options):
        return recorder.record(samples=True, **options)

    return record


def samples_of(recording):
    """What was kept: text and parameters."""
    return [(sample.sql, sample.parameters) for sample in recording.of_type(Sample)]


def ask(sql="SELECT %s", parameters=(1,), using="sqlite"):
    """Run a statement."""
    with connections[using].cursor() as cursor:
        cursor.execute(sql, parameters)


def test_nothing_is_kept_unless_it_is_wanted(recorder, sampling):
    """Neither before nor after."""
    with recorder.record() as recording:
        ask()
        with sampling():
            ask()
        ask()
        assert recorder.sampled is None

    assert len(samples_of(recording)) == 1


def test_one_sample_is_kept_of_each_text_and_alias(sampling, using):
    """The first; with Django's own placeholders."""
    with sampling() as recording:
        ask("SELECT %s", [1], using)
        ask("SELECT %s", [2], using)
        ask("SELECT 1", None, using)
        Author.objects.using(using).filter(name="Ada").count()

    assert [parameters for _, parameters in samples_of(recording)] == [(1,), None, ("Ada",)]
    assert {sample.using for sample in recording.of_type(Sample)} == {using}


def test_the_list_is_copied_and_the_values_are_the_users_own(sampling):
    """Changes to the list make no difference, and no code of the values runs."""

    class Touchy(int):
        def __hash__(self):
            raise AssertionError("somebody asked")

        __eq__ = __repr__ = __str__ = __hash__

    class Pair(NamedTuple):
        one: int
        two: int

    touchy = Touchy(1)
    given = [touchy, 2]
    with sampling() as recording:
        ask("SELECT %s, %s", given)
        ask("SELECT %s, %s AS b", Pair(3, 4))
        given.clear()

    [(_, first), (_, second)] = samples_of(recording)
    assert first[0] is touchy
    assert len(first) == 2
    assert type(second) is tuple


def test_names_are_copied_too(sampling):
    """As a dictionary."""
    given = {"a": 1}
    with sampling() as recording:
        ask("SELECT %(a)s", given)
        given.clear()

    assert samples_of(recording) == [("SELECT %(a)s", {"a": 1})]


def test_of_many_sets_the_first_is_kept(sampling):
    """Unless reading it would exhaust an iterator."""
    insert = "INSERT INTO shop_author (name) VALUES (%s)"
    with sampling() as recording, connections["default"].cursor() as cursor:
        cursor.executemany(f"{insert} -- a", [("a",), ("b",)])
        cursor.executemany(f"{insert} -- b", iter([("a",), ("b",)]))
        cursor.executemany(f"{insert} -- c", [])

    assert samples_of(recording) == [(f"{insert} -- a", ("a",))]
    assert Author.objects.count() == 4


def test_a_sequence_of_your_own_is_left_out(sampling):
    """The driver takes it, but copying it would run code of yours."""
    with sampling() as recording:
        ask("SELECT %s", UserList([1]))

    assert len(recording.queries) == 1
    assert samples_of(recording) == []


def test_parameters_of_a_kind_that_is_unknown_are_left_out(sampling):
    """Copying them could run code of yours."""
    with sampling() as recording:
        with pytest.raises((TypeError, ValueError, ProgrammingError)):
            ask("SELECT %s", object())

    assert samples_of(recording) == []


def test_a_window_has_samples_of_its_own(sampling):
    """Also of texts that ran before it, with the parameters from inside."""
    with sampling() as outer:
        ask(parameters=(1,))
        with sampling() as inner:
            ask(parameters=(2,))
        ask(parameters=(3,))

    assert [parameters for _, parameters in samples_of(inner)] == [(2,)]
    assert samples_of(outer)[0][1] == (1,)


def test_what_is_paused_is_not_kept_and_does_not_stand_in_the_way(recorder, sampling):
    """The same text after the pause is."""
    with sampling() as recording:
        with recorder.pause():
            ask(parameters=(1,))
        ask(parameters=(2,))

    assert [parameters for _, parameters in samples_of(recording)] == [(2,)]


async def test_a_window_of_a_task_has_the_samples_of_the_task(sampling):
    """Although another task ran the same text before."""
    recordings = {}

    async def work(number):
        with sampling(task=True) as recordings[number]:
            for _ in range(2):
                await asyncio.sleep(0)
                await sync_to_async(ask)("SELECT %s", (number,))

    await asyncio.gather(work(1), work(2))

    for number, recording in recordings.items():
        assert {parameters for _, parameters in samples_of(recording)} == {(number,)}


def test_the_number_of_texts_is_bounded(sampling, monkeypatch):
    """A test may write a new one each time."""
    monkeypatch.setattr(queries, "_MOST_SAMPLES", 2)
    with sampling() as recording:
        for number in range(3):
            ask(f"SELECT {number}", None)

    assert len(samples_of(recording)) == 2
