"""What repeats is found by where it came from, and judged by what differed."""

import pytest

from pytest_dbperf.budgets.no_n_plus_one import NoNPlusOne
from pytest_dbperf.budgets.no_repeated_queries import NoRepeatedQueries
from pytest_dbperf.budgets.no_write_loops import NoWriteLoops
from pytest_dbperf.budgets.query_budget import QueryBudget
from pytest_dbperf.diagnosis import eager_loading
from pytest_dbperf.diagnosis.differences import root_of
from pytest_dbperf.diagnosis.eager_loading import eager_loading_for
from pytest_dbperf.diagnosis.loops import in_turns
from pytest_dbperf.diagnosis.repeats import n_plus_ones, repeated, write_loops
from pytest_dbperf.probes.parameters import hash_of_asked
from pytest_dbperf.recording.cause import Cause
from pytest_dbperf.recording.loads import FetchedRows, LoadedVia, QuerySetOrigin, RelationLoad
from tests.factories import query, recording, request, site

VIEW = site("view", "/srv/app/views.py", 7)
OTHER = site("other", "/srv/app/views.py", 19)
HELPER = site("helper", "/srv/app/helpers.py", 3)


ONE, OTHER_ONE = FetchedRows(), FetchedRows(defers=False)


class Campaign:
    """A stand-in for a model: the diagnosis reads its name only."""


def asked(*parameters, sql="SELECT a FROM t WHERE id = %s", path=(VIEW,), **known):
    """Queries with these parameters."""
    return [query(sql, parameters=each, path=path, **known) for each in parameters]


def loaded(*rows, kind=LoadedVia.TO_ONE, batch=None, name="owner", path=(VIEW,), **known):
    """Loads of a relation for these rows."""
    return [
        query(parameters=0, path=path, load=RelationLoad(kind, Campaign, name, row, batch, **known))
        for row in rows
    ]


JOINED = FetchedRows(load=RelationLoad(LoadedVia.TO_ONE, name="owner", batch=ONE))


JOINED_ALONE = FetchedRows(load=RelationLoad(LoadedVia.TO_ONE, name="owner", batch=OTHER_ONE))


def shared(*instances, kind=LoadedVia.TO_MANY, joined=JOINED, **known):
    """Loads for these instances of one row, which was joined to other rows."""
    load = RelationLoad(kind, Campaign, "pets", 1, joined, **known)
    return [query(parameters=0, path=(VIEW,), load=load._replace(instance=each)) for each in instances]


def lists(*lengths, first=1, others=(), sql="SELECT a FROM t WHERE id IN ({})"):
    """Queries for lists of these lengths."""
    found = []
    for number in lengths:
        text = sql.format(", ".join(["%s"] * number))
        values = (*range(first, first + number), *others)
        found.append(query(text, parameters=hash_of_asked(text, values), path=(VIEW,)))
    return found


def counts(repeats):
    """The number of queries of each."""
    return [repeat.count for repeat in repeats]


