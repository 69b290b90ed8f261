"""In which values do queries differ that share one object?"""

from __future__ import annotations

from array import array
from typing import NamedTuple


class CompactedValues(NamedTuple):
    """The values in which queries that share one object differ, one item per query, None for no values.

    `has_texts` is true if their SQL texts differed as well. Then the hash in `parameters` includes the values
    that are written into the text.
    """

    started: array[float]
    seconds: array[float]
    parameters: array[int] | None
    row: array[int] | None
    instance: array[int] | None
    has_texts: bool = False
