"""How is a baseline written as text, and read back? One debt a line, sorted, with its comments."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from pytest_dbperf.baseline.debts import Baseline, Debt, Key
from pytest_dbperf.baseline.lines import WrongLine, debt_in, in_one_line, line_of, with_tabs

_SCHEMA = "1"
HEADER = f"# dbperf-baseline/{_SCHEMA}"
_ANY_HEADER = re.compile(r"# *dbperf-baseline/(\S*)")
CONFLICT_MARKER = re.compile(r"(<{7,}|\|{7,}|={7,}|>{7,})(?: .*)?")


class BrokenBaseline(Exception):
    """A baseline that cannot be read: the file, the line, what is wrong with it, and what repairs it.

    `remedy` is a sentence without its full stop, with a command: "run `dbperf baseline fmt shop.tsv`".
    """

    def __init__(self, path: PurePath | str, line: int | None, problem: str, remedy: str) -> None:
        """`line` is None if it is about the whole file."""
        self.path, self.line, self.problem, self.remedy = str(path), line, problem, remedy
        place = self.path if line is None else f"{self.path}:{line}"
        super().__init__(f"{place}: {problem}. To repair it, {remedy}.")


@dataclass(frozen=True, slots=True)
class _Entry:
    """A debt with the number of its line and the comments above it, or comments of the file."""

    comments: Sequence[str]
    debt: Debt | None = None
    line: int = 0


def parsed(text: str, path: PurePath | str, *, repair: bool = False) -> Baseline:
    """Read a baseline. `path` is for messages.

    An empty text is a baseline without debts. A byte order mark and the line ends of Windows are accepted. To
    `repair` accepts more: no first line, spaces for TABs, and several lines about one debt, of which the
    stricter numbers count.

    Raises:
        BrokenBaseline: It has conflict markers, a later schema, or lines that are wrong or repeated.
    """
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
    _refuse_conflicts(lines, path)
    _refuse_other_schemas(lines, path, repair=repair)
    debts: dict[Key, Debt] = {}
    comments: dict[Key | None, Sequence[str]] = {}
    line_of_key: dict[Key, int] = {}
    for entry in _entries(lines, path, repair=repair):
        debt, key = entry.debt, None
        if debt is not None:
            key = debt.key
            if key in debts and not repair:
                problem = f"`{key}` stands in line {line_of_key[key]} already"
                raise BrokenBaseline(path, entry.line, problem, fmt_of(path))
            debts[key] = _stricter(debts[key], debt) if key in debts else debt
            line_of_key[key] = entry.line
        if entry.comments:
            comments[key] = (*comments.get(key, ()), *entry.comments)
    return Baseline(debts, comments)


def written(baseline: Baseline) -> str:
    """Write a baseline in its canonical form: `parsed` gives it back, and writes it as it is.

    Lines are in the order of their bytes. The comments of the file stand at its top, above an empty line. So
    do the comments of a debt that is not there.
    """
    debts = [debt for debt in baseline.debts.values() if debt.numbers or debt.key.debt_type == "finding"]
    lines = {debt.key: line_of(debt) for debt in debts}
    of_file = [line for key in baseline.comments if key not in lines for line in _comments(baseline, key)]
    text = [HEADER, *of_file]
    if of_file and lines:
        text.append("")
    for key, line in sorted(lines.items(), key=lambda item: item[1].encode()):
        text += [*_comments(baseline, key), line]
    return "\n".join([*text, ""])


def lines_of_debts(text: str, path: PurePath | str) -> Mapping[Key, int]:
    """Return the number of the line of each debt in a text that `parsed` accepts."""
    lines = text.removeprefix("\ufeff").split("\n")
    entries = _entries((line.removesuffix("\r") for line in lines), path, repair=False)
    return {entry.debt.key: entry.line for entry in entries if entry.debt is not None}


def fmt_of(path: PurePath | str) -> str:
    """Return the sentence that repairs what `parsed(..., repair=True)` accepts."""
    return f"run `dbperf baseline fmt {shlex.quote(str(path))}`"


def _comments(baseline: Baseline, key: Key | None) -> Iterator[str]:
    for line in map(in_one_line, baseline.comments.get(key, ())):
        yield line if line.startswith("#") else f"# {line}".rstrip()


def _refuse_conflicts(lines: Iterable[str], path: PurePath | str) -> None:
    for number, line in enumerate(lines, 1):
        marker = CONFLICT_MARKER.fullmatch(line)
        if marker is not None:
            problem = f"`{marker[1]}` is a conflict that git left, so this file has two versions of its lines"
            remedy = f"run `dbperf baseline merge {shlex.quote(str(path))}`"
            raise BrokenBaseline(path, number, problem, remedy)


def _refuse_other_schemas(lines: Iterable[str], path: PurePath | str, *, repair: bool) -> None:
    texts = [(number, line.strip(" \t")) for number, line in enumerate(lines, 1) if line.strip(" \t")]
    for number, line in texts:
        header = _ANY_HEADER.fullmatch(line)
        if header is not None and header[1] != _SCHEMA:
            problem = f"the schema is `{line}`, and this version of pytest-dbperf reads `{HEADER}`"
            raise BrokenBaseline(path, number, problem, "run `pip install --upgrade pytest-dbperf`")
    if texts and not repair and not _ANY_HEADER.fullmatch(texts[0][1]):
        raise BrokenBaseline(path, texts[0][0], f"the first line is not `{HEADER}`", fmt_of(path))


def _entries(lines: Iterable[str], path: PurePath | str, *, repair: bool) -> Iterator[_Entry]:
    comments: list[str] = []
    has_debts = False
    for number, raw in enumerate(lines, 1):
        line = raw.strip(" \t")
        if line.startswith("#"):
            if not _ANY_HEADER.fullmatch(line):
                comments.append(line.rstrip())
        elif line:
            yield _Entry(comments, _debt_in(line, number, path, repair=repair), number)
            comments, has_debts = [], True
        elif not has_debts:
            yield _Entry(comments)
            comments = []
    yield _Entry(comments)


def _debt_in(line: str, number: int, path: PurePath | str, *, repair: bool) -> Debt:
    try:
        return debt_in(line)
    except WrongLine as error:
        try:
            repaired = debt_in(with_tabs(line))
        except WrongLine:
            remedy = "correct or remove this line, then run `pytest --dbperf-update`"
            raise BrokenBaseline(path, number, str(error), remedy) from None
        if repair:
            return repaired
        raise BrokenBaseline(path, number, str(error), fmt_of(path)) from None


def _stricter(one: Debt, other: Debt) -> Debt:
    """Combine two lines about one debt: the lower numbers, and both comments."""
    numbers = {name: min(number, other.numbers.get(name, number)) for name, number in one.numbers.items()}
    comments = [one.comment] if other.comment in {"", one.comment} else [one.comment, other.comment]
    return Debt(one.key, {**other.numbers, **numbers}, ", ".join(filter(None, comments)))