@pytest.mark.parametrize(
    "queries, found",
    [
        (asked(1, 2, 3), [3]),
        (asked(1, 2), []),
        (asked(1, 2, 3, 3), [4]),
        (asked(1, 1, 2, 2), []),
        (asked(1, 1, 2, 2, 3, 3), [6]),
        (asked(1, 2, 2, 2, 3, 3, 3, 3, 1), [9]),
        (asked(1, 2, 3, 1, 2, 3), []),
        (asked(1, 1, 2, 2, 1, 1, 3, 3, 2, 2), []),
        (asked(1, 2, None), []),
        (asked(1, 2, sql="SELECT a FROM t LIMIT 1 OFFSET 1"), []),
        (asked(1, 1, 1), []),
        (asked(None, None, None), []),
        (asked(1, 2, 3, sql="SELECT a FROM t WHERE id IN (%s)"), [3]),
        (asked(1, 2, 3, sql="SELECT a FROM t WHERE id IN (%s, %s)"), []),
        (asked(1, 2, 3, sql="SELECT a FROM t WHERE id = ANY(%s)"), []),
        (asked(1, 2, 3, sql="SELECT a FROM t WHERE (id, n) IN ((%s, %s), (%s, %s))"), []),
        (asked(1, 2, 3, sql="SELECT a FROM t WHERE (id = %s OR id = %s)"), []),
        (asked(1, 2, 3, sql="UPDATE t SET a = %s"), []),
        (asked(1, 2, path=(VIEW,)) + asked(3, path=(OTHER,)), []),
        (asked(1, using="default") + asked(2, 3, using="replica"), []),
        (asked(1, 2, request=request(1)) + asked(3, request=request(2)), []),
        (loaded(1, 2), [2]),
        (loaded(1, 1), []),
        (loaded(None, None), []),
        (loaded(1, 2, batch=FetchedRows()), [2]),
        (loaded(1, batch=FetchedRows()) + loaded(2, batch=FetchedRows()), []),
        (
            loaded(1, batch=FetchedRows()) + loaded(2, batch=FetchedRows()) + loaded(3, batch=FetchedRows()),
            [3],
        ),
        (loaded(1, 2, batch=ONE) + loaded(1, 2, batch=OTHER_ONE), [4]),
        (loaded(1, batch=ONE) + loaded(1, batch=OTHER_ONE), []),
        (loaded(1, None, batch=ONE) + loaded(1, 2, batch=OTHER_ONE), []),
        (loaded(1, 2, is_plain_relation=False), []),
        (loaded(1, 2, kind=LoadedVia.PREFETCH, rows=3), []),
        (loaded(1, 2, 3, kind=LoadedVia.CACHE), []),
        (loaded(1, 2, 3, kind=LoadedVia.VALIDATION), []),
        (loaded(1, name="owner") + loaded(2, name="venue"), []),
        (loaded(1, 1, 2, 2, batch=ONE), [4]),
        (loaded(1, 2, 1, 2, 1, 2, batch=ONE, is_plain_relation=False), [6]),
        (loaded(1, 1, 1, batch=ONE), []),
        (loaded(1, 2, 1, 2), []),
        (loaded(1, 1, 2, 2, 3, 3), [6]),
        (loaded(1, 1, batch=ONE) + loaded(2, 2, batch=OTHER_ONE), []),
        (loaded(1, 1, kind=LoadedVia.FORM), []),
        (loaded(1, 2, kind=LoadedVia.FORM, is_plain_relation=False), []),
        (loaded(1, 2, 3, kind=LoadedVia.FORM, is_plain_relation=False), [3]),
        (loaded(1, 2, 3, kind=LoadedVia.PREPARATION), []),
        (shared(7, 8), [2]),
        (shared(7, 7), []),
        (shared(None, None), []),
        (shared(7, 8, 9, is_plain_relation=False), [3]),
        (shared(7, 7, 7, is_plain_relation=False), []),
        (shared(7, 7) + shared(8, 8, joined=JOINED_ALONE), []),
        (shared(7, 7, kind=LoadedVia.DEFERRED), []),
        (shared(7, 7, kind=LoadedVia.TO_ONE), [2]),
    ],
)
def test_distinct_values_from_one_path_are_n_plus_one(queries, found):
    """Two lazy loads are enough; other queries need three."""
    assert counts(n_plus_ones(queries)) == found


@pytest.mark.parametrize(
    "queries, found",
    [
        (lists(1, 2, 3), [3]),
        (lists(2, 4, 9), [3]),
        (lists(1, 2), []),
        (lists(3, 2, 1), []),
        (lists(2, 3, 3), []),
        (lists(1) + lists(2, first=7) + lists(3, first=9), []),
        (lists(1, 2) + lists(3, first=9), []),
        (lists(1) + asked(None, None, sql="SELECT a FROM t WHERE id IN (%s, %s)"), []),
        (lists(2, 3, 4, others=(5,), sql="SELECT a FROM t WHERE id IN ({}) AND b = %s"), [3]),
        (asked(1, 2, sql="SELECT a FROM t WHERE c = %s") + asked(3, sql="SELECT b FROM t WHERE c = %s"), [3]),
        (asked(1, 2, sql="SELECT a FROM t WHERE c = %s") + asked(1, sql="SELECT b FROM t WHERE c = %s"), [3]),
        (asked(1, 1, sql="SELECT a FROM t WHERE c = %s") + asked(1, sql="SELECT b FROM t WHERE c = %s"), []),
        (
            asked(1, 2, sql="SELECT a FROM t WHERE c = %s")
            + asked(3, sql="SELECT COUNT(*) FROM t WHERE c = %s"),
            [],
        ),
        ([each for n in range(3) for each in asked(0, sql=f"SELECT a FROM t LIMIT 1 OFFSET {n}")], [3]),
        (
            asked(0, sql="SELECT a FROM t LIMIT 1")
            + asked(0, sql="SELECT a FROM t LIMIT 1 OFFSET 1")
            + asked(0, sql="SELECT a FROM t LIMIT 1 OFFSET 2"),
            [3],
        ),
        (asked(0, 0, 0, sql="SELECT a FROM t LIMIT 1 OFFSET 1"), []),
        (asked(1, 2, 3, sql="SELECT a FROM t WHERE id > %s LIMIT 5"), []),
    ],
)
def test_statements_that_one_loop_writes_differently_are_one(queries, found):
    """Lists that grow, columns that differ, and rows by their index."""
    assert counts(n_plus_ones(queries)) == found


