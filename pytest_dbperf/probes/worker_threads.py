"""Where do anyio and trio send work to threads of their own?"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any

from pytest_dbperf.callsites.callsite import end_walks_in
from pytest_dbperf.probes.hop_events import emit_hop, run_and_emit_end
from pytest_dbperf.probes.late_imports import when_imported
from pytest_dbperf.probes.seam import Undo, is_installed, undo_all, wrap
from pytest_dbperf.recording import cause
from pytest_dbperf.recording.bugs import Guard
from pytest_dbperf.recording.recorder import Recorder

# A walk from inside one of these wrappers ends there: the wrapper has stored the path outside as the cause.
end_walks_in(__file__)

_RECORDING = Guard("recording a hop")
_ANYIO_ON_TRIO = "anyio._backends._trio"


def install(recorder: Recorder) -> Undo:
    """Wrap what runs a function in a thread, in each of the libraries that is installed."""
    undos = []
    if is_installed("anyio"):
        from anyio._backends._asyncio import AsyncIOBackend

        undos.append(_anyio(recorder, AsyncIOBackend))
        undos.append(when_imported(_ANYIO_ON_TRIO, lambda: _anyio_on_trio(recorder)))
    if is_installed("trio"):
        undos.append(when_imported("trio.to_thread", lambda: _trio(recorder)))
    return undo_all(*undos)


def _anyio(recorder: Recorder, backend: type) -> Undo:
    def around_run(original: classmethod[Any, Any, Any]) -> classmethod[Any, Any, Any]:
        function = original.__func__

        @functools.wraps(function)
        async def run_sync_in_worker_thread(cls: Any, func: Any, *args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            if not recorder.active:
                return await function(cls, func, *args, **kwargs)
            inner_cause = None
            with _RECORDING:
                inner_cause = emit_hop(recorder, "anyio", func, sys._getframe(1))
            if inner_cause is None:
                return await function(cls, func, *args, **kwargs)
            token = cause.inherited.set(inner_cause)
            try:
                call = functools.partial(run_and_emit_end, recorder, inner_cause, func)
                return await function(cls, call, *args, **kwargs)
            finally:
                with _RECORDING:
                    cause.restore(token)

        return classmethod(run_sync_in_worker_thread)

    return wrap(backend, "run_sync_in_worker_thread", around_run)


def _anyio_on_trio(recorder: Recorder) -> Undo:
    from anyio._backends._trio import TrioBackend

    return _anyio(recorder, TrioBackend)


def _trio(recorder: Recorder) -> Undo:
    from trio import to_thread

    def around_run(original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        async def run_sync(sync_fn: Any, *args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            frame = sys._getframe(1)
            # anyio's own hops are emitted where they are awaited.
            if not recorder.active or frame.f_globals.get("__name__") == _ANYIO_ON_TRIO:
                return await original(sync_fn, *args, **kwargs)
            inner_cause = None
            with _RECORDING:
                inner_cause = emit_hop(recorder, "trio", sync_fn, frame)
            if inner_cause is None:
                return await original(sync_fn, *args, **kwargs)
            # trio names the thread after the function.
            name = getattr(sync_fn, "__name__", None)
            call = functools.partial(run_and_emit_end, recorder, inner_cause, sync_fn)
            vars(call)["__name__"] = name
            token = cause.inherited.set(inner_cause)
            try:
                return await original(call, *args, **kwargs)
            finally:
                with _RECORDING:
                    cause.restore(token)

        return run_sync

    return wrap(to_thread, "run_sync", around_run)
