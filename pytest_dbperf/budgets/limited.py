"""What do budgets with a limit share? None lifts it, a reason explains it, `using` narrows it to an alias."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

from pytest_dbperf.budgets.budget import require_alias, require_limit, require_milliseconds


@dataclass(frozen=True, slots=True)
class Limited:
    """A budget with one limit. The subclass declares the field of that limit."""

    name: ClassVar[str]
    limited_by: ClassVar[str] = "limit"
    """The name of the field with the limit."""

    _: KW_ONLY
    reason: str = ""

    def __post_init__(self) -> None:
        self.require(f"{self.name} {self.limited_by}", getattr(self, self.limited_by))

    def require(self, what: str, limit: object) -> None:
        """Refuse a wrong limit."""
        require_limit(what, limit)

    @property
    def is_lifted(self) -> bool:
        """Whether the limit is None."""
        return getattr(self, self.limited_by) is None

    @property
    def aliases(self) -> Sequence[str]:
        """No alias by name: the budget counts on all of them."""
        return ()


@dataclass(frozen=True, slots=True)
class LimitedOnAlias(Limited):
    """A budget with a limit that `using` can narrow to one database alias."""

    _: KW_ONLY
    using: str | None = None

    def __post_init__(self) -> None:
        Limited.__post_init__(self)
        require_alias(f"{self.name} using", self.using)

    @property
    def aliases(self) -> Sequence[str]:
        """The alias in `using`, if there is one."""
        return () if self.using is None else (self.using,)

    def is_about(self, alias: str | None) -> bool:
        """Tell whether the budget counts what happens on an alias."""
        return self.using in (None, alias)


@dataclass(frozen=True, slots=True)
class LimitedTime(LimitedOnAlias):
    """A budget with a limit in milliseconds."""

    limited_by: ClassVar[str] = "milliseconds"

    milliseconds: float | None

    def require(self, what: str, limit: object) -> None:
        """Refuse a wrong time."""
        require_milliseconds(what, limit)