@pytest.mark.parametrize("threshold, found", [(None, [2, 3]), (2, [2, 3]), (3, [3]), (4, [])])
def test_a_threshold_is_for_all(threshold, found):
    """It replaces both defaults."""
    assert counts(n_plus_ones(loaded(1, 2) + asked(1, 2, 3), threshold)) == found


def test_recursion_is_one_path():
    """The depth of the recursion makes no difference."""
    paths = [(HELPER, VIEW), (HELPER, HELPER, VIEW), (HELPER, OTHER, HELPER, VIEW)]
    queries = [query(parameters=number, path=path) for number, path in enumerate(paths)]

    assert counts(n_plus_ones(queries)) == [3]


@pytest.mark.parametrize(
    "queries, found",
    [
        (asked(1, 1, 1), [3]),
        (asked(1, 1), []),
        (asked(1, 1, 2, 2, 1, 1), [6]),
        (asked(1, 2, 3), []),
        (asked(None, None, None), []),
        (asked(1, 1) + asked(1, path=(OTHER,)), []),
        (asked(1, 1, request=request()) + asked(1, path=(OTHER,), request=request()), [3]),
        (asked(1, 2, request=request()) + asked(3, path=(OTHER,), request=request()), []),
        (asked(None, request=request()) * 2 + asked(None, path=(OTHER,), request=request()), []),
        (loaded(1, 1, 1), [3]),
        (asked(1, 1, 1, sql="DELETE FROM t WHERE id = %s"), []),
        (asked(1, 1, 1, sql="SELECT a FROM t WHERE id IN (%s, %s)"), [3]),
        (asked(1, 1, 1, sql="SELECT a FROM t WHERE b = %s AND id IN (%s, %s)"), []),
        (loaded(1, 1, 1, kind=LoadedVia.PREFETCH, rows=3), [3]),
    ],
)
def test_few_values_again_and_again_are_repeated(queries, found):
    """Within a request, the call path does not matter."""
    assert counts(repeated(queries)) == found


@pytest.mark.parametrize(
    "queries, found",
    [
        (asked(1, 2, 3, sql="INSERT INTO t (a) VALUES (%s)"), [3]),
        (asked(1, 1, 1, sql="UPDATE t SET a = %s WHERE id = %s"), [3]),
        (asked(1, 2, 3, sql="UPDATE t SET a = %s WHERE b > %s"), []),
        (asked(1, 2, 3, sql="UPDATE t SET a = a + 1 WHERE b >= %s AND c = %s"), [3]),
        (asked(1, 2, 3, sql="DELETE FROM t WHERE b LIKE %s"), []),
        (asked(1, 2, 3, sql="UPDATE t SET a = %s"), []),
        (asked(1, 2, 3, sql="DELETE FROM t WHERE id IN (%s)"), [3]),
        (asked(1, 2, sql="INSERT INTO t (a) VALUES (%s)"), []),
        (asked(1, 2, 3, sql="INSERT INTO t (a) VALUES (%s), (%s)"), []),
        (asked(1, 2, 3, sql="INSERT INTO t (a) SELECT * FROM UNNEST((%s)::text[])"), []),
        (asked(1, 2, 3, sql="DELETE FROM t WHERE id IN (%s, %s)"), []),
        (asked(1, 2, 3, sql="DELETE FROM t WHERE a = %s AND id IN (%s, %s)"), [3]),
        (asked(1, 1, 1, sql="DELETE FROM t WHERE a = %s AND id IN (%s, %s)"), []),
        (asked(1, 2, 3, sql="INSERT INTO t (a) VALUES (%s)", executions=5), []),
        (asked(1, 2, 3), []),
    ],
)
def test_rows_written_one_by_one_are_a_loop(queries, found):
    """The values do not matter."""
    assert counts(write_loops(queries)) == found


