"""How do tests wait for the start of a campaign?"""

from dataclasses import dataclass
from datetime import datetime


@dataclass(slots=True)
class Clock:
    """Django's time of day, set by a test."""

    now: datetime
