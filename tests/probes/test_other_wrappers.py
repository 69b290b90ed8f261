"""Other code may wrap our seams before or after us: it gets its instance, and an event is recorded once."""

import asyncio
import functools
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from types import FunctionType, SimpleNamespace
from unittest import mock

import pytest
from asgiref.sync import SyncToAsync, sync_to_async
from django.db import connections as django_connections
from django.db.backends import utils
from django.db.backends.base.base import BaseDatabaseWrapper

from pytest_dbperf.probes import connections, executors, hops, queries, threads
from pytest_dbperf.probes.seam import SeamGone, all_or_none, keep_outermost, undo_all, wrap
from pytest_dbperf.recording.recorder import Recorder
from shop.models import Author

pytestmark = pytest.mark.django_db(transaction=True)


class Bound:
    """A wrapper as wrapt makes them: it knows its instance only if Python binds it."""

    def __init__(self, wrapped, calls):
        self.wrapped = wrapped
        self.calls = calls

    def __get__(self, instance, owner):
        bound = self.wrapped.__get__(instance, owner)

        def call(*args, **kwargs):
            self.calls.append((instance, owner, args, kwargs))
            return bound(*args, **kwargs)

        return call

    def __call__(self, *args, **kwargs):
        pytest.fail("it was not bound")


class BoundOfClass(Bound, classmethod):
    """The same around a class method: it looks like one."""

    def __init__(self, wrapped, calls):
        classmethod.__init__(self, wrapped.__func__)
        Bound.__init__(self, wrapped, calls)


@pytest.fixture
def library():
    """A class with methods to wrap."""

    class Library:
        def method(self, first, *, second):
            return self, first, second

        @classmethod
        def of_class(cls, first):
            return cls, first

    return Library


def forwarding(original):
    """Make a wrapper, as a probe does."""

    @functools.wraps(original)
    def method(self, *args, **kwargs):
        return original(self, *args, **kwargs)

    return method


def forwarding_of_class(original):
    """Make a wrapper of a class method."""
    function = original.__func__
    return classmethod(lambda cls, *args: function(cls, *args))


def test_a_wrapper_that_was_there_first_learns_its_instance(monkeypatch, library):
    """It gets the instance, the class and the arguments that it would get without us."""
    calls = []
    theirs = Bound(library.method, calls)
    monkeypatch.setattr(library, "method", theirs)
    instance = library()

    undo = wrap(library, "method", forwarding)

    assert instance.method(1, second=2) == (instance, 1, 2)
    assert calls == [(instance, library, (1,), {"second": 2})]
    undo()
    assert vars(library)["method"] is theirs


def test_a_wrapper_of_a_class_method_learns_its_class(monkeypatch, library):
    """It is bound to the class that the method was called for."""
    calls = []
    monkeypatch.setattr(library, "of_class", BoundOfClass(vars(library)["of_class"], calls))

    class Derived(library):
        pass

    undo = wrap(library, "of_class", forwarding_of_class)

    assert Derived.of_class(1) == (Derived, 1)
    assert calls == [(None, Derived, (1,), {})]
    undo()


def test_a_mock_that_was_there_first_is_called_without_the_instance(monkeypatch, library):
    """As Python calls it without us."""
    double = mock.Mock(return_value=42)
    monkeypatch.setattr(library, "method", double)

    undo = wrap(library, "method", forwarding)

    assert library().method(1, second=2) == 42
    double.assert_called_once_with(1, second=2)
    undo()


@pytest.mark.parametrize("original", [staticmethod(dict), dict])
def test_what_never_has_an_instance_is_called_as_it_is(library, original):
    """A static method, or a class that another one has as an attribute, as Django's handlers do."""
    library.make = original

    undo = wrap(library, "make", lambda original: staticmethod(lambda *args: original(*args)))

    assert library().make([(1, 2)]) == {1: 2}
    undo()
    assert vars(library)["make"] is original


def test_a_wrapper_that_is_no_function_can_be_undone():
    """A probe of another plugin may use any object."""
    library = SimpleNamespace(__name__="library", execute=int)

    undo = wrap(library, "execute", functools.partial)
    undo()

    assert library.execute is int


