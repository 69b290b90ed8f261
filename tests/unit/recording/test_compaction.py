"""A long log stays small and keeps its meaning."""

import random
import threading
import tracemalloc
from contextlib import ExitStack
from pathlib import Path

import pytest

from pytest_dbperf.budgets.max_thread_hops import MaxThreadHops
from pytest_dbperf.budgets.query_budget import QueryBudget
from pytest_dbperf.diagnosis.repeats import n_plus_ones
from pytest_dbperf.recording.cause import Cause
from pytest_dbperf.recording.compaction import MOST_UNCOMPACTED, Compaction, compact, expanded
from pytest_dbperf.recording.events import DriverQuery, Query
from pytest_dbperf.recording.groups import groups_of_queries
from pytest_dbperf.recording.loads import FetchedRows, LoadedVia, RelationLoad
from pytest_dbperf.recording.recorder import Recorder
from pytest_dbperf.results.measuring import measure
from tests.factories import blocking_call, hop, hop_ended, new_connection, query, request, site

VIEW, SERIALIZER = site("view", line=40), site("serialize", line=31)
CAUSE = Cause(path=(VIEW,))


def similar(**fields):
    """One of many equal queries with the same cause."""
    return query(path=[SERIALIZER])._replace(**{"cause": CAUSE, **fields})


def compacted(*events, boundaries=()):
    """A log of these events, all of it compacted."""
    log = list(events)
    compact(log, [0, *boundaries, len(log)])
    return log


def test_equal_queries_share_one_object():
    """A million of them take the memory of one."""
    log = compacted(similar(seconds=0.25), similar(seconds=0.75), similar(seconds=0.5))

    assert log[0] is log[1] is log[2]


def test_the_shared_object_keeps_sums_right():
    """It has the mean duration, and the start and the parameters of the first query."""
    shared, _ = compacted(
        similar(started=1.0, seconds=0.25, parameters=7), similar(started=2.0, seconds=0.75)
    )

    assert (shared.started, shared.seconds, shared.parameters) == (1.0, 0.5, 7)


def test_every_query_can_be_restored():
    """Each one gets back its own start, duration and parameters."""
    events = [
        similar(started=1.0, seconds=0.25, parameters=7),
        hop(),
        query("BEGIN"),
        similar(started=2.0, seconds=0.5, parameters=-8),
        similar(started=3.0, parameters=None),
        similar(started=4.0, parameters=None),
    ]

    assert list(expanded(compacted(*events))) == events


@pytest.mark.parametrize(
    "other",
    [
        similar(sql="SELECT 2"),
        similar(using="other"),
        similar(executions=2),
        similar(thread="worker"),
        similar(parameters=None),
        similar(frames=(VIEW,)),
        similar(cause=Cause(path=(VIEW,))),
        DriverQuery(*similar()),
    ],
)
def test_different_queries_share_no_object(other):
    """They differ in text, alias, thread, call path, cause, or type."""
    log = compacted(similar(), other, similar(), other)

    assert log[0] is log[2]
    assert log[1] is log[3]
    assert log[0] is not log[1]
    assert list(expanded(log)) == [similar(), other, similar(), other]
    assert type(log[1]) is type(other)


def test_nothing_is_shared_across_the_boundary_of_a_window():
    """So each window knows how many different parameters it has."""
    events = [similar(parameters=number) for number in range(6)]

    log = compacted(*events, boundaries=[2, 5])

    assert [log.index(each) for each in log] == [0, 0, 2, 2, 2, 5]
    assert [groups_of_queries(part)[0].distinct for part in (log[:2], log[2:5], log[5:])] == [2, 3, 1]
    assert list(expanded(log[2:])) == events[2:]


def test_other_events_stay_equal():
    """They only share equal parts, such as call paths."""
    events = [
        hop(number=number, path=[tuple(VIEW)], request=request())._replace(cause=Cause(path=(SERIALIZER,)))
        for number in range(2)
    ]
    events += [hop_ended(), request(), new_connection(), blocking_call(path=[VIEW])]

    log = compacted(*events)

    assert log == events
    assert log[0].frames is log[1].frames is log[5].frames
    assert log[0].cause.path is log[1].cause.path
    assert log[3] is events[3]


def test_texts_with_values_are_grouped_by_fingerprint():
    """If every query has a different text, its values differ and its fingerprint does not."""
    log = compacted(*[similar(sql=f"SELECT * FROM author WHERE id = {number}") for number in range(2_000)])

    assert log[0] is log[-1]
    assert log[0].sql == "SELECT * FROM author WHERE id = 0"


