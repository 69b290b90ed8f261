"""Who caused it? The frames of your code that led to an event: cheap to take, formatted only when shown."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from pytest_dbperf.callsites import ownership
from pytest_dbperf.callsites.ownership import EDGE, PLUMBING, PROJECT

# A frame would keep every local variable alive and a line number costs a look-up, so a site is a code
# object and the offset of the instruction it was running.
CallSite = tuple[CodeType, int]

# A function, and the line and columns of a call in it. Hashing a code object would read its whole bytecode.
Place = tuple[int, tuple[int | None, ...]]

CallPath = tuple[CallSite, ...]
"""The call sites that led to an event, from the innermost function of your code outwards."""

# A file of Python itself, below which a task runs.
LOOP = "loop"

# Reads a frame that knows something: adds what it is working for to a list, if there is one, or returns a
# call site that is not of Python.
FrameReader = Callable[[FrameType, list[Any] | None], CallSite | None]

# Below this file a task is running, above it whatever happened to run the event loop. Its module is not
# imported: pytest warns when asyncio is there before `-p asyncio`, the name of pytest-asyncio.
_LOOP_FILE = str(Path(os.__file__).parent / "asyncio" / "events.py")

# Recursion of your code must not make a walk endless.
_MOST_SITES = 32
# Enough to find the function that uses a queryset, above what makes it.
_FRAMES_NEARBY = range(6)
_BYTES_OF_AN_INSTRUCTION = 2

# Roles that do not depend on where a file lies.
_appointed: dict[str, str] = {_LOOP_FILE: LOOP}
_roles: dict[str, str] = {**_appointed}
# What a walk has to notice, by file; None for the many files that it only passes.
_landmarks: dict[str, str | Mapping[str, FrameReader] | None] = {**_appointed}
# By code object and offset, with the code object, so that its identity stays its own.
_places: dict[tuple[int, int], tuple[CodeType, Place]] = {}
# The functions that know something, by file and qualified name.
_witnesses: dict[str, Mapping[str, FrameReader]] = {}


def settle(root: Path, packages: Sequence[str] = ()) -> Callable[[], None]:
    """Say what is yours: a folder, and packages wherever they lie. Hands back the way to undo it."""
    undo = ownership.settle(root, packages)
    _forget()

    def unsettle() -> None:
        undo()
        _forget()

    return unsettle


def register_frame_readers(frame_readers: Mapping[str, Mapping[str, FrameReader]]) -> Callable[[], None]:
    """Have the frames of functions read whenever a walk passes them; hand back the way to undo it."""
    _witnesses.update(frame_readers)
    _landmarks.update(frame_readers)

    def dismiss() -> None:
        for filename in frame_readers:
            del _witnesses[filename]
            _landmarks.pop(filename, None)

    return dismiss


def _forget() -> None:
    _roles.clear()
    _roles.update(_appointed)
    _landmarks.clear()
    _landmarks.update(_appointed)
    _landmarks.update(_witnesses)


def role_of(filename: str) -> str:
    """Tell whose file it is: `project`, `django`, `library:<package>`, or one that is never to blame."""
    try:
        return _roles[filename]
    except KeyError:
        return _roles.setdefault(filename, ownership.whose(filename))


def first_to_blame(frame: FrameType | None) -> FrameType | None:
    """Walk outwards from a frame to the first that is not plumbing; None where a task, or a test, begins."""
    roles = _roles
    while frame is not None:
        filename = frame.f_code.co_filename
        # A call for each frame would take most of the time of a walk that is as short as most are.
        role = roles.get(filename) or role_of(filename)
        if role is not PLUMBING:
            return None if role is EDGE or role is LOOP else frame
        frame = frame.f_back
    return None


def end_walks_in(filename: str) -> None:
    """Make a file the end of every walk: its functions note the path so far before they call on."""
    _appointed[filename] = _roles[filename] = _landmarks[filename] = EDGE


def frames_of_yours(depth: int, *, within_task: bool = False) -> CallPath:
    """Walk outwards, leaving out `depth` callers, and keep the frames of your code; if asked, of the task."""
    return frames_of_yours_from(sys._getframe(depth + 1), within_task)


def frames_of_yours_from(
    frame: FrameType | None, within_task: bool, seen: list[Any] | None = None
) -> CallPath:
    """Walk outwards from a frame, and keep the frames of your code; if asked, of the task.

    To `seen` is added what the frame_readers on the way tell.
    """
    sites: list[CallSite] = []
    landmarks = _landmarks
    while frame is not None:
        code = frame.f_code
        try:
            landmark = landmarks[code.co_filename]
        except KeyError:
            landmark = _notice(code.co_filename)
        if landmark is not None:  # Rare, so asked first: a walk has some 0.1 µs for a frame.
            if landmark is PROJECT and len(sites) < _MOST_SITES:
                sites.append((code, frame.f_lasti))
            elif type(landmark) is dict:
                if (reader := landmark.get(code.co_qualname)) is not None:
                    site = reader(frame, seen)
                    # Of a template only the innermost line: those around it are its blocks.
                    if site is not None and not (sites and sites[-1][0].co_filename == site[0].co_filename):
                        sites.append(site)
            elif landmark is not LOOP or within_task:
                break
        frame = frame.f_back
    return tuple(sites)


def _notice(filename: str) -> str | Mapping[str, FrameReader] | None:
    role = role_of(filename)
    return _landmarks.setdefault(filename, role if role in (PROJECT, EDGE, LOOP) else None)


def nearest(frame: FrameType | None) -> CallPath:
    """Walk outwards over the next few frames, whoever they belong to."""
    sites = []
    for _ in _FRAMES_NEARBY:
        if frame is None:
            break
        sites.append((frame.f_code, frame.f_lasti))
        frame = frame.f_back
    return tuple(sites)


def line_of(site: CallSite) -> int:
    """Tell the line that a call site was running."""
    code, offset = site
    for start, end, line in code.co_lines():
        if start <= offset < end and line is not None:
            return line
    return code.co_firstlineno


def place_of(site: CallSite) -> Place:
    """Tell where in the source a call site is, which makes equal ones equal.

    Its offset does not: Python 3.11 and 3.12 run a call at another one once they have learned what is called.
    """
    code, offset = site
    known = _places.get((id(code), offset))
    if known is None:
        instruction = max(offset, 0) // _BYTES_OF_AN_INSTRUCTION
        position = next(islice(code.co_positions(), instruction, None), ())
        known = _places[id(code), offset] = code, (id(code), position)
    return known[1]


def without_recursion(path: CallPath) -> CallPath:
    """Leave out what lies between two calls of a function, so that a recursion has one shape at any depth."""
    outermost = {id(code): place for place, (code, _) in enumerate(path)}
    if len(outermost) == len(path):
        return path
    kept: list[CallSite] = []
    place = 0
    while place < len(path):
        kept.append(path[place])
        place = outermost[id(path[place][0])] + 1
    return tuple(kept)