def test_a_variable_without_a_value_is_no_obstacle():
    """A wrapper may close over one that is set later."""

    def make(original):
        def execute():
            return late

        if original is None:
            late = 1
        return execute

    library = SimpleNamespace(__name__="library", execute=int)
    wrap(library, "execute", make)()

    assert library.execute is int


def test_code_that_other_code_has_replaced_stays():
    """ddtrace wraps a function in place: our function has its wrapper's code then."""
    library = SimpleNamespace(__name__="library", execute=lambda: "original")
    undo = wrap(library, "execute", lambda original: lambda: original())
    ours = library.execute
    copy = FunctionType(ours.__code__, ours.__globals__, closure=ours.__closure__)
    original = copy.__closure__[0].cell_contents
    ours.__code__ = (lambda: f"theirs around {original()}").__code__

    undo()
    again = wrap(library, "execute", lambda original: lambda: f"ours around {original()}")

    assert library.execute() == "ours around theirs around original"
    again()
    assert library.execute is ours


def over(monkeypatch, owner, name):
    """Wrap a function as a library does after us."""
    below = vars(owner)[name]

    def theirs(self, *args, **kwargs):
        return below(self, *args, **kwargs)

    monkeypatch.setattr(owner, name, theirs)
    return theirs


def run_query():
    """Run one query on a connection of its own."""
    thread = threading.Thread(target=lambda: (Author.objects.count(), django_connections.close_all()))
    thread.start()
    thread.join()


def run_hop():
    """Hop twice."""

    async def run():
        await sync_to_async(int)()
        await asyncio.to_thread(int)

    asyncio.run(run())


@pytest.mark.parametrize(
    ("probe", "owner", "name", "work", "events"),
    [
        (queries, utils.CursorWrapper, "execute", run_query, "queries"),
        (connections, BaseDatabaseWrapper, "connect", run_query, "new_connections"),
        (hops, SyncToAsync, "__call__", run_hop, "hops"),
        (executors, ThreadPoolExecutor, "submit", run_hop, "hops"),
    ],
)
def test_a_probe_that_is_installed_again_records_once(monkeypatch, probe, owner, name, work, events):
    """Its wrapper from before is still in use, within theirs, but only forwards."""
    recorder = Recorder()
    undo = probe.install(recorder)
    theirs = over(monkeypatch, owner, name)
    with recorder.record() as recording:
        work()
    assert len(getattr(recording, events)) == 1

    undo()
    undo = probe.install(recorder)
    with recorder.record() as recording:
        work()
    undo()

    assert len(getattr(recording, events)) == 1
    assert vars(owner)[name] is theirs


def test_a_wrapper_that_is_kept_outermost_moves_around_theirs(monkeypatch, library):
    """Before the next recording opens, and until its undo."""
    recorder = Recorder()
    order = []

    def ours(original):
        def method(self, *args, **kwargs):
            order.append("ours")
            return original(self, *args, **kwargs)

        return method

    undo = keep_outermost(recorder, library, "method", lambda: wrap(library, "method", ours))
    below = vars(library)["method"]
    monkeypatch.setattr(
        library,
        "method",
        lambda self, *args, **kwargs: (order.append("theirs"), below(self, *args, **kwargs))[1],
    )
    theirs = vars(library)["method"]
    with recorder.record(), recorder.record():
        library().method(1, second=2)

    assert order[:2] == ["ours", "theirs"]
    undo()
    assert vars(library)["method"] is theirs
    assert recorder.before_opening == []


def test_patches_that_come_and_go_add_no_layers(library):
    """A patch restores a wrapper of ours that was undone meanwhile: the next one takes its place."""
    recorder, pristine = Recorder(), library.method
    undo = keep_outermost(recorder, library, "method", lambda: wrap(library, "method", forwarding))

    for _ in range(3):
        with mock.patch.object(library, "method", return_value=42), recorder.record():
            assert library().method() == 42
    with recorder.record():
        pass

    assert vars(library)["method"].__wrapped__ is pristine
    undo()
    assert library.method is pristine


class Inherited(ThreadPoolExecutor):
    """A project's own executor."""

    def submit(self, fn, /, *args, **kwargs):
        """Do something, and then what the others do."""
        return super().submit(fn, *args, **kwargs)