def test_values_in_the_text_still_count_after_compaction():
    """They count as parameters, of compacted queries as of others."""
    texts = [f"SELECT * FROM author WHERE id = {number}" for number in range(2_000)]
    log = compacted(*[similar(sql=text) for text in texts])

    [group] = groups_of_queries(
        [*log, similar(sql=texts[3]), similar(sql="SELECT * FROM author WHERE id = 'x'")]
    )

    assert (group.count, group.distinct) == (2_002, 2_001)


def test_savepoints_keep_their_names():
    """The names tell which block has ended."""
    texts = [f"{what} s{number}" for number in range(1_000) for what in ("SAVEPOINT", "RELEASE SAVEPOINT")]

    log = compacted(*[similar(sql=text) for text in [*texts, "SELECT 1", "SELECT 2"]])
    among_values = compacted(
        *[similar(sql=text) for text in [*texts, *(f"SELECT {each}" for each in range(2_000))]]
    )

    assert [each.sql for each in log] == [*texts, "SELECT 1", "SELECT 2"]
    assert [each.sql for each in among_values] == [*texts, *["SELECT 0"] * 2_000]


def emit_at_random(randomly, recorder, *, compacts):
    """Emit random events in nested windows and pauses, and return all windows."""
    causes = [
        Cause(path=(VIEW,)),
        *(Cause(request=request(number), hop=number, path=(VIEW,)) for number in (1, 2)),
    ]
    windows = [recorder.record(driver_queries=True)]
    started = 0.0
    with ExitStack() as stack:
        stack.enter_context(windows[0])
        inner = stack.enter_context(ExitStack())
        for _ in range(400):
            choice = randomly.random()
            started += 1
            if choice < 0.03:
                windows.append(inner.enter_context(recorder.record(driver_queries=choice < 0.02)))
            elif choice < 0.05:
                inner.enter_context(recorder.pause())
            elif choice < 0.07:
                inner.close()
            elif choice < 0.1:
                events = [hop(number=1), hop_ended(1), request(1), new_connection(), blocking_call()]
                recorder.emit(randomly.choice(events))
            elif choice < 0.13:
                if compacts:
                    recorder.compact()
            else:
                recorder.emit(
                    randomly.choice((Query, Query, DriverQuery))(
                        randomly.choice(("SELECT 1", "SELECT a FROM b", "BEGIN", "INSERT INTO b VALUES (1)")),
                        randomly.choice(("default", "other")),
                        started,
                        randomly.randrange(100) / 1024,
                        1,
                        randomly.choice((0, 1, 2, 3, None)) if randomly.random() < 0.1 else 5,
                        "MainThread",
                        randomly.choice(((SERIALIZER,), ())),
                        randomly.choice(causes),
                    )
                )
    return windows


@pytest.mark.parametrize("seed", range(40))
def test_a_compacted_log_has_the_same_meaning(seed):
    """Every window has the same numbers, groups, violations and statements as without compaction."""
    budgets = [QueryBudget(3), QueryBudget(9, insert=1, tables={"b": 2}), MaxThreadHops(0)]
    as_it_was, compacted_windows = (
        emit_at_random(random.Random(seed), Recorder(), compacts=compacts) for compacts in (False, True)
    )

    assert len(as_it_was) == len(compacted_windows)
    for plain, window in zip(as_it_was, compacted_windows, strict=True):
        assert list(expanded(window.events)) == plain.events
        assert list(window.each_statement()) == plain.statements
        assert [type(event) for event in window.events] == [type(event) for event in plain.events]
        assert measure(window, Path(), with_groups=True) == measure(plain, Path(), with_groups=True)
        assert [one.check(window) for one in budgets] == [one.check(plain) for one in budgets]


def test_threads_may_write_during_compaction():
    """No statement is lost or doubled, and those of each thread keep their order."""
    recorder, most = Recorder(), 5_000

    def write(name):
        for number in range(most):
            recorder.keep(similar(thread=name, parameters=number))
            if number % 50 == 0:
                recorder.compact()

    threads = [threading.Thread(target=write, args=(name,), name=name) for name in "abcd"]
    with recorder.record() as window:
        for thread in threads:
            thread.start()
        parts = []
        while any(thread.is_alive() for thread in threads):
            with recorder.record() as part:
                recorder.compact()
            parts.append(part)
        for thread in threads:
            thread.join()
        recorder.compact()

    written = {thread.name: [] for thread in threads}
    for each in window.each_statement():
        written[each.thread].append(each.parameters)
    assert written == {thread.name: list(range(most)) for thread in threads}
    assert any(each.compacted for each in window.statements)
    for part in parts:
        assert len(list(part.each_statement())) == len(part.statements)


def test_compaction_never_runs_twice_at_once():
    """A query of a finaliser, which may run during compaction, is only appended."""

    class Log(list):
        def __setitem__(self, index, event):
            self.append(similar(sql="SELECT 'by a finaliser'"))
            compaction.compact()
            super().__setitem__(index, event)

    log = Log([similar(), similar()])
    compaction = Compaction(log)

    compaction.compact()

    assert log[0] is log[1]
    assert len(log) == 4
    assert not any(each.compacted for each in log[2:])


