"""Events as literals, for the modules that only read them."""

from pathlib import Path
from zlib import crc32

from pytest_dbperf.callsites.shown import describe
from pytest_dbperf.recording.blocking_calls import BlockingCall
from pytest_dbperf.recording.cause import Cause, Request
from pytest_dbperf.recording.connections import (
    Checkout,
    ConnectionClosed,
    ConnectionReturned,
    NewConnection,
    Why,
)
from pytest_dbperf.recording.events import (
    DriverQuery,
    Hop,
    HopEnded,
    NotSent,
    Query,
    Response,
    Sample,
)
from pytest_dbperf.recording.recorder import Recorder
from pytest_dbperf.results.model import Run, TestResult
from pytest_dbperf.results.of_budgets import FindingResult, NumberResult, ViolationResult


def site(name="view", filename="campaigns/api.py", line=31):
    """A call site in a file that need not exist."""
    source = "\n" * (line - 1) + f"def {name}(): pass"
    scope = {}
    exec(compile(source, filename, "exec"), scope)
    return (scope[name].__code__, 0)


def number_of(thread):
    """Number a thread by its name: those of one name are one thread, unless a test numbers them itself."""
    return crc32(thread.encode())


def query(
    sql="SELECT 1",
    *,
    using="default",
    parameters=0,
    started=0.0,
    seconds=0.001,
    executions=1,
    thread="MainThread",
    path=(),
    request=None,
    load=None,
    thread_number=None,
    is_sent_again=False,
):
    """A statement."""
    cause = Cause(request=request)
    fields = (sql, using, started, seconds, executions, parameters, thread, tuple(path), cause, load)
    number = number_of(thread) if thread_number is None else thread_number
    return Query(*fields, thread_number=number, is_sent_again=is_sent_again)


def not_sent(sql="SELECT 1", *, using="default"):
    """A statement that was executed but not sent."""
    return NotSent(sql, using, 0.0, "MainThread", Cause())


def sample(sql="SELECT 1", parameters=(), *, using="default"):
    """The parameters of a statement."""
    return Sample(sql, using, parameters, Cause())


def driver_query(sql="SELECT 1", *, using=None, **fields):
    """A statement that the driver was given directly."""
    return DriverQuery(*query(sql, using=using, **fields))


def new_connection(
    number=1,
    *,
    using="default",
    driver="psycopg",
    backend_pid=None,
    open_now=1,
    seconds=0.004,
    thread="MainThread",
    why=Why.FIRST_IN_THREAD,
    because_of=(),
    is_kept=False,
    is_persistent=False,
    path=(),
    thread_number=None,
):
    """A connection that was opened."""
    return NewConnection(
        number,
        using,
        driver,
        backend_pid,
        open_now,
        0.0,
        seconds,
        thread,
        why,
        tuple(because_of),
        is_kept,
        is_persistent,
        tuple(path),
        Cause(),
        number_of(thread) if thread_number is None else thread_number,
    )


def closed_connection(
    number=1, *, using="default", dropped=False, open_now=0, started=0.0, thread="MainThread"
):
    """A connection that ended."""
    fields = (number, using, dropped, open_now, started, thread, Cause())
    return ConnectionClosed(*fields, number_of(thread))


def checkout(
    number=1,
    *,
    using="default",
    waited=0.0,
    path=(),
    connection=0,
    thread="MainThread",
    is_kept=False,
    because_of=(),
):
    """A connection that was taken from a pool."""
    taken = Checkout(using, waited, 0.0, thread, tuple(path), Cause(), number, connection, is_kept)
    return taken._replace(because_of=tuple(because_of), thread_number=number_of(thread))


def returned_connection(number=1, *, using="default"):
    """A connection that was given back to its pool."""
    return ConnectionReturned(number, using, 0.0, "MainThread", Cause())


def hop(
    function="load",
    *,
    number=1,
    via="sync_to_async",
    owner=None,
    origin="project",
    part="",
    is_thread_sensitive=True,
    others_adapt=False,
    follows=0,
    started=0.0,
    path=(),
    request=None,
    within=0,
    visit=None,
):
    """A crossing between a loop and a thread."""
    cause = Cause(request=request, hop=within, visit=visit)
    return Hop(
        *(number, via, function, owner, origin, part, is_thread_sensitive, others_adapt, follows),
        *(started, "MainThread", tuple(path), cause),
    )


def hop_ended(number=1, *, started=0.0, seconds=0.001, thread=1, within=0):
    """The end of what crossed."""
    return HopEnded(number, started, seconds, "worker", thread, Cause(hop=within))


def blocking_call(what="execute", *, via="django", sql="SELECT 1", using="default", seconds=0.001, path=()):
    """A synchronous call in the thread of a loop."""
    return BlockingCall(via, what, sql, using, 0.0, seconds, "MainThread", tuple(path), Cause())


def request(number=1, method="GET", path="/api/campaigns/"):
    """A request."""
    return Request(number, method, path, 0.0, "MainThread", Cause())


def response(number=1, *, view="api/campaigns/", status=200, seconds=0.0123):
    """What a request got."""
    return Response(number, view, status, 0.0, seconds, "MainThread", Cause())


def functions_of(event):
    """The functions on the call path of an event, innermost first."""
    return [line.split()[-1] for line in describe(event.call_path, Path())]


class _Owner:
    """What a connection belongs to."""


def recording(*events, open_connections=0, driver_queries=False):
    """A closed recording of these events."""
    recorder = Recorder()
    owners = [_Owner() for _ in range(open_connections)]
    for owner in owners:
        recorder.connections.add(owner, "default", is_kept=False, dropped=print)
    with recorder.record(driver_queries=driver_queries) as window:
        for event in events:
            recorder.emit(event)
    return window


def run_of(*tests, complete=True, exit_code=0):
    """Return a run of these tests."""
    return Run(complete=complete, exit_code=exit_code, versions={"django": "6.1.3"}, tests=tests)


def violation_result(message="queries 2 > 1 (+1)"):
    """Return the result of a broken budget."""
    return ViolationResult("query_budget", 2, 1, message, "views.py:7")


def finding_result(subject="Book.author", function="shop/views.py titles", **fields):
    """Return something that a budget found."""
    about = {"in_tests": False, "is_accepted": False, "limit_is_hard": False, **fields}
    return FindingResult("no_n_plus_one", subject, function, 25, **about)


def number_result(key="tests/test_a.py::test_a", name="query_budget", measured=134, **fields):
    """Return a number over a limit: of a test, or of a route if the key is one."""
    debt_type = "test" if "::" in key else "route"
    return NumberResult(debt_type, key, name, measured, **{"limit": 60, "accepted": None, **fields})


def checked_test(test_id="tests/test_a.py::test_a", *found, outcome="passed", **fields):
    """Return a test whose budgets were checked, with what they found."""
    return TestResult(
        id=test_id,
        outcome=outcome,
        findings=[one for one in found if isinstance(one, FindingResult)],
        over=[one for one in found if isinstance(one, NumberResult)],
        is_checked=True,
        **fields,
    )