@pytest.mark.parametrize("runs", ["asyncio", "uvloop"])
def test_a_hop_through_an_own_submit_is_one_hop(recorder, runs):
    """The executor of a project may override it, as a wrapper of a test may."""

    async def run():
        with Inherited(1) as own:
            await sync_to_async(int, thread_sensitive=False, executor=own)()
            await asyncio.get_running_loop().run_in_executor(own, float)
            await asyncio.get_running_loop().getaddrinfo("localhost", 80)

    with recorder.record() as recording:
        if runs == "uvloop":
            pytest.importorskip("uvloop").run(run())
        else:
            asyncio.run(run())

    assert [(hop.via, hop.function, hop.origin) for hop in recording.hops] == [
        ("sync_to_async", "int", "project"),
        ("executor", "float", "project"),
    ]


def test_work_that_a_thread_submits_first_is_no_hop(recorder):
    """There is no frame of Python around it but those of the thread."""
    with ThreadPoolExecutor(1) as pool, recorder.record() as recording:
        thread = threading.Thread(target=pool.submit, args=(int,))
        thread.start()
        thread.join()

    assert recording.hops == []


def test_a_thread_whose_class_was_replaced_by_a_subclass(monkeypatch):
    """gevent does so, and its class inherits `start`."""
    inherited = type("Thread", (threading.Thread,), {})
    before = threading.Thread.start
    monkeypatch.setattr(threading, "Thread", inherited)

    undo = threads.install(Recorder())

    assert inherited.start is not before
    undo()
    assert inherited.start is before


def test_a_probe_is_installed_as_a_whole_or_not_at_all():
    """The seams before the one that is gone are restored."""
    library = SimpleNamespace(__name__="library", execute=int)

    def install():
        return undo_all(wrap(library, "execute", forwarding), wrap(library, "fetch", forwarding))

    with pytest.raises(SeamGone, match=r"library\.fetch is gone"):
        all_or_none(install)

    assert library.execute is int


def test_arguments_that_another_wrapper_lacks_are_not_passed(monkeypatch, recorder):
    """The one of django-cacheops has one parameter less."""
    calls = []

    def callproc(self, procname, params=None):
        calls.append((procname, params))

    recorder = Recorder()
    with monkeypatch.context() as patched:
        patched.setattr(utils.CursorWrapper, "callproc", callproc)
        undo = queries.install(recorder)
        with closing(sqlite3.connect(":memory:")) as raw:
            cursor = utils.CursorWrapper(raw.cursor(), django_connections["sqlite"])
            cursor.callproc("lower", ["ADA"])
            with recorder.record() as recording:
                cursor.callproc("lower")
        undo()

    assert calls == [("lower", ["ADA"]), ("lower", None)]
    assert len(recording.statements) == 1


def test_the_argument_of_new_relic_comes_back_out(recorder):
    """It adds one to the call, and takes it from the partial that the thread gets."""
    taken = []
    below = SyncToAsync.thread_handler

    def theirs(self, *args):
        taken.append(args[-1].keywords.pop("trace"))
        return below(self, *args)

    async def run():
        return await sync_to_async(int)("42", trace=7)

    own = Recorder()
    with mock.patch.object(SyncToAsync, "thread_handler", theirs):
        undo = hops.install(own)
        with own.record():
            assert asyncio.run(run()) == 42
        undo()

    assert taken == [7]


def test_a_class_method_below_goes_on_recording():
    """Two installations may wrap it, and the end of the later one is not the end of the other."""

    class Library:
        @classmethod
        def fetch(cls):
            return 42

    seen = []

    def around(recorder, name):
        def make(original):
            function = original.__func__

            def fetch(cls):
                if recorder.active:
                    seen.append(name)
                return function(cls)

            return classmethod(fetch)

        return make

    first, second = Recorder(), Recorder()
    undo_first = wrap(Library, "fetch", around(first, "first"))
    wrap(Library, "fetch", around(second, "second"))()

    with first.record(), second.record():
        assert Library.fetch() == 42

    assert seen == ["first"]
    undo_first()
