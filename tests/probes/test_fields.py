"""Some probes make named tuples without the constructor, for speed: each value must stand in its field."""

from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest
from asgiref.sync import async_to_sync, sync_to_async

from pytest_dbperf.recording.cause import Cause
from pytest_dbperf.recording.events import Hop, HopEnded, Query
from pytest_dbperf.recording.loads import FetchedRows, QuerySetOrigin
from shelf.models import Volume, Writer
from tests.repeats.table import Shelf

pytestmark = pytest.mark.django_db


def fits(value, hint):
    """Whether a value is of the type that its field declares; of a generic type, the origin is compared."""
    if hint is Any:
        return True
    if get_origin(hint) in (Union, UnionType):
        return any(fits(value, each) for each in get_args(hint))
    return isinstance(value, get_origin(hint) or hint)


def load_writers():
    """Load rows that belong to other rows."""
    return [volume.writer for volume in Volume.objects.defer("title")]


@pytest.fixture
def made(recorder):
    """One tuple of each type, as the probes make them."""
    Shelf("default", 1)
    with recorder.record() as recording:
        [writer] = async_to_sync(sync_to_async(load_writers))()
    hop = next(hop for hop in recording.of_type(Hop) if hop.via == "sync_to_async")
    query = recording.queries[-1]
    rows = writer._state._dbperf_rows
    fetched = rows.load.batch
    tuples = [query, query.cause, hop, recording.of_type(HopEnded)[0], fetched, fetched.origin]
    return {type(each): each for each in tuples}


@pytest.mark.parametrize("type_", [Query, Cause, Hop, HopEnded, FetchedRows, QuerySetOrigin])
def test_every_value_is_in_its_field(made, type_):
    """A field that is added to a type must be added to its probe, too."""
    event = made[type_]
    hints = get_type_hints(type_)

    assert len(event) == len(type_._fields)
    assert {name for name in hints if not fits(getattr(event, name), hints[name])} == set()


def test_the_values_of_a_query_and_a_hop_are_their_own(made):
    """Fields of the same type must not be mixed up."""
    query, hop, ended, cause = made[Query], made[Hop], made[HopEnded], made[Cause]

    assert (query.using, query.executions, query.load.name) == ("default", 1, "writer")
    assert (hop.via, hop.function, hop.origin, hop.part) == ("sync_to_async", "load_writers", "project", "")
    assert (cause.hop, ended.number) == (hop.number, hop.number)
    assert made[FetchedRows].query.statement.tables == (Volume._meta.db_table,)
    assert made[QuerySetOrigin].manager is None
    assert query.statement.tables == (Writer._meta.db_table,)
