"""One way to watch queries and hops, in its own process, which measures when it is told to.

Each variant has its own process. Patching a class, and undoing that, makes Python forget what it has learned
about the callers of the class; a test session installs the probes only once. Each process also measures
without watching. Two processes differ by more than the cost, because each has another memory layout.
"""

import asyncio
import inspect
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from copy import copy
from functools import cache, partial
from time import perf_counter, process_time

IDLE = "plugin idle"
# The key finds N+1: the call site and the parameters. The notes on querysets and rows find the fix.
WAYS = (
    "nothing",
    IDLE,
    "plugin counting",
    "plugin counting with N+1 key",
    "plugin counting with N+1 key and notes",
    "CaptureQueriesContext",
    "execute_wrapper",
)


# A query of the example's tests has 75 to 94 frames above it, and 17 to 37 of them lie within its request.
# The walk up the stack passes these, and ends there. The others are Django's client and middlewares, and the
# test runner.
FRAMES = 60
FRAMES_OF_THE_REQUEST = 15
# The frames of a framework.
_scope: dict[str, Callable[..., None]] = {}
exec(  # There is no other way to choose a function's file.
    compile("def below(n, run):\n    below(n - 1, run) if n > 0 else run()", "<a framework>", "exec"), _scope
)
below = _scope["below"]


Seconds = tuple[float, float]
"""By the clock, and of the processor's time in this process."""


def main() -> None:
    """Answer each line `work,alias,times` with the seconds that it took without watching, and with it."""
    way = sys.argv[1]
    with ExitStack() as stack:
        if way.startswith("plugin"):
            from pytest_dbperf.probes import django_frames, listening, querysets

            if way.endswith("key"):
                notes = {querysets.install, django_frames.install}
                listening.PROBES = [probe for probe in listening.PROBES if probe not in notes]
            stack.enter_context(listening.listening())
        import django

        django.setup()
        for line in sys.stdin:
            work, using, times = line.split(",")
            run = partial(WORKS[work], using, int(times))
            with watching(way, using):
                run()  # Do here whatever is done only once.
            unwatched = run()
            with watching(way, using):
                print(*unwatched, *run(), flush=True)


def watching(way: str, using: str) -> AbstractContextManager[object]:
    """Watch in this way."""
    from django.db import connections
    from django.test.utils import CaptureQueriesContext

    from pytest_dbperf.probes.listening import RECORDER

    def forward(execute, sql, params, many, context):
        return execute(sql, params, many, context)

    return {
        "plugin counting": lambda: RECORDER.record(call_sites=False),
        "plugin counting with N+1 key": lambda: RECORDER.record(),
        "plugin counting with N+1 key and notes": lambda: RECORDER.record(),
        "CaptureQueriesContext": lambda: CaptureQueriesContext(connections[using]),
        "execute_wrapper": lambda: connections[using].execute_wrapper(forward),
    }.get(way, nullcontext)()


def raw(using: str, times: int) -> Seconds:
    """Run the shortest query, by Django's cursor."""
    from django.db import connections

    def run() -> None:
        with connections[using].cursor() as cursor:
            for _ in range(times):
                cursor.execute("SELECT %s", [1])

    return in_a_view(run)


def orm(using: str, times: int) -> Seconds:
    """Get a row by the ORM."""
    from shop.models import Author

    def run() -> None:
        for _ in range(times):
            Author.objects.using(using).get(pk=1)

    return in_a_view(run)


def relation(using: str, times: int) -> Seconds:
    """Load the author of each book, row by row."""
    from shop.models import Book

    def run() -> None:
        for book in books:
            _ = book.author

    books = list(Book.objects.using(using).filter(pk=1)) * times
    for number, book in enumerate(books):
        books[number] = copy(book)
        books[number]._state = copy(book._state)
        books[number]._state.fields_cache = {}
    return in_a_view(run)


def hop(using: str, times: int) -> Seconds:
    """Hop to asgiref's thread and back."""
    return crossing(lambda: len(""), times)


def hop_with_query(using: str, times: int) -> Seconds:
    """Hop to asgiref's thread, get a row by the ORM, and come back."""
    from shop.models import Author

    return crossing(lambda: Author.objects.using(using).get(pk=1), times)


def crossing(function: Callable[[], object], times: int) -> Seconds:
    """Measure `await sync_to_async(function)()`."""
    from asgiref.sync import sync_to_async

    async def cross() -> Seconds:
        started = now()
        for _ in range(times):
            await sync_to_async(function)()
        return since(started)

    return asyncio.run(cross())


def now() -> Seconds:
    """Read both clocks."""
    return perf_counter(), process_time()


def since(started: Seconds) -> Seconds:
    """Return the time since both clocks were read."""
    wall, processor = now()
    return wall - started[0], processor - started[1]


WORKS: dict[str, Callable[[str, int], Seconds]] = {
    "raw": raw,
    "orm": orm,
    "relation": relation,
    "hop": hop,
    "hop with query": hop_with_query,
}


def in_a_view(run: Callable[[], None]) -> Seconds:
    """Measure it within a request, as deep in the stack as in a test of a large project."""
    from django.test import Client

    elapsed = []

    def measure() -> None:
        started = now()
        run()
        elapsed.append(since(started))

    def request() -> None:
        Client().get("/", benchmark=lambda: below(FRAMES_OF_THE_REQUEST, measure))

    below(FRAMES - FRAMES_OF_THE_REQUEST - frames_of_a_view() - len(inspect.stack(0)), request)
    return elapsed[0]


@cache
def frames_of_a_view() -> int:
    """Count the frames from a test to its view."""
    from django.test import Client

    depths = [len(inspect.stack(0))]
    Client().get("/", benchmark=lambda: depths.append(len(inspect.stack(0))))
    return depths[1] - depths[0]


if __name__ == "__main__":
    main()
