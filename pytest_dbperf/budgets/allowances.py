"""Is it allowed? `allow` has patterns that match names or call sites."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import KW_ONLY, dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, ClassVar

from pytest_dbperf.budgets.findings import WithFindings
from pytest_dbperf.callsites.callsite import CallPath, CallSite, line_of
from pytest_dbperf.callsites.shown import function_of
from pytest_dbperf.recording.recorder import Recording


@dataclass(frozen=True, slots=True)
class WithAllowances(WithFindings):
    """A budget with an `allow`. The subclass says what it counts, and by which names that can be allowed."""

    name: ClassVar[str]
    example: ClassVar[str]
    """A name for the error message that shows how to write `allow`."""

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
        """No alias by name: the budget counts on all of them."""
        return ()

    @abstractmethod
    def judged(self, recording: Recording) -> Sequence[Any]:
        """What breaks the budget unless it is allowed. Each has a `call_path`."""

    @abstractmethod
    def names_to_allow(self, judged: Any) -> Sequence[str]:
        """Names that `allow` can match."""

    def forbidden(self, recording: Recording) -> list[Any]:
        """What breaks the budget: everything that is not allowed."""
        return [each for each in self.judged(recording) if self.allowance_of(each) is None]

    def allowances_used(self, recording: Recording) -> set[str]:
        """The patterns that allowed something."""
        used = (self.allowance_of(each) for each in self.judged(recording))
        return {pattern for pattern in used if pattern is not None}

    def allowance_of(self, judged: Any) -> str | None:
        """The first pattern that allows it, or None."""
        return allows(self.allow, self.names_to_allow(judged), judged.call_path)


def allows(patterns: Iterable[str], names: Iterable[str], call_path: CallPath) -> str | None:
    """Return the first pattern that matches one of the names or the innermost call site, or None.

    A pattern is a name (`QuerySet.get`, or its last part `get`), or the file (`campaigns/api.py`), line
    (`campaigns/api.py:31`) or function (`create_user`) of the call site. Wildcards are those of `fnmatch`;
    upper and lower case differ.
    """
    known = [*names, *(function_of(site) for site in call_path[:1])]
    known += [name.rpartition(".")[2] for name in known]
    locations = [location for site in call_path[:1] for location in _locations_of(site)]
    return next((pattern for pattern in patterns if _matches(pattern, known, locations)), None)


def require_patterns(what: str, patterns: object, *, example: str) -> None:
    """Refuse anything but a list of patterns; a single string would be read as a list of letters."""
    listed = list(patterns) if isinstance(patterns, Sequence) and not isinstance(patterns, str) else [None]
    if not all(isinstance(pattern, str) for pattern in listed):
        raise ValueError(f'{what} must be a list of names, such as ["{example}"]')


def _matches(pattern: str, names: Iterable[str], locations: Iterable[str]) -> bool:
    if any(fnmatchcase(name, pattern) for name in names):
        return True
    # `create_*` is a name: as the end of a path it would match every file below such a directory.
    is_location = "/" in pattern or pattern.partition(":")[0].endswith(".py")
    ending = f"*/{pattern.removeprefix('/')}"
    return is_location and any(fnmatchcase(location, ending) for location in locations)


def _locations_of(site: CallSite) -> tuple[str, str]:
    file = f"/{Path(site[0].co_filename).as_posix().removeprefix('/')}"
    return file, f"{file}:{line_of(site)}"
