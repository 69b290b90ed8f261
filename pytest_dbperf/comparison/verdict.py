"""What does comparing two runs answer? What is new, gone, worse or better, and what was not compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

Change: TypeAlias = Literal["new", "gone", "worse", "better"]

SCHEMA = "dbperf-comparison/1"


def change_of(base: int | None, head: int | None) -> Change:
    """Name the change of a number. What was not there has no number."""
    if base is None:
        return "new"
    if head is None:
        return "gone"
    return "worse" if head > base else "better"


@dataclass(frozen=True, slots=True)
class CauseChange:
    """A finding that is there only before or after, or that happens more or less often in the same tests.

    `base` and `head` say how often in the tests that were compared, None if never. `tests` are those in which
    that changed. `line` is the innermost line that did it.
    """

    budget: str
    subject: str
    function: str
    base: int | None
    head: int | None
    tests: Sequence[str]
    line: str
    fix: str = ""
    """The change that the failure of the first test proposes; empty if there is none."""
    in_tests: bool = False
    """Whether only code of the tests did it."""
    is_accepted: bool = False
    """Whether the baseline accepts it."""

    @property
    def change(self) -> Change:
        """How it changed."""
        return change_of(self.base, self.head)


@dataclass(frozen=True, slots=True)
class MovedCause:
    """A finding that another function does now, just as often in the same tests."""

    budget: str
    subject: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Place:
    """A line of your code, and the number of tests in which it ran a statement more or less often."""

    line: str
    tests: int


@dataclass(frozen=True, slots=True)
class GroupChange:
    """A statement or a hop that ran more often, or less often, in some tests than before.

    `smallest` and `largest` are the differences in these tests, both negative if it ran less often.
    """

    what: str
    using: str
    smallest: int
    largest: int
    change: Change
    """New if none of these tests ran it before, gone if none of them runs it now."""
    tests: Sequence[str]
    places: Sequence[Place]


@dataclass(frozen=True, slots=True)
class NumberChange:
    """A number of a test or of a route that changed: `queries`, `hops` or `connections`.

    That of a route is the highest of its requests. A route that no request reached has None.
    """

    key: str
    name: str
    base: int | None
    head: int | None

    @property
    def change(self) -> Change:
        """How it changed."""
        return change_of(self.base, self.head)


@dataclass(frozen=True, slots=True)
class Source:
    """Where the numbers of one side come from."""

    commit: str | None
    dirty: bool | None
    versions: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What comparing two runs answers. Only tests that ran in both of them are compared, and never times."""

    base: Source
    head: Source
    obstacles: Sequence[str]
    """Why it cannot be called clean, whatever was compared."""
    compared: int
    """The number of tests that were compared."""
    only_in_base: Sequence[str]
    only_in_head: Sequence[str]
    not_passed: Sequence[str]
    """Tests of both runs that were skipped, or that ended early, in one of them."""
    renamed: Mapping[str, str]
    """The new ids of tests, by the old ones."""
    causes: Sequence[CauseChange]
    moved: Sequence[MovedCause]
    groups: Sequence[GroupChange]
    tests: Sequence[NumberChange]
    routes: Sequence[NumberChange]

    @property
    def has_changes(self) -> bool:
        """Whether anything that was compared differs."""
        return bool(self.causes or self.moved or self.groups or self.tests or self.routes)

    def to_json(self) -> dict[str, Any]:
        """Write it for other programs, each change with its name."""
        named = {
            "causes": [{**asdict(each), "change": each.change} for each in self.causes],
            "tests": [{**asdict(each), "change": each.change} for each in self.tests],
            "routes": [{**asdict(each), "change": each.change} for each in self.routes],
        }
        return {"schema": SCHEMA, **asdict(self), **named}