def test_a_window_that_begins_during_compaction_has_a_boundary():
    """Its first queries share no object with those before it."""

    class Log(list):
        is_overtaken = False

        def __len__(self):
            index = super().__len__()
            if not self.is_overtaken:
                self.is_overtaken = True
                self += [similar(parameters=2), similar(parameters=3)]
                compaction.compact()
            return index

    log = Log([similar(parameters=1)])
    compaction = Compaction(log)

    index = compaction.add_boundary()
    log += [similar(parameters=4), similar(parameters=5)]
    compaction.compact()

    assert index == 3
    assert groups_of_queries(log[index:])[0].distinct == 2


def test_a_boundary_added_during_compaction_counts_next_time():
    """Events that are appended during compaction are compacted the next time."""

    class Log(list):
        begins = False

        def __setitem__(self, index, event):
            super().__setitem__(index, event)
            if self.begins:
                self.begins = False
                self += [similar(parameters=2)]
                compaction.add_boundary()
                self += [similar(parameters=3)]

    log = Log([similar(parameters=1)])
    compaction = Compaction(log)
    log.begins = True
    compaction.compact()
    compaction.compact()

    assert [each.compacted for each in log] == [None] * 3


def test_the_log_is_compacted_as_it_grows():
    """Appending a query starts it. The end of the log is not compacted yet."""
    recorder = Recorder()
    with recorder.record() as window:
        for number in range(2 * MOST_UNCOMPACTED + 5):
            recorder.keep(similar(parameters=number))

    shared = [each.compacted is not None for each in window.queries]
    assert (shared.count(True), shared.count(False)) == (2 * MOST_UNCOMPACTED + 2, 3)
    assert len({id(each) for each in window.queries}) == 2 + 3
    assert groups_of_queries(window.queries)[0].distinct == 2 * MOST_UNCOMPACTED + 5


def test_a_new_log_is_not_compacted():
    """The last window took the log before with it."""
    recorder = Recorder()
    for _ in range(2):
        with recorder.record() as window:
            recorder.keep(similar())
            recorder.compact()
            recorder.keep(similar())
        assert len(window.queries) == 2
        assert recorder.compact_at == MOST_UNCOMPACTED


def test_a_long_recording_is_small():
    """60,000 queries, each with its own objects for text, path and numbers, take less than 20 MB."""
    most = 60_000
    recorder = Recorder()
    code, offset = SERIALIZER
    tracemalloc.start()
    try:
        with recorder.record() as window:
            for number in range(most):
                text = f"SELECT {'author.name, ' * 10} author.id FROM author WHERE author.id = %s"
                path = ((code, int(f"{1000 + offset}")),) * 3
                recorder.keep(
                    Query(text, "default", number / 7, 0.001, 1, hash(f"{number}"), "M", path, CAUSE)
                )
        before_it_is_read, _ = tracemalloc.get_traced_memory()
        assert before_it_is_read < 20_000_000
        assert groups_of_queries(window.queries)[0].distinct == most
        _, peak = tracemalloc.get_traced_memory()
        assert peak < 30_000_000
    finally:
        tracemalloc.stop()


def test_equal_loads_keep_their_rows():
    """N+1 is judged by rows and instances, also in a long test."""
    of_row = RelationLoad(LoadedVia.TO_ONE, batch=FetchedRows())
    loads = [
        RelationLoad(LoadedVia.TO_ONE, Query, "owner", row, FetchedRows(load=of_row), instance=row + 9)
        for row in range(5)
    ]
    log = [similar(parameters=0, load=load) for load in loads]
    before = n_plus_ones(log)
    as_they_were = list(log)
    compact(log, [0, 5])

    assert len({id(each) for each in log}) == 1
    assert [repeat.distinct for repeat in n_plus_ones(log)] == [repeat.distinct for repeat in before] == [5]
    assert [each.load for each in expanded(log)] == [each.load for each in as_they_were]


@pytest.mark.parametrize(
    "other",
    [
        RelationLoad(LoadedVia.TO_ONE, Query, "venue", 2),
        RelationLoad(LoadedVia.TO_MANY, Query, "owner", 2),
        RelationLoad(LoadedVia.TO_ONE, Query, "owner", 2, FetchedRows()),
        RelationLoad(LoadedVia.TO_ONE, Query, "owner", None),
        None,
    ],
)
def test_different_loads_share_no_object(other):
    """They differ in relation, rows, or in whether they are known."""
    log = [similar(load=RelationLoad(LoadedVia.TO_ONE, Query, "owner", 1)), similar(load=other)]
    compact(log, [0, 2])

    assert log[0] is not log[1]
