"""Which block did `assertNumQueries` count, and which one failed? Each is recorded from its start to its end.

Django's `assertNumQueries` and pytest-django's `django_assert_num_queries` both count with Django's
`CaptureQueriesContext`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial, wraps
from types import FrameType, TracebackType
from typing import Any

from pytest_dbperf.probes.late_imports import when_imported
from pytest_dbperf.probes.seam import Undo, undo_all, wrap
from pytest_dbperf.probes.threads import this_thread
from pytest_dbperf.recording.bugs import Guard
from pytest_dbperf.recording.recorder import Recorder, Recording

_MODULE = "django.test.utils"
_PYTEST_DJANGO = "pytest_django.fixtures"
# Where Django's context manager keeps our recording of its block.
_BLOCK = "_dbperf_block"
_RECORDING = Guard("recording the block of an assertion")


class AssertedBlock(Recording):
    """The recording of a block, with the alias and the thread whose connection the assertion looks at."""

    def __init__(self, recorder: Recorder, alias: str) -> None:
        super().__init__(recorder)
        self.alias = alias
        self.thread_number = this_thread.number
        self.counted_by_assertion = 0


@dataclass(frozen=True, slots=True)
class FailedAssertion:
    """An assertion that failed: its name, the number that it expected, and the block that it counted."""

    name: str
    expected: object
    block: AssertedBlock


def install(recorder: Recorder) -> Undo:
    """Record the blocks of assertions, also if the project imports Django's test tools later."""
    return when_imported(_MODULE, partial(_install, recorder))


def _install(recorder: Recorder) -> Undo:
    captures = _captures()
    return undo_all(
        wrap(captures, "__enter__", partial(_entering, recorder, captures)),
        wrap(captures, "__exit__", partial(_leaving, recorder)),
    )


def _captures() -> Any:
    return getattr(sys.modules.get(_MODULE), "CaptureQueriesContext", ())


def _entering(recorder: Recorder, captures: Any, original: Callable[[Any], Any]) -> Callable[[Any], Any]:
    @wraps(original)
    def __enter__(self: Any) -> Any:
        __tracebackhide__ = True
        entered = original(self)
        with _RECORDING:
            if _is_assertion(type(self), captures, sys._getframe(1)):
                block = vars(self)[_BLOCK] = AssertedBlock(recorder, self.connection.alias)
                block.__enter__()
        return entered

    return __enter__


def _leaving(recorder: Recorder, original: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(original)
    def __exit__(self: Any, *raised: Any) -> Any:
        __tracebackhide__ = True
        with _RECORDING:
            block = vars(self).get(_BLOCK)
            if block in recorder.open_recordings:
                # Not len(self): Django counts further if an error ends the block, as pytest-django's does.
                block.counted_by_assertion = len(self.connection.queries_log) - self.initial_queries
                block.__exit__()
        return original(self, *raised)

    return __exit__


def _is_assertion(class_of_block: Any, captures: Any, caller: FrameType) -> bool:
    """Tell whether a block is counted to assert something: others only want to read what ran."""
    # A subclass with an `__exit__` of its own compares there.
    return class_of_block.__exit__ is not captures.__exit__ or _is_of_pytest_django(caller)


def _is_of_pytest_django(frame: FrameType) -> bool:
    return frame.f_globals.get("__name__") == _PYTEST_DJANGO


def close_left_open(recorder: Recorder) -> None:
    """End the blocks that a test has entered and never left: what follows is not theirs."""
    for recording in [*recorder.open_recordings]:
        if isinstance(recording, AssertedBlock):
            recording.__exit__()


def failed_assertion_of(error: BaseException) -> FailedAssertion | None:
    """Return the assertion that raised an error, None if other code did, also inside of its block."""
    traceback = error.__traceback__
    while traceback is not None:
        failed = _assertion_in(traceback.tb_frame) if _has_raised(traceback) else None
        if failed is not None:
            return failed
        traceback = traceback.tb_next
    # A task group raises the errors of its tasks together.
    members = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
    return next(filter(None, map(failed_assertion_of, members)), None)


def _has_raised(traceback: TracebackType) -> bool:
    """Tell whether the error came from a call in this frame; contextlib throws errors of a block into it."""
    following = traceback.tb_next
    return following is None or following.tb_frame.f_back is traceback.tb_frame


def _assertion_in(frame: FrameType) -> FailedAssertion | None:
    found = frame.f_locals
    if _is_of_pytest_django(frame):
        name = "django_assert_num_queries" if found.get("exact", True) else "django_assert_max_num_queries"
        captures = _captures()
        # isinstance() would ask a lazy object, which may run a query.
        candidates = [value for value in found.values() if issubclass(type(value), captures)]
    elif frame.f_code.co_name == "__exit__":
        name, candidates = "assertNumQueries", [found.get("self")]
    else:
        return None
    for candidate in candidates:
        attributes = getattr(candidate, "__dict__", {})
        if _BLOCK in attributes:
            expected = attributes.get("num", found.get("num"))
            return FailedAssertion(name, expected, attributes[_BLOCK])
    return None
