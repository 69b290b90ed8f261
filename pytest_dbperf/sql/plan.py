"""How would PostgreSQL run a statement? Its plan, and the filters in it that no index serves."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_dbperf.sql.fingerprint import Statement

# A node of EXPLAIN (VERBOSE, FORMAT JSON), with the nodes below it as "Plans".
Node = Mapping[str, Any]

# Not a foreign scan, as indexes of a foreign table are elsewhere, nor a sample scan, which uses none.
_SCANS = frozenset(("Seq Scan", "Index Scan", "Index Only Scan", "Bitmap Heap Scan"))
CONDITIONS = ("Index Cond", "Recheck Cond")
# A project cannot add indexes to the tables of these.
_SCHEMAS_OF_SERVER = frozenset(("information_schema", "pg_catalog", "pg_toast"))

# The inner side of these joins can filter out rows of the outer side.
_NARROWING_JOINS = frozenset(("Inner", "Semi"))
# Any other relationship is a subplan, which is a query of its own.
_OF_ONE_QUERY = frozenset((None, "Outer", "Inner", "Member", "Subquery"))

_STRING = r"'(?:[^']|'')*'"
_COLUMN = re.compile(
    rf"""{_STRING}|(?<![\w$."])((?:"(?:[^"]|"")*"|[\w$]+)\.(?:"(?:[^"]|"")*"|[\w$]+))(?!\()"""
)


@dataclass(frozen=True, slots=True)
class MissingIndex:
    """An index to add to a model: its text, the model and its file, and what is written around its text."""

    text: str
    model: str
    before: str
    after: str = ""


@dataclass(frozen=True, slots=True)
class UnservedFilter:
    """A condition on a table that no index serves, as PostgreSQL writes it.

    `alias` is the table's name in the statement. `index` is proven to serve the condition; without one,
    `why_no_index` may say why. `partition_of` has the tables that the table is a partition of.
    """

    schema: str
    table: str
    alias: str
    condition: str
    index: MissingIndex | None = None
    why_no_index: str = ""
    partition_of: tuple[str, ...] = ()

    @property
    def shown(self) -> str:
        """The condition without the table name before each column and without the outer parentheses."""
        text = re.sub(rf"({_STRING})|{_prefix_of(self.alias)}", lambda found: found[1] or "", self.condition)
        return without_parentheses(text)


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan of a statement on an alias, made while PostgreSQL avoids sequential scans."""

    using: str
    statement: Statement
    root: Node
    unserved: Sequence[UnservedFilter] = ()


def written_indexes(indexes: Iterable[MissingIndex]) -> list[str]:
    """Write indexes as they are added to the Meta of their models: one line for each model."""
    by_model: dict[tuple[str, str, str], dict[str, None]] = {}
    for index in indexes:
        texts = by_model.setdefault((index.model, index.before, index.after), {})
        texts[index.text] = None
    return [
        f"{before}{', '.join(texts)}{after}   in {model}"
        for (model, before, after), texts in by_model.items()
    ]


def unserved_filters(root: Node) -> list[UnservedFilter]:
    """Find the table scans that filter rows by a condition that no index serves.

    In a join, PostgreSQL picks the table to begin with by size. If it reads one table in full, a filter on
    the other one counts, even if PostgreSQL looks up that table by index for each row.
    """
    found = {
        UnservedFilter(
            schema=node.get("Schema", ""),
            table=node["Relation Name"],
            alias=node.get("Alias", ""),
            condition=node["Filter"],
            partition_of=node.get("Partition Of", ()),
        ): None
        for node, is_driven in _filtered_tables(root)
        if not _is_searched(node) or (is_driven and _is_searched_by_other_tables(node))
    }
    return [each for each in found if columns_in(each.condition, each.alias)]


def full_reads_as_filters(node: Node, first_columns: Mapping[str, str], alias: str = "") -> Node:
    """Turn the condition on an index into a filter if it leaves out the first column of the index.

    PostgreSQL reads the whole index for such a condition, and prefers that while sequential scans are
    disabled. `first_columns` has the first column of each B-tree index on several columns.
    """
    alias = node.get("Alias", alias)
    planned = node.get("Plans", ())
    below = [full_reads_as_filters(child, first_columns, alias) for child in planned]
    first = first_columns.get(node.get("Index Name", ""))
    reads_all = bool(first) and first not in columns_in(node.get("Index Cond", ""), alias)
    if node["Node Type"].startswith("Bitmap"):
        # Below an OR, one side that reads everything makes the other side useless.
        enough = all if node["Node Type"] == "BitmapOr" else any
        was_searched, is_searched = (enough(map(_is_searched, plans)) for plans in (planned, below))
        reads_all = reads_all or (was_searched and not is_searched)
    read = {**node, "Plans": below} if below else node
    return _with_filter(read) if reads_all else read


def _with_filter(node: Node) -> Node:
    conditions = [node[condition] for condition in (*CONDITIONS, "Filter") if condition in node]
    without = {key: value for key, value in node.items() if key not in CONDITIONS}
    if node["Node Type"].startswith("Bitmap"):
        without["Plans"] = [_with_filter(child) for child in node.get("Plans", ())]
    return {**without, "Filter": " AND ".join(conditions)} if _is_table_scan(node) and conditions else without


def nodes_of(root: Node) -> Iterator[Node]:
    """Walk a plan, including its subplans."""
    yield root
    for below in root.get("Plans", ()):
        yield from nodes_of(below)


def indexes_of(root: Node) -> set[str]:
    """Return the names of the indexes that are searched by a condition."""
    return {node["Index Name"] for node in nodes_of(root) if "Index Cond" in node}


def conditions_on(root: Node, index: str) -> str:
    """Return all conditions that an index is searched by, as one text."""
    return " ".join(
        node["Index Cond"]
        for node in nodes_of(root)
        if node.get("Index Name") == index and "Index Cond" in node
    )


def columns_in(condition: str, alias: str) -> list[str]:
    """List the columns of a table in a condition, as PostgreSQL writes them: `starts_at`, `"order"`."""
    columns = re.findall(rf'{_STRING}|{_prefix_of(alias)}("(?:[^"]|"")*"|[\w$]+)', condition)
    return [*dict.fromkeys(filter(None, columns))]


def with_alias(condition: str, alias: str, other: str) -> str:
    """Write another alias before the columns of a table."""
    pattern = rf"({_STRING})|{_prefix_of(alias)}"
    return re.sub(pattern, lambda found: found[1] or found[0].replace(alias, other), condition)


def without_parentheses(text: str) -> str:
    """Remove the parentheses that enclose the whole text."""
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
    """Find the scans with a filter, each with whether it repeats for all rows of a table without a filter."""
    if _is_table_scan(node) and "Filter" in node:
        yield node, is_driven
    below = node.get("Plans", ())
    outer = [child for child in below if child.get("Parent Relationship") == "Outer"]
    drives = node["Node Type"] == "Nested Loop" and any(map(_has_a_full_scan, outer))
    narrows = node.get("Join Type", "Inner") in _NARROWING_JOINS
    for child in below:
        relationship = child.get("Parent Relationship")
        child_is_driven = is_driven if relationship in _OF_ONE_QUERY else False
        if relationship == "Inner":
            child_is_driven = narrows and (drives or is_driven)
        yield from _filtered_tables(child, is_driven=child_is_driven)


def _has_a_full_scan(node: Node) -> bool:
    """Tell whether part of a query reads a table in full, without a condition."""
    if _is_table_scan(node) and "Filter" not in node and not _is_searched(node):
        return True
    below = (child for child in node.get("Plans", ()) if child.get("Parent Relationship") in _OF_ONE_QUERY)
    return any(map(_has_a_full_scan, below))


def _is_table_scan(node: Node) -> bool:
    return node["Node Type"] in _SCANS and node.get("Schema") not in _SCHEMAS_OF_SERVER


def _is_searched_by_other_tables(node: Node) -> bool:
    """Tell whether only columns of other tables search the index, and only own columns filter the rows."""
    alias = node.get("Alias", "")
    conditions = [below["Index Cond"] for below in nodes_of(node) if "Index Cond" in below]
    is_by_others = bool(conditions) and all(_names_other_tables(each, alias) for each in conditions)
    return is_by_others and not _names_other_tables(node["Filter"], alias)


def _names_other_tables(condition: str, alias: str) -> bool:
    columns = filter(None, _COLUMN.findall(condition))
    return any(not re.match(_prefix_of(alias), column) for column in columns)


def _is_searched(node: Node) -> bool:
    if any(condition in node for condition in CONDITIONS):
        return True
    # For LIKE 'x%', the bitmap's index is searched by a range, and the table scan has only a filter.
    bitmaps = (below for below in node.get("Plans", ()) if below["Node Type"].startswith("Bitmap"))
    return any(map(_is_searched, bitmaps))


def _prefix_of(alias: str) -> str:
    # PostgreSQL quotes a name that is also a keyword of SQL.
    return rf'(?<![\w$."])"?{re.escape(alias)}"?\.'
