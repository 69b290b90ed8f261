"""Which table do the partitions in a plan belong to, and which of its filters does pruning serve?"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from pytest_dbperf.plans.indexes import narrows_by
from pytest_dbperf.sql.plan import CONDITIONS, Node, nodes_of, with_alias
from pytest_dbperf.sql.tokens import tokens_of

# A schema and a table.
Name = tuple[str, str]

# The tables above each partition, the nearest first, and the first column of each key that prunes by it. A
# hash is no such key: each partition grows with the table, so a search still needs an index.
PARTITIONS = (
    "SELECT asked.schema, asked.name, "
    "ARRAY(SELECT nspname::text FROM pg_partition_ancestors(partition.oid) WITH ORDINALITY AS up(oid, level) "
    "JOIN pg_class AS above ON above.oid = up.oid JOIN pg_namespace ON pg_namespace.oid = relnamespace "
    "ORDER BY level), "
    "ARRAY(SELECT relname::text FROM pg_partition_ancestors(partition.oid) WITH ORDINALITY AS up(oid, level) "
    "JOIN pg_class AS above ON above.oid = up.oid ORDER BY level), "
    "ARRAY(SELECT quote_ident(attname) FROM pg_partition_ancestors(partition.oid) AS up(oid) "
    "JOIN pg_partitioned_table ON partrelid = up.oid "
    "JOIN pg_attribute ON attrelid = up.oid AND attnum = partattrs[0] WHERE partstrat IN ('l', 'r')) "
    "FROM unnest(%s::text[], %s::text[]) AS asked(schema, name) "
    "JOIN pg_namespace AS here ON here.nspname = asked.schema "
    "JOIN pg_class AS partition ON partition.relname = asked.name AND relnamespace = here.oid "
    "WHERE relispartition"
)


@dataclass(frozen=True, slots=True)
class Partition:
    """The names from a partition up to its partitioned table, and the columns that PostgreSQL prunes by."""

    names: Sequence[Name]
    pruned_by: Sequence[str]


def partition_of(schemas: Sequence[str], names: Sequence[str], pruned_by: Sequence[str]) -> Partition:
    """Make a partition of a row that the query for `PARTITIONS` has returned."""
    return Partition(list(zip(schemas, names, strict=True)), pruned_by)


def relations_of(root: Node) -> set[Name]:
    """Return the tables that a plan reads."""
    return {_relation_of(node) for node in nodes_of(root) if "Schema" in node}


def with_partitioned_tables(
    root: Node, partitions: Mapping[Name, Partition | None], sql: str, tables: Iterable[str]
) -> Node:
    """Replace each partition in a plan by the table that the statement names, or else the outermost one.

    A filter on the key of the table becomes a search of the partition: PostgreSQL reads no other partition.
    """
    named = frozenset(table.lower() for table in tables)
    names = (token["name"] for token in tokens_of(sql, "postgresql"))
    words = frozenset(name.strip('"`').lower() for name in names if name)

    def replaced(node: Node) -> Node:
        partition = partitions.get(_relation_of(node)) if "Schema" in node else None
        if partition is not None:
            return _as_partitioned_table(_with_statements_alias(node, words), partition, named)
        below = node.get("Plans", ())
        return {**node, "Plans": [*map(replaced, below)]} if below else node

    return replaced(root)


def _as_partitioned_table(node: Node, partition: Partition, named: Collection[str]) -> Node:
    indexes = (index for index, (_, name) in enumerate(partition.names) if name.lower() in named)
    index = next(indexes, len(partition.names) - 1)
    (schema, table), above = partition.names[index], partition.names[index + 1 :]
    read = dict(node) | {"Schema": schema, "Relation Name": table}
    read["Partition Of"] = tuple(name for _, name in above)
    condition = read.get("Filter", "")
    if any(narrows_by(column, condition, read["Alias"]) for column in partition.pruned_by):
        read["Index Cond"] = condition
    return read


def _with_statements_alias(node: Node, words: Collection[str]) -> Node:
    """Take off the number that PostgreSQL adds to a table's alias for each of its partitions."""
    alias = node["Alias"]
    own = re.sub(r"_\d+$", "", alias)
    return node if own == alias or alias.lower() in words else _renamed(node, alias, own)


def _renamed(node: Node, alias: str, own: str) -> Node:
    written = {key: with_alias(node[key], alias, own) for key in (*CONDITIONS, "Filter") if key in node}
    below = node.get("Plans", ())
    plans = {"Plans": [_renamed(each, alias, own) for each in below]} if below else {}
    renamed = {"Alias": own} if "Alias" in node else {}
    return {**node, **written, **plans, **renamed}


def _relation_of(node: Node) -> Name:
    return node["Schema"], node.get("Relation Name", "")
