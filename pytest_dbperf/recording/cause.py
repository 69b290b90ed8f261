"""Why did it happen? What an event inherits from the code that awaited, requested or submitted it."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar, Token
from typing import NamedTuple, ParamSpec, Protocol, TypeVar

from pytest_dbperf.callsites.callsite import CallPath, frames_of_yours

P = ParamSpec("P")
R = TypeVar("R")

# A task that starts a task that starts a task must not grow a path without end.
MOST_SITES = 64


class Request(NamedTuple):
    """One request that entered Django's handler. `started` is in seconds of `time.perf_counter()`."""

    number: int
    method: str
    path: str
    started: float
    thread: str
    cause: Cause

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class Cause(NamedTuple):
    """What the code above left for the events below: the path so far, the request, the open task windows.

    `hop` is the number of the hop that it runs in, 0 outside of any. `visit` is one object for all that a
    server or a test client does for a request, from before the request is made until after its response.
    `is_in_view` tells that the request has passed all middlewares.
    """

    path: CallPath = ()
    request: Request | None = None
    tasks: tuple[object, ...] = ()
    hop: int = 0
    visit: object = None
    is_in_view: bool = False


class HasCause(Protocol):
    """What the log can hold: a named tuple with a cause. Probes of other plugins emit events of their own."""

    @property
    def cause(self) -> Cause:
        """What it inherited."""
        ...

    @property
    def _fields(self) -> tuple[str, ...]: ...


# asgiref copies it into its threads and asyncio into new tasks; the hop probe carries it into executors.
current: ContextVar[Cause] = ContextVar("dbperf_cause", default=Cause())


def frames_here(depth: int) -> CallPath:
    """Walk outwards to where the cause takes over, leaving out `depth` callers."""
    return frames_of_yours(depth + 1, within_task=bool(current.get().path))


def extended(so_far: Cause, frames: CallPath) -> Cause:
    """Make the cause of what the code in these frames starts."""
    return so_far._replace(path=(frames + so_far.path)[:MOST_SITES]) if frames else so_far


def leave(token: Token[Cause]) -> None:
    """Go back to the cause from before."""
    # An abandoned coroutine is closed by the garbage collector, in whatever context is current then.
    try:  # noqa: SIM105  # suppress() would cost every hop half a microsecond
        current.reset(token)
    except ValueError:
        pass


def run_with(cause: Cause, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    """Call a function with a cause, in a thread that does not inherit the context of who submitted to it."""
    __tracebackhide__ = True
    token = current.set(cause)
    try:
        return function(*args, **kwargs)
    finally:
        current.reset(token)
