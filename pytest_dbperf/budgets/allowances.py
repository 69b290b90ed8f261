"""Is it allowed? Patterns of names and of call sites, and the budgets that take them as `allow`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import KW_ONLY, dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, ClassVar

from pytest_dbperf.callsites.callsite import CallPath, CallSite, line_of
from pytest_dbperf.callsites.shown import COMPREHENSIONS
from pytest_dbperf.recording.recorder import Recording


@dataclass(frozen=True, slots=True)
class WithAllowances(ABC):
    """What budgets with an `allow` share: a subclass tells what it judges, and the names of that."""

    name: ClassVar[str]
    example: ClassVar[str]
    """A name that could be allowed, for the message that refuses what is no list of names."""

    _: KW_ONLY
    allow: Sequence[str] = ()
    reason: str = ""

    def __post_init__(self) -> None:
        require_patterns(f"{self.name} allow", self.allow, example=self.example)

    @property
    def is_lifted(self) -> bool:
        """Whether everything is allowed."""
        return "*" in self.allow

    @property
    def aliases(self) -> Sequence[str]:
        """None: it is about all databases."""
        return ()

    @abstractmethod
    def judged(self, recording: Recording) -> Sequence[Any]:
        """What would break the budget, were it not allowed: each has a `call_path`."""

    @abstractmethod
    def names_of(self, judged: Any) -> Sequence[str]:
        """The names that it can be allowed by."""

    def forbidden(self, recording: Recording) -> list[Any]:
        """What breaks the budget."""
        return [each for each in self.judged(recording) if self.allowance_of(each) is None]

    def allowances_used(self, recording: Recording) -> set[str]:
        """The patterns that something needed."""
        used = (self.allowance_of(each) for each in self.judged(recording))
        return {pattern for pattern in used if pattern is not None}

    def allowance_of(self, judged: Any) -> str | None:
        """The first pattern that allows it, None if none does."""
        return allows(self.allow, self.names_of(judged), judged.call_path)


def allows(patterns: Iterable[str], names: Iterable[str], call_path: CallPath) -> str | None:
    """Return the first pattern that allows what has these names and comes from there, or None.

    A pattern is a name (`QuerySet.get`, or its last part `get`) or tells the innermost call site: its file
    (`campaigns/api.py`), line (`campaigns/api.py:31`) or function (`create_user`). Wildcards are those of
    `fnmatch`, and a case is a case.
    """
    known = [*names, *(_function_of(site) for site in call_path[:1])]
    known += [name.rpartition(".")[2] for name in known]
    places = [place for site in call_path[:1] for place in _places_of(site)]
    return next((pattern for pattern in patterns if _matches(pattern, known, places)), None)


def require_patterns(what: str, patterns: object, *, example: str) -> None:
    """Refuse what is not a list of patterns: a single string would be one of letters."""
    listed = list(patterns) if isinstance(patterns, Sequence) and not isinstance(patterns, str) else [None]
    if not all(isinstance(pattern, str) for pattern in listed):
        raise ValueError(f'{what} must be a list of names, such as ["{example}"]')


def _matches(pattern: str, names: Iterable[str], places: Iterable[str]) -> bool:
    if any(fnmatchcase(name, pattern) for name in names):
        return True
    # `create_*` is a name: as the end of a path it would match any file below such a directory.
    is_a_place = "/" in pattern or pattern.partition(":")[0].endswith(".py")
    return is_a_place and any(fnmatchcase(place, f"*/{pattern.removeprefix('/')}") for place in places)


def _function_of(site: CallSite) -> str:
    """The function as it is shown, without where it was defined; a comprehension is its function."""
    names = site[0].co_qualname.split(".<locals>.")
    while len(names) > 1 and names[-1] in COMPREHENSIONS:
        names.pop()
    return names[-1]


def _places_of(site: CallSite) -> tuple[str, str]:
    file = f"/{Path(site[0].co_filename).as_posix().removeprefix('/')}"
    return file, f"{file}:{line_of(site)}"
