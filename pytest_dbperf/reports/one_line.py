"""How does any text become one line that a format can hold? Nothing in it can end the line or hide."""

from __future__ import annotations

from pytest_dbperf.violations.plain import plain_text

_CUT = " ..."


def one_line(text: str, longest: int) -> str:
    r"""Return a text as one line of at most `longest` characters; a longer one is cut, and ends in ` ...`.

    Line breaks, control characters, lone surrogates and marks that change the direction of writing become
    escapes, such as `\n`. Other white space becomes a space.
    """
    # Of a statement of a megabyte only the beginning is read. An escape is longer than its character.
    line = "".join(map(_visible, plain_text(text[: longest + 1])))
    return line if len(line) <= longest else f"{line[: longest - len(_CUT)]}{_CUT}"


def _visible(character: str) -> str:
    if character.isprintable():
        return character
    if character in "\t\N{NO-BREAK SPACE}":
        return " "
    return character.encode("unicode_escape").decode()