def test_a_statement_that_a_wrapper_sends_again_is_not_repeated():
    """The code executed it once."""
    (read,) = asked(1)
    (write,) = asked(1, sql="INSERT INTO t (a) VALUES (%s)")
    reads = [read, *[read._replace(is_sent_again=True)] * 2]
    writes = [write, *[write._replace(is_sent_again=True)] * 2]

    assert counts(n_plus_ones([*reads, *asked(2)], threshold=2)) == [2]
    assert repeated(reads) == []
    assert write_loops(writes) == []


def test_repeats_that_alternate_are_one_finding():
    """Two relations in one loop are one finding; two loops in a row are two."""
    owners, venues = asked(1, 2, 3), asked(1, 2, 3, sql="SELECT b FROM u WHERE id = %s")
    in_one = [each for pair in zip(owners, venues, strict=True) for each in pair]

    assert counts(in_turns(n_plus_ones(in_one))) == [6]
    assert counts(in_turns(n_plus_ones(owners + venues))) == [3, 3]


@pytest.mark.parametrize(
    "known",
    [{"request": request(2)}, {"path": (OTHER,)}],
    ids=["request", "function"],
)
def test_repeats_without_a_common_function_are_two_findings(known):
    """Queries of different tasks alternate by chance."""
    owners = asked(1, 2, 3, request=request(1))
    venues = asked(1, 2, 3, sql="SELECT b FROM u WHERE id = %s", **{"request": request(1), **known})
    in_turn = [each for pair in zip(owners, venues, strict=True) for each in pair]

    assert counts(in_turns(n_plus_ones(in_turn))) == [3, 3]


def test_a_finding_is_blamed_on_its_most_frequent_repeat():
    """Its call path is the one to change first."""
    [finding] = in_turns(n_plus_ones(asked(1, 2, 3)))

    assert finding.call_path == (VIEW,)


def test_rows_that_were_loaded_for_unknown_ones_have_no_root():
    """The recording did not see how these rows were loaded."""
    root = FetchedRows()

    assert root_of(FetchedRows(load=RelationLoad(LoadedVia.TO_ONE, batch=root))) is root
    assert root_of(FetchedRows(load=RelationLoad(LoadedVia.TO_ONE))) is None
    assert root_of(None) is None


@pytest.mark.parametrize(
    "batch",
    [
        None,
        FetchedRows(),
        FetchedRows(load=RelationLoad(LoadedVia.TO_ONE)),
        FetchedRows(QuerySetOrigin((site("row", "/srv/app/list.html", 7),))),
        FetchedRows(query=query()._replace(cause=Cause((VIEW,), request()._replace(cause=Cause((VIEW,)))))),
    ],
    ids=["unknown rows", "no line", "rows of unknown rows", "a template", "the client of the request"],
)
def test_no_change_is_told_without_a_line(batch):
    """A line is never guessed."""
    assert eager_loading_for(n_plus_ones(loaded(1, 2, batch=batch)), ()).changes == []


@pytest.mark.parametrize("outside", [(), (OTHER,), (HELPER,)])
def test_a_queryset_that_was_made_before_is_changed_where_it_is_evaluated(outside):
    """The line is in the request that evaluates it."""
    cause = Cause((VIEW, OTHER), request()._replace(cause=Cause(outside)))
    batch = FetchedRows(query=query()._replace(cause=cause))
    [change] = eager_loading_for(n_plus_ones(loaded(1, 2, batch=batch)), ()).changes

    assert change.site == VIEW


