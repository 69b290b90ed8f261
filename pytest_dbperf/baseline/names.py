r"""How is a name written in a line? As it is, but for characters that would end the field or the line."""

from __future__ import annotations

import re

_EMPTY = r"\e"
_SHORT = {"\t": r"\t", "\n": r"\n", "\r": r"\r"}
_LONG = {short: character for character, short in _SHORT.items()} | {_EMPTY: "", r"\\": "\\"}
# Controls, separators of lines, half characters and marks that change the direction of what is shown.
# A `#` is escaped only at the start, where a comment begins, and a space only where editors remove it.
_UNSAFE = r"\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff"
# In the pattern of a URL, such as `^books/(?P<pk>\d+)\.json$`, a backslash stays single: no escape begins so.
_TO_ESCAPE = re.compile(rf"^[ #]| $|[{_UNSAFE}]|\\(?![ABDSWZbdswz.*+?()\[\]{{}}^$|/-])")
_ESCAPED = re.compile(r"\\(?:[\\tnre]|x[0-9a-f]{2}|u[0-9a-f]{4})")


def escaped(name: str) -> str:
    r"""Write a name for one field of a line, so that `unescaped` gives it back: a TAB is `\t`."""
    return _TO_ESCAPE.sub(_escape, name) or _EMPTY


def unescaped(field: str) -> str:
    """Read a name back. A backslash that begins no escape is a backslash."""
    return _ESCAPED.sub(_unescape, field)


def _escape(found: re.Match[str]) -> str:
    character = found[0]
    if character == "\\":
        return r"\\"
    code = ord(character)
    return _SHORT.get(character) or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")  # noqa: PLR2004


def _unescape(found: re.Match[str]) -> str:
    escape = found[0]
    return _LONG[escape] if escape in _LONG else chr(int(f"0x{escape[2:]}", 0))
