"""Which frames of your code led to an event? Taking them is cheap; they are formatted only when shown."""

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

# A site is a code object and the offset of the instruction that was running. A frame would keep every local
# variable alive, and looking up the line number takes time.
CallSite = tuple[CodeType, int]

# The id of a function's code, and the line and columns of a call in it. Hashing a code object would read its
# whole bytecode.
SourcePosition = tuple[int, tuple[int | None, ...]]

CallPath = tuple[CallSite, ...]
"""The call sites that led to an event, the innermost function of your code first."""

# The role of asyncio's file that runs tasks.
LOOP = "loop"

# Reads one frame, and appends what it finds to the list, if there is one. Or it returns a call site outside
# of Python code, such as a line of a template.
FrameReader = Callable[[FrameType, list[Any] | None], CallSite | None]

# Frames inside of this file's frame belong to a task, frames outside to the code that runs the event loop.
# The module is not imported: pytest warns if asyncio is loaded before `-p asyncio`, which is pytest-asyncio.
_LOOP_FILE = str(Path(os.__file__).parent / "asyncio" / "events.py")

# Deep recursion in your code must not make call paths huge.
_MOST_SITES = 32
# Enough to reach the function that uses a queryset from the frame that creates it.
_FRAMES_NEARBY = range(6)
_BYTES_OF_AN_INSTRUCTION = 2

# Roles that do not depend on the location of a file.
_fixed_roles: dict[str, str] = {_LOOP_FILE: LOOP}
_roles: dict[str, str] = {**_fixed_roles}
# What a walk does at a frame of this file: keep it (PROJECT), stop (EDGE, LOOP), or call a reader for its
# function (a mapping). None, for most files: go on.
_walk_actions: dict[str, str | Mapping[str, FrameReader] | None] = {**_fixed_roles}
# By the id of a code object and an offset. The code object is kept, so that no other one gets its id.
_positions: dict[tuple[int, int], tuple[CodeType, SourcePosition]] = {}
# By file and qualified name of a function.
_frame_readers: dict[str, Mapping[str, FrameReader]] = {}


def set_project_root(root: Path, packages: Sequence[str] = ()) -> Callable[[], None]:
    """Set the folder of the project, and the packages that belong to it. Return a function that undoes it."""
    undo = ownership.set_project_root(root, packages)
    _forget_files()

    def restore() -> None:
        undo()
        _forget_files()

    return restore


def register_frame_readers(frame_readers: Mapping[str, Mapping[str, FrameReader]]) -> Callable[[], None]:
    """Read the frames of these functions when a walk passes them. Return a function that undoes it."""
    _frame_readers.update(frame_readers)
    _walk_actions.update(frame_readers)

    def unregister() -> None:
        for filename in frame_readers:
            del _frame_readers[filename]
            _walk_actions.pop(filename, None)

    return unregister


def _forget_files() -> None:
    _roles.clear()
    _roles.update(_fixed_roles)
    _walk_actions.clear()
    _walk_actions.update(_fixed_roles)
    _walk_actions.update(_frame_readers)


def role_of(filename: str) -> str:
    """Return the role of a file: `project`, `django`, `library:<package>`, or one that is never to blame."""
    try:
        return _roles[filename]
    except KeyError:
        return _roles.setdefault(filename, ownership.role_of_file(filename))


def first_to_blame(frame: FrameType | None) -> FrameType | None:
    """Walk outwards to the first frame that is not plumbing. Return None where a task or a test begins."""
    roles = _roles
    while frame is not None:
        filename = frame.f_code.co_filename
        # Most walks are short: a function call for each frame would take most of their time.
        role = roles.get(filename) or role_of(filename)
        if role is not PLUMBING:
            return None if role is EDGE or role is LOOP else frame
        frame = frame.f_back
    return None


def end_walks_in(filename: str) -> None:
    """End every walk at frames of this file: its functions store the path so far before they call others."""
    _fixed_roles[filename] = _roles[filename] = _walk_actions[filename] = EDGE


def project_frames(depth: int, *, within_task: bool = False) -> CallPath:
    """Walk outwards, skipping `depth` callers, and keep the frames of your code.

    With `within_task` the walk ends where the running task begins.
    """
    return project_frames_from(sys._getframe(depth + 1), within_task)


def project_frames_from(
    frame: FrameType | None, within_task: bool, seen: list[Any] | None = None
) -> CallPath:
    """Walk outwards from a frame, and keep the frames of your code.

    With `within_task` the walk ends where the running task begins. The frame readers append to `seen`.
    """
    sites: list[CallSite] = []
    actions = _walk_actions
    while frame is not None:
        code = frame.f_code
        try:
            action = actions[code.co_filename]
        except KeyError:
            action = _action_for(code.co_filename)
        if action is not None:  # Most are None, so this comes first: a walk has some 0.1 µs for a frame.
            if action is PROJECT and len(sites) < _MOST_SITES:
                sites.append((code, frame.f_lasti))
            elif type(action) is dict:
                if (reader := action.get(code.co_qualname)) is not None:
                    site = reader(frame, seen)
                    # Of each template keep only the innermost line: the lines around it are its blocks.
                    if site is not None and not (sites and sites[-1][0].co_filename == site[0].co_filename):
                        sites.append(site)
            elif action is not LOOP or within_task:
                break
        frame = frame.f_back
    return tuple(sites)


def _action_for(filename: str) -> str | Mapping[str, FrameReader] | None:
    role = role_of(filename)
    return _walk_actions.setdefault(filename, role if role in (PROJECT, EDGE, LOOP) else None)


def nearby_sites(frame: FrameType | None) -> CallPath:
    """Walk outwards over the next few frames, whatever their role."""
    sites = []
    for _ in _FRAMES_NEARBY:
        if frame is None:
            break
        sites.append((frame.f_code, frame.f_lasti))
        frame = frame.f_back
    return tuple(sites)


def line_of(site: CallSite) -> int:
    """Return the line number of a call site."""
    code, offset = site
    for start, end, line in code.co_lines():
        if start <= offset < end and line is not None:
            return line
    return code.co_firstlineno


def position_of(site: CallSite) -> SourcePosition:
    """Return the position of a call site in the source, as a key for comparing call sites.

    The offset is no key: after Python 3.11 or 3.12 has specialised a call, it runs at another offset.
    """
    code, offset = site
    known = _positions.get((id(code), offset))
    if known is None:
        instruction = max(offset, 0) // _BYTES_OF_AN_INSTRUCTION
        position = next(islice(code.co_positions(), instruction, None), ())
        known = _positions[id(code), offset] = code, (id(code), position)
    return known[1]


def without_recursion(path: CallPath) -> CallPath:
    """Cut out the sites between two calls of the same function: a recursion looks the same at any depth."""
    outermost = {id(code): index for index, (code, _) in enumerate(path)}
    if len(outermost) == len(path):
        return path
    kept: list[CallSite] = []
    index = 0
    while index < len(path):
        kept.append(path[index])
        index = outermost[id(path[index][0])] + 1
    return tuple(kept)