@pytest.mark.parametrize("series, peers", [("5.2.19", None), ("6.0.10", None), ("6.1.3", 1), ("7.0", 1)])
def test_fetch_modes_come_with_a_version_of_django(monkeypatch, series, peers):
    """Versions are compared as numbers."""
    monkeypatch.setattr(eager_loading, "version", {"django": series}.get)
    loads = loaded(1, 2, batch=FetchedRows(QuerySetOrigin((VIEW,))))
    [change] = eager_loading_for(n_plus_ones(loads), ()).changes

    assert change.saves_with_peers == peers


@pytest.mark.parametrize("kind", [NoNPlusOne, NoRepeatedQueries, NoWriteLoops])
@pytest.mark.parametrize(
    "threshold, complaint", [("3", "must be a whole number, got str"), (1, "must be >= 2, got 1")]
)
def test_a_threshold_that_means_nothing_is_refused(kind, threshold, complaint):
    """One query is not repeated."""
    with pytest.raises(ValueError, match=f"{kind.name} threshold {complaint}"):
        kind(threshold)


@pytest.mark.parametrize(
    "budget, queries, headline",
    [
        (NoNPlusOne(), asked(1, 2, 3), "N+1 queries 3 > 0 (+3) in 1 loop"),
        (NoNPlusOne(), asked(1, 2, 3) + asked(1, 2, 3, path=(OTHER,)), "N+1 queries 6 > 0 (+6) in 2 loops"),
        (NoRepeatedQueries(), asked(1, 1, 1), "repeated queries 3 > 0 (+3)"),
        (NoWriteLoops(), asked(1, 2, 3, sql="DELETE FROM t WHERE id = %s"), "single-row writes 3 > 0 (+3)"),
    ],
)
def test_both_numbers_come_first(budget, queries, headline):
    """pytest's short summary cuts the rest."""
    violation = budget.check(recording(*queries))

    assert violation.headline == headline
    assert headline.index(")") < 30
    assert violation.measured == len(queries)


@pytest.mark.parametrize(
    "budget, queries",
    [
        (NoNPlusOne(allow=["Campaign.owner"]), loaded(1, 2)),
        (NoNPlusOne(allow=["owner"]), loaded(1, 2)),
        (NoNPlusOne(allow=["SELECT a FROM t *"]), asked(1, 2, 3)),
        (NoNPlusOne(allow=["views.py:7"]), asked(1, 2, 3)),
        (NoNPlusOne(), asked(1, 1, 1)),
        (NoRepeatedQueries(allow=["view"]), asked(1, 1, 1)),
        (NoRepeatedQueries(4), asked(1, 1, 1)),
        (NoWriteLoops(allow=["t"]), asked(1, 2, 3, sql="DELETE FROM t WHERE id = %s")),
        (NoWriteLoops(4), asked(1, 2, 3, sql="DELETE FROM t WHERE id = %s")),
    ],
)
def test_what_is_allowed_or_too_rare_breaks_nothing(budget, queries):
    """`allow` matches a relation, table, statement or call site."""
    assert budget.check(recording(*queries)) is None


def test_what_repeats_is_worth_a_warning():
    """An allowed query causes no warning."""
    queries = recording(*asked(1, 1, 1))
    [warning] = NoNPlusOne().warnings(queries)

    assert warning.text == (
        "3x  SELECT a FROM t WHERE id = %s   same query, same parameters: cache the result"
    )
    assert warning.call_path == (VIEW,)
    [few] = NoNPlusOne().warnings(recording(*asked(1, 1, 2, 2, 1, 1)))
    assert few.text.endswith("   same query, 2 different parameters: cache the results")
    assert NoNPlusOne(allow=["view"]).warnings(queries) == []


def test_loops_of_all_writes_are_told_what_to_do_instead():
    """Each kind of statement has its own fix, shown once."""
    writes = (
        "INSERT INTO t (a) VALUES (%s)",
        "UPDATE t SET a = 1 WHERE id = %s",
        "DELETE FROM t WHERE id = %s",
    )
    queries = [each for sql in writes for each in asked(1, 2, 3, sql=sql)]
    violation = NoWriteLoops().check(recording(*queries))

    assert [(hint.label, hint.text.partition("(")[0]) for hint in violation.advice] == [
        ("fix", "bulk_create"),
        ("fix", "filter"),
        ("fix", "filter"),
    ]


