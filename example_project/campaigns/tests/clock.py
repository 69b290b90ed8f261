"""How do tests wait for the start of a campaign?"""

from dataclasses import dataclass
from datetime import datetime


@dataclass(slots=True)
class Clock:
    """What Django takes for the time of day, as a test sets it."""

    now: datetime
