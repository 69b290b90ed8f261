"""What led to an event? The cause that code inherits from the code that awaited or submitted it."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar, Token
from typing import NamedTuple, ParamSpec, Protocol, TypeVar

from pytest_dbperf.callsites.callsite import CallPath, project_frames

P = ParamSpec("P")
R = TypeVar("R")

# If tasks start tasks without end, the path must stay short all the same.
MOST_SITES = 64


class Request(NamedTuple):
    """One request that Django's handler received. `started` is in seconds of `time.perf_counter()`."""

    number: int
    method: str
    path: str
    started: float
    thread: str
    cause: Cause

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class Cause(NamedTuple):
    """What the events of some code have in common: the call path to it, its request, the open task windows.

    `hop` is the number of the hop that the code runs in, 0 outside of any. `visit` identifies everything that
    a server or a test client does for one request, also before Django makes the request and after its
    response. `is_in_view` is true once the request has passed all middlewares.
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


# asgiref copies it into its threads, asyncio into new tasks. The probe of executors sets it in theirs.
inherited: ContextVar[Cause] = ContextVar("dbperf_cause", default=Cause())


def frames_here(depth: int) -> CallPath:
    """Walk outwards up to the code that set the inherited cause, skipping `depth` callers."""
    return project_frames(depth + 1, within_task=bool(inherited.get().path))


def extended(so_far: Cause, frames: CallPath) -> Cause:
    """Return the cause of what the code in these frames starts."""
    return so_far._replace(path=(frames + so_far.path)[:MOST_SITES]) if frames else so_far


def restore(token: Token[Cause]) -> None:
    """Restore the cause from before."""
    # The garbage collector closes an abandoned coroutine in another context, which refuses the token.
    try:  # noqa: SIM105  # suppress() would cost every hop half a microsecond
        inherited.reset(token)
    except ValueError:
        pass


def run_with(cause: Cause, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    """Call a function with a cause, in a thread that does not inherit the context of its caller."""
    __tracebackhide__ = True
    token = inherited.set(cause)
    try:
        return function(*args, **kwargs)
    finally:
        inherited.reset(token)
