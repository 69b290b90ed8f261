"""Where does an ASGI server run? On an event loop in another thread than the test."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pytest_dbperf.probes.listening import RECORDER
from pytest_dbperf.recording import cause
from pytest_dbperf.session.standing_connections import ThreadIsStuck

_SECONDS_TO_STOP = 30


class Loop:
    """An event loop that runs in its own thread, as in a server."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._is_shut_down = False
        self._thread = threading.Thread(target=self._run, name="asgi-loop", daemon=True)
        self._thread.start()

    def submit(self, coroutine: Coroutine[Any, Any, Any]) -> Future[Any]:
        """Run a coroutine on the loop; its queries are blamed on the calling code."""
        frames = cause.frames_here(2) if RECORDER.wants_frames else ()
        token = cause.inherited.set(cause.extended(cause.inherited.get(), frames))
        try:
            return asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        finally:
            cause.restore(token)

    def stop(self) -> None:
        """Cancel all tasks and end the thread. Raises ThreadIsStuck if a task cannot be cancelled."""
        asyncio.run_coroutine_threadsafe(self._shut_down(), self._loop)
        self._thread.join(_SECONDS_TO_STOP)
        if self._thread.is_alive():
            raise ThreadIsStuck(
                f"asgi_client: a view, or a thread that it started, is still running {_SECONDS_TO_STOP} s "
                "after its test"
            )

    def _run(self) -> None:
        while not self._is_shut_down:
            # A SystemExit in any task ends run_forever() of the whole loop.
            with suppress(SystemExit, KeyboardInterrupt):
                self._loop.run_forever()
        self._loop.close()

    async def _shut_down(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        try:
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._loop.shutdown_asyncgens()
            await self._loop.shutdown_default_executor()
        finally:
            self._is_shut_down = True
            self._loop.stop()


@dataclass(frozen=True, slots=True)
class _Raised:
    error: BaseException


async def capture_error(call: Callable[..., Coroutine[Any, Any, Any]], *args: Any, **kwargs: Any) -> Any:
    """Return an error as a value: raised on the loop, a view's SystemExit would end all requests."""
    try:
        return await call(*args, **kwargs)
    except asyncio.CancelledError:
        raise
    except BaseException as error:  # noqa: BLE001  # raise_captured() raises it
        return _Raised(error)


def raise_captured(outcome: Any) -> Any:
    """Raise a captured error, or return the result."""
    if isinstance(outcome, _Raised):
        raise outcome.error
    return outcome
