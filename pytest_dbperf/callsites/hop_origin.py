"""Who caused a hop? Your project, a library, or a part of Django."""

from __future__ import annotations

import os
from types import FrameType

from pytest_dbperf.callsites.callsite import first_to_blame, role_of
from pytest_dbperf.callsites.ownership import DJANGO, PLUMBING, PROJECT

ORM = "orm"
SIGNAL = "signal"
MIDDLEWARE = "middleware:"
VIEW_ADAPTER = "view-adapter"
RESPONSE_CLOSE = "response-close"

_HANDLERS = "handlers"
_MIXIN = "middleware"

# The part of Django by the start of a file's path in the package. The first match counts.
_PARTS = (
    ("contrib/auth/", "auth"),
    ("contrib/contenttypes/", ORM),
    ("contrib/sessions/", "session"),
    ("contrib/staticfiles/", "staticfiles"),
    ("core/cache/", "cache"),
    ("core/handlers/", _HANDLERS),
    ("core/paginator", "paginator"),
    ("db/", ORM),
    ("dispatch/", SIGNAL),
    ("http/", "streaming"),
    ("tasks/", "task"),
    ("test/client", _HANDLERS),
    ("test/", "test-case"),
    ("utils/deprecation", _MIXIN),
    ("views/", "view"),
)
# Your code called these, even where they call the ORM to do their work.
_TOPICS = frozenset(("auth", "session", "cache"))
# These only call what is plugged into them.
_MACHINERY = frozenset((_HANDLERS, _MIXIN, SIGNAL))

# The methods that Django's handlers and test clients send to a thread, besides views and middlewares.
_PARTS_OF_METHODS = {
    "close": RESPONSE_CLOSE,
    "process_exception_by_middleware": "exception-middleware",
    "render": "response-render",
    "write": "request-body",
}
# The functions that they send.
_PARTS_OF_FUNCTIONS = {"log_response": "response-log", "response_for_exception": "error-response"}

_parts: dict[str, str] = {}


def origin_of_hop(
    frame: FrameType | None, maker: str | None, adapts: str, owner: type | None, function: str
) -> tuple[str, str]:
    """Return the origin of a hop that this frame calls for, and which part of Django it comes from.

    The code that made the adapter is the origin. Only if that is unknown, the code that calls it is: when
    your middleware calls `get_response()`, it calls an adapter that Django made. `adapts` names the
    middleware that Django made an adapter for while it built the middleware stack.
    """
    origin = None if maker is None else role_of(maker)
    caller = None
    if origin is None or origin is DJANGO:
        frame = first_to_blame(frame)
        caller = None if frame is None else role_of(frame.f_code.co_filename)
        # If neither is known, the hop counts as yours: a wrong origin is better than a hop no budget sees.
        origin = origin or caller or PROJECT
    if origin is not DJANGO:
        return origin, ""
    if adapts:
        return DJANGO, adapts
    part = _part_of_frames(frame) if frame is not None and caller is DJANGO else _part_of_file(maker or "")
    if part == _MIXIN:
        return DJANGO, f"{MIDDLEWARE}{owner.__name__ if owner else function}"
    if part == _HANDLERS:
        parts = _PARTS_OF_FUNCTIONS if owner is None else _PARTS_OF_METHODS
        return DJANGO, parts.get(function.rpartition(".")[2], VIEW_ADAPTER)
    return DJANGO, part


def _part_of_frames(frame: FrameType) -> str:
    """Walk outwards over Django's own frames to find the part of Django that was called from outside."""
    part = ""
    outer: FrameType | None = frame
    while outer is not None:
        filename = outer.f_code.co_filename
        role = role_of(filename)
        if role is DJANGO:
            here = _part_of_file(filename)
            if not part or here in _TOPICS:
                part = here
            if here in _MACHINERY:
                break
        elif role is not PLUMBING:
            break
        outer = outer.f_back
    return part


def _part_of_file(filename: str) -> str:
    try:
        return _parts[filename]
    except KeyError:
        within = filename.replace(os.sep, "/").rpartition("/django/")[2]
        named = (part for beginning, part in _PARTS if within.startswith(beginning))
        return _parts.setdefault(filename, next(named, within.removesuffix(".py").replace("/", ".")))