def test_a_merge_in_a_loop_is_advised_as_one_merge():
    """update() and bulk_update() would not insert."""
    merge = "MERGE INTO t USING (VALUES (%s)) v(id) ON t.id = v.id WHEN MATCHED THEN UPDATE SET a = 1"

    (hint,) = NoWriteLoops().check(recording(*asked(1, 2, 3, sql=merge))).advice

    assert hint.text == "one MERGE for all rows, or bulk_create(objects, update_conflicts=True, ...)"


def test_the_rows_of_a_relation_are_told_with_its_name():
    """`query_budget` shows it too, and `no_repeated_queries` shows one row."""
    violation = QueryBudget(0).check(recording(*loaded(1, 2)))
    again = NoRepeatedQueries().check(recording(*loaded(1, 1, 1)))

    assert violation.evidence[0].note == "N+1: Campaign.owner of 2 rows"
    assert again.evidence[0].note == "Campaign.owner of 1 row"


@pytest.mark.parametrize(
    "sql, answers",
    [
        ("SELECT a FROM t WHERE b = %s", ["load all of them at once, with __in or in_bulk()"]),
        ("SELECT a FROM t WHERE b IN (%s)", ["load all of them at once, with __in or in_bulk()"]),
        (
            "SELECT COUNT(*) AS n FROM t WHERE b = %s",
            ["annotate() the queryset with it, or use values(...).annotate(...)"],
        ),
        ("SELECT 1 AS a FROM t WHERE b = %s LIMIT 1", ["annotate the queryset with Exists(...)"]),
        ("SELECT a FROM t WHERE b > %s AND b < %s", []),
        ("SELECT a FROM t WHERE b LIKE %s", []),
        ("SELECT a FROM t WHERE b = %s AND c <= %s AND d >= %s", []),
        ("SELECT f(%s)", []),
        ("SELECT a FROM t ORDER BY b LIMIT 1 OFFSET %s", []),
    ],
)
def test_what_asks_for_all_values_at_once_depends_on_what_is_asked(sql, answers):
    """A comparison with no value of a row proves nothing, so there is no advice."""
    violation = NoNPlusOne().check(recording(*asked(1, 2, 3, sql=sql)))

    assert [hint.text.partition(": ")[2] for hint in violation.advice] == answers


@pytest.mark.parametrize(
    "method, sql",
    [
        ("bulk_create", "INSERT INTO t (a) VALUES (%s)"),
        ("bulk_update", "UPDATE t SET a = CASE WHEN (id = %s) THEN %s ELSE NULL END WHERE id IN (%s)"),
    ],
)
def test_a_bulk_method_in_batches_of_one_is_told_as_that(method, sql):
    """It is called already, so the fix is its argument. A loop of the same kind beside it has its own fix."""
    load = RelationLoad(LoadedVia.BATCH_OF_ONE, name=method)
    batches = [query(sql, parameters=number, path=(VIEW,), load=load) for number in range(3)]

    violation = NoWriteLoops().check(recording(*batches))
    both = NoWriteLoops().check(recording(*batches, *asked(1, 2, 3, sql="DELETE FROM t WHERE id = %s")))

    fix = f"{method}() has batch_size=1: leave it out, or make it larger"
    assert [(hint.label, hint.text) for hint in violation.advice] == [("fix", fix)]
    assert [hint.text for hint in both.advice] == [fix, "filter(...).delete(), once for all rows"]


def test_each_of_several_findings_keeps_its_own_hint():
    """A hint that is not about all of them names its line."""
    parts = [
        each
        for name, path in (("owner", (VIEW,)), ("venue", (OTHER,)))
        for each in loaded(1, 2, 3, kind=LoadedVia.TO_MANY, name=name, path=path, is_plain_relation=False)
    ]
    violation = NoNPlusOne().check(recording(*parts, *asked(1, 2, 3, path=(HELPER,))))

    assert [(hint.text.partition(": ")[2], hint.sites) for hint in violation.advice] == [
        ('prefetch that part with Prefetch("owner", queryset=..., to_attr=...)', (VIEW,)),
        ('prefetch that part with Prefetch("venue", queryset=..., to_attr=...)', (OTHER,)),
        ("load all of them at once, with __in or in_bulk()", (HELPER,)),
    ]


