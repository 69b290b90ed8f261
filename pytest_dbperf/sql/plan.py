"""How would PostgreSQL run a statement? Its plan, and the filters that no index serves."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_dbperf.sql.fingerprint import Statement

# A node of EXPLAIN (VERBOSE, FORMAT JSON), with the nodes below it as "Plans".
Node = Mapping[str, Any]

# Foreign tables have indexes elsewhere, and a sample of a table is read as it lies.
_SCANS = frozenset(("Seq Scan", "Index Scan", "Index Only Scan", "Bitmap Heap Scan"))
_CONDITIONS = ("Index Cond", "Recheck Cond")
# Nobody adds an index there.
_SCHEMAS_OF_SERVER = frozenset(("information_schema", "pg_catalog", "pg_toast"))

# All rows of the outer side are asked for, and what the inner side says of its own leaves some of them out.
_NARROWING_JOINS = frozenset(("Inner", "Semi"))
# The rest are subplans: queries of their own.
_OF_ONE_QUERY = frozenset((None, "Outer", "Inner", "Member", "Subquery"))

_STRING = r"'(?:[^']|'')*'"
_COLUMN = re.compile(
    rf"""{_STRING}|(?<![\w$."])((?:"(?:[^"]|"")*"|[\w$]+)\.(?:"(?:[^"]|"")*"|[\w$]+))(?!\()"""
)


@dataclass(frozen=True, slots=True)
class UnservedFilter:
    """A condition on a table, as PostgreSQL writes it, that no index serves.

    `alias` is the table's name in the statement, `fix` an index that was proven to serve the condition.
    """

    schema: str
    table: str
    alias: str
    condition: str
    fix: str = ""

    @property
    def shown(self) -> str:
        """The condition without the table before each column, and without the outermost parentheses."""
        text = re.sub(rf"({_STRING})|{_prefix_of(self.alias)}", lambda found: found[1] or "", self.condition)
        return without_parentheses(text)


@dataclass(frozen=True, slots=True)
class Plan:
    """What PostgreSQL would do for a statement on an alias, if reading whole tables cost too much."""

    using: str
    statement: Statement
    root: Node
    unserved: Sequence[UnservedFilter] = ()


def unserved_filters(root: Node) -> list[UnservedFilter]:
    """Find the scans of tables that have a condition to check, and no index to look it up in.

    A table that is looked up for each row of another one is such a scan, too, if that other one is read in
    full: whether PostgreSQL begins with the one or with the other is a matter of their sizes.
    """
    found = {
        UnservedFilter(
            node.get("Schema", ""), node["Relation Name"], node.get("Alias", ""), node["Filter"]
        ): None
        for node, is_driven in _filtered_tables(root)
        if not _is_looked_up(node) or (is_driven and _is_looked_up_for_others(node))
    }
    return [each for each in found if columns_in(each.condition, each.alias)]


def as_it_is_read(node: Node, first_columns: Mapping[str, str], alias: str = "") -> Node:
    """Make filters of conditions that an index is asked, but not by its first column: all of it is read.

    Where reading tables is priced out, PostgreSQL does that rather than read the table. `first_columns` are
    those of the B-trees that have several.
    """
    alias = node.get("Alias", alias)
    planned = node.get("Plans", ())
    below = [as_it_is_read(child, first_columns, alias) for child in planned]
    first = first_columns.get(node.get("Index Name", ""))
    is_plain_relation = bool(first) and first not in columns_in(node.get("Index Cond", ""), alias)
    if node["Node Type"].startswith("Bitmap"):
        # One side of an OR that reads all leaves nothing for the other to leave out.
        enough = all if node["Node Type"] == "BitmapOr" else any
        was_enough, is_enough = (enough(map(_is_looked_up, plans)) for plans in (planned, below))
        is_plain_relation = is_plain_relation or (was_enough and not is_enough)
    read = {**node, "Plans": below} if below else node
    return _with_filter(read) if is_plain_relation else read


def _with_filter(node: Node) -> Node:
    conditions = [node[condition] for condition in (*_CONDITIONS, "Filter") if condition in node]
    without = {key: value for key, value in node.items() if key not in _CONDITIONS}
    if node["Node Type"].startswith("Bitmap"):
        without["Plans"] = [_with_filter(child) for child in node.get("Plans", ())]
    return {**without, "Filter": " AND ".join(conditions)} if _is_a_table(node) and conditions else without


def nodes_of(root: Node) -> Iterator[Node]:
    """Walk a plan, its subplans included."""
    yield root
    for below in root.get("Plans", ()):
        yield from nodes_of(below)


def indexes_of(root: Node) -> set[str]:
    """Name the indexes that are looked up."""
    return {node["Index Name"] for node in nodes_of(root) if "Index Cond" in node}


def conditions_on(root: Node, index: str) -> str:
    """Tell by which conditions an index is looked up, together."""
    return " ".join(
        node["Index Cond"]
        for node in nodes_of(root)
        if node.get("Index Name") == index and "Index Cond" in node
    )


def columns_in(condition: str, alias: str) -> list[str]:
    """List the columns of a table in a condition, as PostgreSQL writes them: `starts_at`, `"order"`."""
    columns = re.findall(rf'{_STRING}|{_prefix_of(alias)}("(?:[^"]|"")*"|[\w$]+)', condition)
    return [*dict.fromkeys(filter(None, columns))]


def without_parentheses(text: str) -> str:
    """Take off the parentheses that are around all of it."""
    while text.startswith("(") and _end_of_parenthesis(text) == len(text):
        text = text[1:-1]
    return text


def _end_of_parenthesis(text: str) -> int:
    depth = 0
    for mark in re.finditer(rf"""{_STRING}|"(?:[^"]|"")*"|[()]""", text):
        depth += {"(": 1, ")": -1}.get(mark[0], 0)
        if depth == 0 and mark[0] == ")":
            return mark.end()
    return 0


def _filtered_tables(node: Node, *, is_driven: bool = False) -> Iterator[tuple[Node, bool]]:
    """Walk to the scans with a filter; whether each is repeated for all rows of a table without one."""
    if _is_a_table(node) and "Filter" in node:
        yield node, is_driven
    below = node.get("Plans", ())
    outer = [child for child in below if child.get("Parent Relationship") == "Outer"]
    drives = node["Node Type"] == "Nested Loop" and any(map(_has_a_full_scan, outer))
    narrows = node.get("Join Type", "Inner") in _NARROWING_JOINS
    for child in below:
        relationship = child.get("Parent Relationship")
        goes_on = is_driven if relationship in _OF_ONE_QUERY else False
        if relationship == "Inner":
            goes_on = narrows and (drives or is_driven)
        yield from _filtered_tables(child, is_driven=goes_on)


def _has_a_full_scan(node: Node) -> bool:
    """Tell whether a table is read in full, without a condition, for a part of a query."""
    if _is_a_table(node) and "Filter" not in node and not _is_looked_up(node):
        return True
    below = (child for child in node.get("Plans", ()) if child.get("Parent Relationship") in _OF_ONE_QUERY)
    return any(map(_has_a_full_scan, below))


def _is_a_table(node: Node) -> bool:
    return node["Node Type"] in _SCANS and node.get("Schema") not in _SCHEMAS_OF_SERVER


def _is_looked_up_for_others(node: Node) -> bool:
    """Tell whether it is looked up by other tables alone, and filtered by what is its own."""
    alias = node.get("Alias", "")
    conditions = [below["Index Cond"] for below in nodes_of(node) if "Index Cond" in below]
    is_for_others = bool(conditions) and all(_tells_of_others(each, alias) for each in conditions)
    return is_for_others and not _tells_of_others(node["Filter"], alias)


def _tells_of_others(condition: str, alias: str) -> bool:
    columns = filter(None, _COLUMN.findall(condition))
    return any(not re.match(_prefix_of(alias), column) for column in columns)


def _is_looked_up(node: Node) -> bool:
    if any(condition in node for condition in _CONDITIONS):
        return True
    # LIKE 'x%' is a range in the bitmap's index, and then a filter, with no condition between them.
    bitmaps = (below for below in node.get("Plans", ()) if below["Node Type"].startswith("Bitmap"))
    return any(map(_is_looked_up, bitmaps))


def _prefix_of(alias: str) -> str:
    # A name is quoted if it is a word of SQL's, too.
    return rf'(?<![\w$."])"?{re.escape(alias)}"?\.'
