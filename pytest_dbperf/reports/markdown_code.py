"""How is text put into Markdown so that it stays text? As code, behind more backticks than it has itself."""

from __future__ import annotations

import re
from collections.abc import Iterable

from pytest_dbperf.reports.one_line import one_line

_BACKTICKS = re.compile(r"`+")


def code(text: str, longest: int) -> str:
    """Write a text as code within a line. Mentions, links and HTML in it are shown as they are written."""
    line = one_line(text, longest).strip() or "-"
    fence = "`" * (_most_backticks(line) + 1)
    # A space is needed beside a backtick, and is not shown.
    gap = " " if line[0] == "`" or line[-1] == "`" else ""
    return f"{fence}{gap}{line}{gap}{fence}"


def code_block(lines: Iterable[str], longest: int, language: str = "text") -> list[str]:
    """Write lines as a block of code, each at most `longest` characters long."""
    shown = [one_line(line, longest) for line in lines]
    fence = "`" * max(3, _most_backticks("\n".join(shown)) + 1)
    return [f"{fence}{language}", *shown, fence]


def _most_backticks(text: str) -> int:
    return max(map(len, _BACKTICKS.findall(text)), default=0)
