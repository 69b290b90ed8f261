"""Do the lists of these queries grow? Each list has all members of the one before, and more."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from pytest_dbperf.recording.events import Query
from pytest_dbperf.sql.asked import mark_of


def are_growing(queries: Sequence[Query]) -> bool:
    """Tell whether each query has a longer list than the one before, and all lists begin alike.

    The levels of a tree have longer and longer lists, too, but no member in common.
    """
    lengths = [query.sql.count("%s") for query in queries]
    # A list of one is written like a single value, and has no mark.
    marks = [query.parameters and mark_of(query.parameters) for query in queries if query.statement.has_list]
    is_one_list = len(marks) > 1 and marks[0] is not None and len(set(marks)) == 1
    return is_one_list and all(before < after for before, after in pairwise(lengths))
