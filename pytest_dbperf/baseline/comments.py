"""What does the comment of a debt say? `# reason, owner=@shop, until=2027-03`."""

from __future__ import annotations

import calendar
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

_FIELD = re.compile(r"(owner|until)\s*=\s*(.*)")
_DAY = re.compile(r"(\d{4})-(\d\d)(?:-(\d\d))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Comment:
    """A reason, the owners, the last day, and what was meant to be a last day and is none."""

    reason: str = ""
    owners: Sequence[str] = ()
    until: date | None = None
    wrong: Sequence[str] = ()

    def has_expired(self, today: date) -> bool:
        """Tell whether its last day is over."""
        return self.until is not None and self.until < today


def comment_in(text: str) -> Comment:
    """Read the comment of a debt: parts with a comma between them.

    All parts but `owner=` and `until=` are the reason. A month lasts until its last day. If there are several
    last days, as after a merge, the first one counts.
    """
    reasons: list[str] = []
    owners: list[str] = []
    days: list[date] = []
    wrong: list[str] = []
    for part in re.split(r",\s*", text.strip()):
        found = _FIELD.fullmatch(part)
        if found is None:
            reasons.append(part)
        elif found[1] == "owner":
            owners += [found[2]] if found[2] else []
        else:
            day = _last_day(found[2])
            if day is None:
                wrong.append(part)
            else:
                days.append(day)
    return Comment(", ".join(filter(None, reasons)), tuple(owners), min(days, default=None), tuple(wrong))


def _last_day(text: str) -> date | None:
    found = _DAY.fullmatch(text)
    if found is None:
        return None
    year, month, day = int(found[1]), int(found[2]), found[3]
    try:
        return date(year, month, int(day) if day else calendar.monthrange(year, month)[1])
    except ValueError:  # A month 13, or a 31st of April.
        return None
