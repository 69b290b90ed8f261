"""Which connections are open? The physical ones of this process, known also while nobody listens."""

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

# Whether a request of a client of ours is being served.
is_served: ContextVar[bool] = ContextVar("dbperf_is_served", default=False)


@dataclass(frozen=True, slots=True)
class OpenConnection:
    """A connection while it is open. Numbers are given in the order of opening; `is_kept` as in its event."""

    number: int
    using: str | None
    is_kept: bool
    is_served: bool
    thread: threading.Thread
    finalizer: weakref.finalize[..., Any]


class OpenConnections:
    """The connections by owner: the driver's object, or Django's where that cannot be referenced.

    `opened` counts by the name of the database, for as long as the process lives.
    """

    def __init__(self) -> None:
        self.opened: Counter[str] = Counter()
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
        """Note a connection, until it is removed or its owner is garbage: then `dropped` is called."""

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
        """Forget a connection that was closed, and return what was known of it."""
        with self._lock:
            closed = self._open.pop(id(owner), None)
            if closed is not None:
                closed.finalizer.detach()
            return closed

    def using_of(self, owner: Any) -> str | None:
        """Tell the alias of a connection, None when it has none or is not known."""
        known = self._open.get(id(owner))
        return None if known is None else known.using

    def owners(self) -> list[Any]:
        """The owners of all connections that are open."""
        with self._lock:
            known = [each.finalizer.peek() for each in self._open.values()]
        return [found[0] for found in known if found is not None]

    def expect(self, task: Any, is_alive: Callable[[], bool]) -> None:
        """Note that a pool is about to open a connection, in a task of its own that may also be given up."""
        with self._lock:
            self._expected[task] = is_alive

    def arrived(self, task: Any) -> None:
        """Note that the task has ended."""
        with self._lock:
            self._expected.pop(task, None)
            self._arrival.notify_all()

    def settle(self, seconds: float) -> None:
        """Wait until pools have opened what they were asked for, but no longer than that."""
        if not self._expected:  # Nearly always, and asked six times for each test.
            return
        with self._lock:
            self._arrival.wait_for(lambda: not any(alive() for alive in self._expected.values()), seconds)

    @contextmanager
    def held(self) -> Iterator[Callable[[], list[Any]]]:
        """Keep what is opened inside from the garbage collector, which comes by chance.

        Yields what tells which of it was left by requests, or by threads that are gone.
        """
        with self._lock:
            start = next(self._numbers)
            self._holders += 1

        def is_left(each: OpenConnection) -> bool:
            # Without an alias it is the application's own affair.
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
