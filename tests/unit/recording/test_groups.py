"""Equal events are grouped."""

from array import array

import pytest

from pytest_dbperf.recording.compacted_values import CompactedValues
from pytest_dbperf.recording.groups import distinct, groups_of_hops, groups_of_queries, number_of_runs
from pytest_dbperf.recording.loads import LoadedVia, RelationLoad
from pytest_dbperf.sql.asked import marked
from tests.factories import hop, query, request, site

VIEW, SERIALIZER = site("view", line=40), site("serialize", line=31)


def test_queries_that_differ_in_values_are_one_group():
    """The fingerprint decides, not the text."""
    groups = groups_of_queries([query("SELECT 1"), query("SELECT 2")])

    assert [group.count for group in groups] == [2]


def test_the_most_frequent_group_is_first():
    """A reader looks at the first one."""
    groups = groups_of_queries([query("SELECT a"), query("SELECT b"), query("SELECT b")])

    assert [group.statement.fingerprint for group in groups] == ["SELECT b", "SELECT a"]


def test_groups_of_one_size_keep_their_order():
    """The group that happened first comes first."""
    groups = groups_of_queries([query("SELECT b"), query("SELECT a")])

    assert [group.statement.fingerprint for group in groups] == ["SELECT b", "SELECT a"]


def test_alias_call_path_and_request_separate_groups():
    """The same query from two lines is two findings."""
    queries = [
        query(),
        query(using="other"),
        query(path=[VIEW]),
        query(path=[SERIALIZER, VIEW]),
        query(request=request(1)),
        query(request=request(2)),
    ]

    assert len(groups_of_queries(queries)) == 6


def test_a_recursion_is_one_group_at_any_depth():
    """The repeated part of a call path is left out."""
    queries = [query(path=[SERIALIZER, VIEW]), query(path=[SERIALIZER, SERIALIZER, VIEW])]

    groups = groups_of_queries(queries)

    assert [group.call_path for group in groups] == [(SERIALIZER, VIEW)]


def test_different_parameters_are_counted():
    """The number of different parameters tells a loop from a repetition."""
    queries = [query(parameters=1), query(parameters=1), query(parameters=2)]

    assert groups_of_queries(queries)[0].distinct == 2


def test_unknown_parameters_are_not_counted():
    """If one query has no hash, the number of different parameters is None."""
    assert groups_of_queries([query(parameters=1), query(parameters=None)])[0].distinct is None


def test_the_time_of_a_group_is_the_sum():
    """The seconds of its queries are added up."""
    assert groups_of_queries([query(seconds=0.25), query(seconds=0.5)])[0].seconds == 0.75


def test_hops_are_grouped_by_function_origin_and_path():
    """Equal hops from one line are one finding."""
    hops = [hop("load"), hop("load"), hop("save"), hop("load", origin="django"), hop("load", path=[VIEW])]

    assert [group.count for group in groups_of_hops(hops)] == [2, 1, 1, 1]


def test_values_written_into_the_text_are_parameters():
    """Queries that differ only in such a value count as different."""
    one, other = query("SELECT a FROM t WHERE b = 1"), query("SELECT a FROM t WHERE b = 2")

    [group] = groups_of_queries([one, other, other])

    assert (group.count, group.distinct) == (3, 2)


def test_a_million_different_parameters_are_counted_too():
    """Counting also works if one object stands for many queries."""
    most = 450_000
    times = array("d", [0.0] * most)
    values = CompactedValues(times, times, array("q", range(-5, most - 5)), None, None)

    groups = groups_of_queries([*[query()._replace(compacted=values)] * most, query(parameters=7)])

    assert [(group.count, group.distinct) for group in groups] == [(most + 1, most)]


def test_the_runs_of_equal_parameters_are_counted():
    """Also if one object stands for many queries, and for values in the text."""
    times = array("d", [0.0] * 5)
    values = CompactedValues(times, times, array("q", [1, 1, 2, 2, 1]), None, None)
    compacted = query()._replace(compacted=values)
    texts = [query(f"SELECT a FROM t WHERE b = {value}") for value in (1, 1, 2)]

    assert number_of_runs([compacted] * 5, "parameters") == 3
    assert number_of_runs([query(parameters=7), *[compacted] * 5], "parameters") == 4
    assert number_of_runs(texts, "parameters") == 2


def test_the_mark_of_a_list_makes_no_difference():
    """Lists that begin differently may stand beside one and the same value."""
    sql = "SELECT a FROM t WHERE b = %s AND c IN (%s, %s)"

    assert distinct([query(sql, parameters=marked(7, first << 50)) for first in (1, 2, 3)], "parameters") == 1


@pytest.mark.parametrize("field", ["row", "instance"])
def test_rows_and_instances_are_counted_like_parameters(field):
    """An unknown one makes the number unknown."""
    loads = [RelationLoad(LoadedVia.TO_ONE)._replace(**{field: value}) for value in (1, 2, 1)]
    queries = [query(load=load) for load in loads]

    assert distinct(queries, field) == 2
    assert number_of_runs(queries, field) == 3
    assert distinct([*queries, query()], field) is None
