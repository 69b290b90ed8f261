"""How does pytest show a failure as plain text? The one module that imports pytest's private classes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from _pytest._code.code import ExceptionChainRepr, ExceptionRepr, ReprEntry, ReprFileLocation, ReprTraceback


def text_at(lines: Sequence[str], path: Path, line: int, error: str) -> ExceptionChainRepr:
    """Show plain lines, then a location. The short summary, JUnit and the annotations of a CI use both.

    pytest would show the plugin's own source instead, and the CI would annotate that.
    """
    shown = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    # The style "value" shows the lines as they are: no source, and no "E" in front.
    entry = ReprEntry(lines, None, None, ReprFileLocation(os.fspath(shown), line, error), "value")
    crash = ReprFileLocation(os.fspath(shown), line, lines[0])
    return ExceptionChainRepr([(ReprTraceback([entry], None, "value"), crash, None)])


def add_section(shown: object, title: str, text: str) -> None:
    """Add a part with a title to a failure, below its traceback and its message."""
    if isinstance(shown, ExceptionRepr):
        shown.addsection(title, text)
