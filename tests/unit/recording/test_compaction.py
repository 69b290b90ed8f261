"""A long log stays small, and tells the same."""

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
from pytest_dbperf.recording.compaction import MOST_UNFOLDED, Folds, fold, unfolded
from pytest_dbperf.recording.events import DriverQuery, Query
from pytest_dbperf.recording.groups import groups_of_queries
from pytest_dbperf.recording.loads import FetchedRows, LoadedVia, RelationLoad
from pytest_dbperf.recording.recorder import Recorder
from pytest_dbperf.results.measuring import measure
from tests.factories import blocking_call, hop, hop_ended, new_connection, query, request, site

VIEW, SERIALIZER = site("view", line=40), site("serialize", line=31)
CAUSE = Cause(path=(VIEW,))


def alike(**fields):
    """One of many queries of the same cause."""
    return query(path=[SERIALIZER])._replace(**{"cause": CAUSE, **fields})


def folded(*events, edges=()):
    """A log of these events, all of it folded."""
    log = list(events)
    fold(log, [0, *edges, len(log)])
    return log


def test_queries_that_are_alike_share_one_object():
    """A million of them take the room of one."""
    log = folded(alike(seconds=0.25), alike(seconds=0.75), alike(seconds=0.5))

    assert log[0] is log[1] is log[2]


def test_the_shared_object_keeps_sums_right():
    """It has the mean of the durations, and start and parameters of the first."""
    shared, _ = folded(alike(started=1.0, seconds=0.25, parameters=7), alike(started=2.0, seconds=0.75))

    assert (shared.started, shared.seconds, shared.parameters) == (1.0, 0.5, 7)


def test_every_query_can_be_told_again():
    """With the start, the duration and the parameters that were its own."""
    events = [
        alike(started=1.0, seconds=0.25, parameters=7),
        hop(),
        query("BEGIN"),
        alike(started=2.0, seconds=0.5, parameters=-8),
        alike(started=3.0, parameters=None),
        alike(started=4.0, parameters=None),
    ]

    assert list(unfolded(folded(*events))) == events


@pytest.mark.parametrize(
    "other",
    [
        alike(sql="SELECT 2"),
        alike(using="other"),
        alike(executions=2),
        alike(thread="worker"),
        alike(parameters=None),
        alike(frames=(VIEW,)),
        alike(cause=Cause(path=(VIEW,))),
        DriverQuery(*alike()),
    ],
)
def test_what_tells_queries_apart_keeps_them_apart(other):
    """A group, a request, a thread or an alias of their own."""
    log = folded(alike(), other, alike(), other)

    assert log[0] is log[2]
    assert log[1] is log[3]
    assert log[0] is not log[1]
    assert list(unfolded(log)) == [alike(), other, alike(), other]
    assert type(log[1]) is type(other)


def test_nothing_is_shared_across_the_edge_of_a_window():
    """So a narrower window knows how many different parameters it has."""
    events = [alike(parameters=number) for number in range(6)]

    log = folded(*events, edges=[2, 5])

    assert [log.index(each) for each in log] == [0, 0, 2, 2, 2, 5]
    assert [groups_of_queries(part)[0].distinct for part in (log[:2], log[2:5], log[5:])] == [2, 3, 1]
    assert list(unfolded(log[2:])) == events[2:]


def test_other_events_stay_what_they_are():
    """They only share what is equal, as call paths."""
    events = [
        hop(number=number, path=[tuple(VIEW)], request=request())._replace(cause=Cause(path=(SERIALIZER,)))
        for number in range(2)
    ]
    events += [hop_ended(), request(), new_connection(), blocking_call(path=[VIEW])]

    log = folded(*events)

    assert log == events
    assert log[0].frames is log[1].frames is log[5].frames
    assert log[0].cause.path is log[1].cause.path
    assert log[3] is events[3]


def test_of_values_in_the_text_the_fingerprint_is_kept():
    """Where every query has a text of its own, no text would be shared."""
    log = folded(*[alike(sql=f"SELECT * FROM author WHERE id = {number}") for number in range(2_000)])

    assert log[0] is log[-1]
    assert log[0].sql == "SELECT * FROM author WHERE id = 0"


def test_values_in_the_text_are_told_apart_after_it_is_gone():
    """They are among the parameters, for those that are folded as for those that are not yet."""
    texts = [f"SELECT * FROM author WHERE id = {number}" for number in range(2_000)]
    log = folded(*[alike(sql=text) for text in texts])

    [group] = groups_of_queries([*log, alike(sql=texts[3]), alike(sql="SELECT * FROM author WHERE id = 'x'")])

    assert (group.count, group.distinct) == (2_002, 2_001)


def test_savepoints_keep_their_names():
    """These tell which block has ended."""
    texts = [f"{what} s{number}" for number in range(1_000) for what in ("SAVEPOINT", "RELEASE SAVEPOINT")]

    log = folded(*[alike(sql=text) for text in [*texts, "SELECT 1", "SELECT 2"]])
    among_values = folded(
        *[alike(sql=text) for text in [*texts, *(f"SELECT {each}" for each in range(2_000))]]
    )

    assert [each.sql for each in log] == [*texts, "SELECT 1", "SELECT 2"]
    assert [each.sql for each in among_values] == [*texts, *["SELECT 0"] * 2_000]