def test_a_row_in_several_tables_is_not_made_in_bulk():
    """bulk_create() refuses multi-table inheritance; inserts from two lines are not that."""
    member, officer = "INSERT INTO member (a) VALUES (%s)", "INSERT INTO officer (b) VALUES (%s)"
    one_line = asked(1, 2, 3, sql=member) + asked(1, 2, 3, sql=officer)
    two_lines = asked(1, 2, 3, sql=member) + asked(1, 2, 3, sql=officer, path=(OTHER,))

    assert [len(NoWriteLoops().check(recording(*each)).advice) for each in (one_line, two_lines)] == [
        0,
        1,
    ]


@pytest.mark.parametrize(
    "queries, note, hint",
    [
        (
            lists(1, 2, 3),
            "N+1: 3 lists, each longer than the one before",
            "the list of values grows with each query: ask once, with all of them",
        ),
        (
            [each for n in range(3) for each in asked(0, sql=f"SELECT a FROM t LIMIT 1 OFFSET {n}")],
            "N+1: 3 different indexes",
            "one query per index: list(queryset) loads the rows once",
        ),
        (
            shared(7, 8, 9, is_plain_relation=False),
            "N+1: Campaign.pets of 3 instances",
            "one query per row for a part of its related rows: prefetch that part with "
            'Prefetch("owner__pets", queryset=..., to_attr=...)',
        ),
        (
            loaded(1, 2, 3, kind=LoadedVia.FORM, is_plain_relation=False),
            "N+1: Campaign.owner of 3 forms",
            "each form of the formset loads its choices: load them once, and set "
            'form.fields["owner"].choices',
        ),
    ],
    ids=["lists", "indexes", "instances", "forms"],
)
def test_each_kind_of_loop_is_told_in_its_words(queries, note, hint):
    """What differs from query to query, and what to do instead."""
    violation = NoNPlusOne().check(recording(*queries))

    assert violation.evidence[0].note == note
    assert [line.text for line in violation.advice] == [hint]


def test_a_form_that_looks_up_a_choice_has_no_choices_to_share():
    """The get() of a value that was sent is another query."""
    load = RelationLoad(LoadedVia.FORM, Campaign, "owner", is_plain_relation=False)
    sql = "SELECT a FROM t WHERE id = %s LIMIT 21"
    queries = [query(sql, path=(VIEW,), load=load._replace(row=row)) for row in (1, 2, 3)]

    assert NoNPlusOne().check(recording(*queries)).advice == ()


def test_the_statements_of_one_loop_are_allowed_and_noted_by_each_of_them():
    """A query budget shows them as two groups."""
    queries = asked(1, 2, sql="SELECT a FROM t WHERE c = %s") + asked(3, sql="SELECT b FROM t WHERE c = %s")

    assert NoNPlusOne(allow=["SELECT a FROM t *"]).check(recording(*queries)) is None
    assert NoNPlusOne(allow=["SELECT b FROM t *"]).check(recording(*queries)) is None
    evidence = QueryBudget(0).check(recording(*queries)).evidence
    assert [each.note for each in evidence] == ["N+1: 3 different parameters"] * 2


def test_what_has_a_fix_comes_first():
    """Its line is the one to change, however many queries others have."""
    batch = FetchedRows(QuerySetOrigin((VIEW,)))
    queries = recording(*asked(1, 2, 3, path=(OTHER,)), *loaded(1, 2, batch=batch))
    violations = [budget.check(queries) for budget in (NoNPlusOne(), QueryBudget(0))]

    assert [violation.call_path for violation in violations] == [(VIEW,), (VIEW,)]
    assert [violation.evidence[0].count for violation in violations] == [2, 2]


def test_what_has_a_fix_comes_first_in_its_loop():
    """The other queries of the loop are told below it."""
    batch = FetchedRows(QuerySetOrigin((VIEW,)))
    owners, values = loaded(1, 2, batch=batch), asked(1, 2, 3)
    queries = [values[0], owners[0], values[1], owners[1], values[2]]
    violation = NoNPlusOne().check(recording(*queries))

    assert [each.note for each in violation.evidence] == [
        "N+1: Campaign.owner of 2 rows",
        "N+1: 3 different parameters, in the same loop as the one above",
    ]
