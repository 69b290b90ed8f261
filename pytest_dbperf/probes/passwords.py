"""Where are passwords verified? It is slow on purpose, and blocks an event loop if it runs in its thread."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any

from pytest_dbperf.probes.blocking import TimedCall, running_loop
from pytest_dbperf.probes.seam import Undo, wrap
from pytest_dbperf.recording.bugs import Guard, GuardedContext
from pytest_dbperf.recording.recorder import Recorder

_RECORDING = Guard("recording the check of a password")


def install(recorder: Recorder) -> Undo:
    """Wrap the function that `check_password` and `acheck_password` share."""
    # This import takes two milliseconds and needs no settings. `django.contrib.auth` would import it anyway.
    from django.contrib.auth import hashers

    loop_here, acheck_password = running_loop(), hashers.acheck_password.__code__

    def around_verify(original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def verify_password(*args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            if not recorder.active or loop_here() is None:
                return original(*args, **kwargs)
            # From Django 6.0, acheck_password() runs it in a thread.
            by_django = sys._getframe(1).f_code is acheck_password
            what = "acheck_password" if by_django else "verify_password"
            call = functools.partial(TimedCall, recorder, "hashers", what, None)
            with GuardedContext(call, _RECORDING):
                return original(*args, **kwargs)

        return verify_password

    return wrap(hashers, "verify_password", around_verify)
