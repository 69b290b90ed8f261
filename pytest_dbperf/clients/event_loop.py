"""Where does an ASGI server run? On an event loop in a thread of its own."""

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
    """An event loop in a thread of its own, as a server has it."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._is_wound_up = False
        self._thread = threading.Thread(target=self._run, name="asgi-loop", daemon=True)
        self._thread.start()

    def submit(self, coroutine: Coroutine[Any, Any, Any]) -> Future[Any]:
        """Run a coroutine there, caused by the code that calls."""
        frames = cause.frames_here(2) if RECORDER.wants_frames else ()
        token = cause.inherited.set(cause.extended(cause.inherited.get(), frames))
        try:
            return asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        finally:
            cause.restore(token)

    def stop(self) -> None:
        """Cancel what still runs, and end the thread. Raises ThreadIsStuck for what cannot be cancelled."""
        asyncio.run_coroutine_threadsafe(self._wind_up(), self._loop)
        self._thread.join(_SECONDS_TO_STOP)
        if self._thread.is_alive():  # It ends when it can.
            raise ThreadIsStuck(
                f"asgi_client: a view, or a thread that it started, still runs {_SECONDS_TO_STOP} s after "
                "its test"
            )

    def _run(self) -> None:
        while not self._is_wound_up:
            # A task of the application that raises SystemExit ends the loop, and not only itself.
            with suppress(SystemExit, KeyboardInterrupt):
                self._loop.run_forever()
        self._loop.close()

    async def _wind_up(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        try:
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._loop.shutdown_asyncgens()
            await self._loop.shutdown_default_executor()
        finally:
            self._is_wound_up = True
            self._loop.stop()


@dataclass(frozen=True, slots=True)
class _Raised:
    error: BaseException


async def carried(call: Callable[..., Coroutine[Any, Any, Any]], *args: Any, **kwargs: Any) -> Any:
    """Carry an error out as a value: a SystemExit of a view would end the loop, and with it all requests."""
    try:
        return await call(*args, **kwargs)
    except asyncio.CancelledError:
        raise
    except BaseException as error:  # noqa: BLE001  # raised where it lands
        return _Raised(error)


def landed(outcome: Any) -> Any:
    """Raise an error that was carried, or return what else came out."""
    if isinstance(outcome, _Raised):
        raise outcome.error
    return outcome
