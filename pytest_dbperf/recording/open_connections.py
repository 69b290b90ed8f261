"""Which physical connections are open? The process keeps count, also while nothing is recorded."""

from __future__ import annotations

import threading
import weakref
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import count
from typing import Any

# Whether this code runs for a request of `wsgi_client` or `asgi_client`.
is_served: ContextVar[bool] = ContextVar("dbperf_is_served", default=False)


@dataclass(frozen=True, slots=True)
class OpenConnection:
    """An open connection. Numbers follow the order of opening; `is_kept` is as in `NewConnection`."""

    number: int
    using: str | None
    is_kept: bool
    is_served: bool
    thread: threading.Thread
    finalizer: weakref.finalize[..., Any]


class OpenConnections:
    """The open connections by owner: the driver's object, or Django's if that allows no weak reference.

    `opened` counts all that were ever opened in this process, by the name of the database. `standing` are the
    aliases that count as if asgiref's thread had opened them before the test. `opened_late` are those of them
    that the test has opened there.
    """

    def __init__(self) -> None:
        self.opened: Counter[str] = Counter()
        self.standing: set[str] = set()
        self.opened_late: list[str] = []
        self._open: dict[int, OpenConnection] = {}
        self._numbers = count(1)
        self._held: list[Any] = []
        self._holders = 0
        self._expected: weakref.WeakKeyDictionary[Any, Callable[[], bool]] = weakref.WeakKeyDictionary()
        # The garbage collector may run a finalizer in a thread that holds the lock.
        self._lock = threading.RLock()
        self._arrival = threading.Condition(self._lock)

    def __len__(self) -> int:
        return len(self._open)

    def add(
        self,
        owner: Any,
        using: str | None,
        *,
        database: str = "",
        is_kept: bool,
        dropped: Callable[[OpenConnection], None],
    ) -> OpenConnection:
        """Add a connection. It calls `dropped` if the garbage collector takes the owner before `remove()`."""

        def garbage(key: int) -> None:
            dropped(self._open.pop(key))

        with self._lock:
            finalizer = weakref.finalize(owner, garbage, id(owner))
            finalizer.atexit = False
            self.opened[database] += 1
            opened = self._open[id(owner)] = OpenConnection(
                next(self._numbers), using, is_kept, is_served.get(), threading.current_thread(), finalizer
            )
            if self._holders:
                self._held.append(owner)
        return opened

    def remove(self, owner: Any) -> OpenConnection | None:
        """Remove a connection that was closed, and return it; None if it is unknown."""
        with self._lock:
            closed = self._open.pop(id(owner), None)
            if closed is not None:
                closed.finalizer.detach()
            return closed

    def using_of(self, owner: Any) -> str | None:
        """Return the alias of a connection, None if it has none or is unknown."""
        known = self._open.get(id(owner))
        return None if known is None else known.using

    def number_of(self, owner: Any) -> int:
        """Return the number of a connection, 0 if it is unknown."""
        known = self._open.get(id(owner))
        return 0 if known is None else known.number

    def owners(self) -> list[Any]:
        """The owners of all connections that are open."""
        with self._lock:
            known = [each.finalizer.peek() for each in self._open.values()]
        return [found[0] for found in known if found is not None]

    def expect(self, task: Any, is_alive: Callable[[], bool]) -> None:
        """Note that a task of a pool is about to open a connection, unless the pool drops the task."""
        with self._lock:
            self._expected[task] = is_alive

    def arrived(self, task: Any) -> None:
        """Note that a task of a pool has ended."""
        with self._lock:
            self._expected.pop(task, None)
            self._arrival.notify_all()

    def wait_for_pools(self, seconds: float) -> None:
        """Wait until pools have opened the connections that they are about to open, at most so long."""
        if not self._expected:  # Nearly always, and each test calls this six times.
            return
        with self._lock:
            self._arrival.wait_for(lambda: not any(alive() for alive in self._expected.values()), seconds)

    @contextmanager
    def held(self) -> Iterator[Callable[[], list[Any]]]:
        """Keep connections that are opened inside from the garbage collector, which runs at random times.

        Yields a function that returns those which requests, or threads that have ended, left open.
        """
        with self._lock:
            start = next(self._numbers)
            self._holders += 1

        def is_left(each: OpenConnection) -> bool:
            # Without an alias, Django does not manage it, and the application may keep it open.
            is_djangos = each.using is not None and not each.is_kept
            return each.number > start and is_djangos and (each.is_served or not each.thread.is_alive())

        def left() -> list[Any]:
            with self._lock:
                known = [each.finalizer.peek() for each in self._open.values() if is_left(each)]
            return [found[0] for found in known if found is not None]

        try:
            yield left
        finally:
            with self._lock:
                self._holders -= 1
                if not self._holders:
                    self._held.clear()
