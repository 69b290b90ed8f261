"""How is a call site written? As `campaigns/api.py:31 serialize`, relative to the project."""

from __future__ import annotations

from pathlib import Path

from pytest_dbperf.callsites.callsite import CallPath, CallSite, line_of

# Comprehensions have frames of their own until Python 3.11, generator expressions in every version.
COMPREHENSIONS = frozenset(("<listcomp>", "<dictcomp>", "<setcomp>", "<genexpr>"))


def location_of(site: CallSite, root: Path) -> str:
    """Write `campaigns/api.py:31`, relative to the root if the file is inside of it."""
    return f"{relative(site[0].co_filename, root)}:{line_of(site)}"


def describe(path: CallPath, root: Path) -> list[str]:
    """Write each call site as `campaigns/api.py:31 serialize`; a comprehension gets its function's name."""
    lines = []
    comprehended = ""
    for site in path:
        function = around_comprehensions(site)
        if function != comprehended:
            comprehended = function if site[0].co_name in COMPREHENSIONS else ""
            lines.append(f"{location_of(site, root)} {function_of(site)}")
    return lines


def function_of(site: CallSite) -> str:
    """Name the function of a call site, `Author.titles`, without the functions that it is written in."""
    return around_comprehensions(site).rpartition("<locals>.")[2]


def around_comprehensions(site: CallSite) -> str:
    """Return the qualified name of a function, or of the function that a comprehension belongs to."""
    names = [name for name in site[0].co_qualname.split(".") if name not in COMPREHENSIONS]
    if names[-1:] == ["<locals>"]:
        names.pop()
    return ".".join(names) or "<module>"


def describe_by_function(sites: CallPath, root: Path) -> list[str]:
    """Write call sites of one function as `campaigns/api.py:31,33 load`."""
    lines: dict[tuple[str, str], list[int]] = {}
    for site in sites:
        location, _, function = describe((site,), root)[0].rpartition(" ")
        here = lines.setdefault((location.rpartition(":")[0], function), [])
        if (line := line_of(site)) not in here:
            here.append(line)
    return [f"{file}:{','.join(map(str, found))} {function}" for (file, function), found in lines.items()]


def relative(filename: str, root: Path) -> str:
    """Write a path with forward slashes, relative to the root if it is inside of it."""
    path = Path(filename)
    return (path.relative_to(root) if path.is_relative_to(root) else path).as_posix()