def emit_at_random(randomly, recorder, *, folds):
    """Emit what a test might, in windows and pauses that nest, and hand back all windows."""
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
                if folds:
                    recorder.fold()
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
def test_a_folded_log_tells_the_same(seed):
    """The numbers, the groups, the violations and the single statements of every window."""
    budgets = [QueryBudget(3), QueryBudget(9, insert=1, tables={"b": 2}), MaxThreadHops(0)]
    as_it_was, in_folds = (
        emit_at_random(random.Random(seed), Recorder(), folds=folds) for folds in (False, True)
    )

    assert len(as_it_was) == len(in_folds)
    for plain, window in zip(as_it_was, in_folds, strict=True):
        assert list(unfolded(window.events)) == plain.events
        assert list(window.each_statement()) == plain.statements
        assert [type(event) for event in window.events] == [type(event) for event in plain.events]
        assert measure(window, Path(), with_groups=True) == measure(plain, Path(), with_groups=True)
        assert [one.check(window) for one in budgets] == [one.check(plain) for one in budgets]


def test_threads_may_write_while_the_log_is_folded():
    """Nothing is lost, nothing is doubled, and each thread's statements keep their order."""
    recorder, most = Recorder(), 5_000

    def write(name):
        for number in range(most):
            recorder.keep(alike(thread=name, parameters=number))
            if number % 50 == 0:
                recorder.fold()

    threads = [threading.Thread(target=write, args=(name,), name=name) for name in "abcd"]
    with recorder.record() as window:
        for thread in threads:
            thread.start()
        parts = []
        while any(thread.is_alive() for thread in threads):
            with recorder.record() as part:
                recorder.fold()
            parts.append(part)
        for thread in threads:
            thread.join()
        recorder.fold()

    written = {thread.name: [] for thread in threads}
    for each in window.each_statement():
        written[each.thread].append(each.parameters)
    assert written == {thread.name: list(range(most)) for thread in threads}
    assert any(each.alike for each in window.statements)
    for part in parts:
        assert len(list(part.each_statement())) == len(part.statements)


def test_a_log_is_folded_by_one_at_a_time():
    """A query in a finaliser, which the garbage collector may call in the middle, is only written down."""

    class Log(list):
        def __setitem__(self, place, event):
            self.append(alike(sql="SELECT 'by a finaliser'"))
            folds.fold()
            super().__setitem__(place, event)

    log = Log([alike(), alike()])
    folds = Folds(log)

    folds.fold()

    assert log[0] is log[1]
    assert len(log) == 4
    assert not any(each.alike for each in log[2:])


def test_a_window_that_begins_while_the_log_is_folded_has_an_edge():
    """Else its first queries would share an object with those before it."""

    class Log(list):
        is_overtaken = False

        def __len__(self):
            place = super().__len__()
            if not self.is_overtaken:
                self.is_overtaken = True
                self += [alike(parameters=2), alike(parameters=3)]
                folds.fold()
            return place

    log = Log([alike(parameters=1)])
    folds = Folds(log)

    place = folds.edge()
    log += [alike(parameters=4), alike(parameters=5)]
    folds.fold()

    assert place == 3
    assert groups_of_queries(log[place:])[0].distinct == 2


def test_an_edge_further_on_waits_for_its_turn():
    """What is written while the log is folded is folded the next time."""

    class Log(list):
        begins = False

        def __setitem__(self, place, event):
            super().__setitem__(place, event)
            if self.begins:
                self.begins = False
                self += [alike(parameters=2)]
                folds.edge()
                self += [alike(parameters=3)]

    log = Log([alike(parameters=1)])
    folds = Folds(log)
    log.begins = True
    folds.fold()
    folds.fold()

    assert [each.alike for each in log] == [None] * 3


def test_the_log_is_folded_as_it_grows():
    """Whoever writes into it sees to that, and the end of the log is as it was."""
    recorder = Recorder()
    with recorder.record() as window:
        for number in range(2 * MOST_UNFOLDED + 5):
            recorder.keep(alike(parameters=number))

    shared = [each.alike is not None for each in window.queries]
    assert (shared.count(True), shared.count(False)) == (2 * MOST_UNFOLDED + 2, 3)
    assert len({id(each) for each in window.queries}) == 2 + 3
    assert groups_of_queries(window.queries)[0].distinct == 2 * MOST_UNFOLDED + 5


def test_a_new_log_begins_unfolded():
    """The one before went with its last window."""
    recorder = Recorder()
    for _ in range(2):
        with recorder.record() as window:
            recorder.keep(alike())
            recorder.fold()
            recorder.keep(alike())
        assert len(window.queries) == 2
        assert recorder.fold_at == MOST_UNFOLDED


def test_a_long_recording_is_small():
    """60,000 queries as the probe makes them, each with a text, a path and numbers of its own."""
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


def test_loads_that_are_alike_keep_their_rows():
    """N+1 is judged by them, however long the test is."""
    of_row = RelationLoad(LoadedVia.TO_ONE, batch=FetchedRows())
    loads = [
        RelationLoad(LoadedVia.TO_ONE, Query, "owner", row, FetchedRows(load=of_row)) for row in range(5)
    ]
    log = [alike(parameters=0, load=load) for load in loads]
    before = n_plus_ones(log)
    as_they_were = list(log)
    fold(log, [0, 5])

    assert len({id(each) for each in log}) == 1
    assert [repeat.distinct for repeat in n_plus_ones(log)] == [repeat.distinct for repeat in before] == [5]
    assert [each.load.row for each in unfolded(log)] == [each.load.row for each in as_they_were]


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
def test_loads_of_something_else_are_not_alike(other):
    """Another relation, other rows, or none that is known."""
    log = [alike(load=RelationLoad(LoadedVia.TO_ONE, Query, "owner", 1)), alike(load=other)]
    fold(log, [0, 2])

    assert log[0] is not log[1]
