"""Whose decision was a hop? The project's, a library's, or that of a part of Django."""

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

# By the beginning of the path within the package, the first that fits.
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
# What these do is done by the ORM in the end, and yet it was them that were asked.
_TOPICS = frozenset(("auth", "session", "cache"))
# These call whatever was plugged into them.
_MACHINERY = frozenset((_HANDLERS, _MIXIN, SIGNAL))

# What Django's handlers and test clients send to a thread, apart from views and middlewares: first methods.
_ERRANDS_OF_OBJECTS = {
    "close": RESPONSE_CLOSE,
    "process_exception_by_middleware": "exception-middleware",
    "render": "response-render",
    "write": "request-body",
}
_ERRANDS = {"log_response": "response-log", "response_for_exception": "error-response"}

_parts: dict[str, str] = {}


def origin_of_hop(
    frame: FrameType | None, maker: str | None, adapts: str, owner: type | None, function: str
) -> tuple[str, str]:
    """Tell whose decision a hop was that was called for in this frame, and which part of Django it was.

    Who made the adapter decided, and only if that is not known, who calls it: a middleware of yours that
    calls `get_response()` calls an adapter that Django made for it. What an adapter `adapts` is known where
    the stack of middlewares is built.
    """
    origin = None if maker is None else role_of(maker)
    caller = None
    if origin is None or origin is DJANGO:
        frame = first_to_blame(frame)
        caller = None if frame is None else role_of(frame.f_code.co_filename)
        # Nobody known: rather yours by mistake than a hop that no budget sees.
        origin = origin or caller or PROJECT
    if origin is not DJANGO:
        return origin, ""
    if adapts:
        return DJANGO, adapts
    part = _part_of_frames(frame) if frame is not None and caller is DJANGO else _part_of_file(maker or "")
    if part == _MIXIN:
        return DJANGO, f"{MIDDLEWARE}{owner.__name__ if owner else function}"
    if part == _HANDLERS:
        errands = _ERRANDS if owner is None else _ERRANDS_OF_OBJECTS
        return DJANGO, errands.get(function.rpartition(".")[2], VIEW_ADAPTER)
    return DJANGO, part


def _part_of_frames(frame: FrameType) -> str:
    """Ask Django's frames from here outwards, until others come, which part of it was asked."""
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
