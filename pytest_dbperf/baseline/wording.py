"""How do the commands say how many there are?"""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: `1 debt`, `2 debts`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
