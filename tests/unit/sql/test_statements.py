"""sqlglot, which parses SQL in full, finds the same kinds and tables."""

from collections import Counter

import pytest
import sqlglot
from sqlglot import exp

from pytest_dbperf.sql.fingerprint import statement_of
from tests.unit.sql.statements import VENDORS, statements

STATEMENTS = list(dict.fromkeys(statements()))
KINDS = {exp.Insert: "insert", exp.Update: "update", exp.Delete: "delete"}
READS = (exp.Query, exp.Values, exp.Table)


def kinds_of(tree):
    """The kinds of a parsed statement."""
    if isinstance(tree, exp.Merge):
        actions = [when.args["then"] for when in tree.args["whens"].expressions]
        return {KINDS[type(action)] if type(action) in KINDS else action.name.lower() for action in actions}
    own = {KINDS[type(tree)]} if type(tree) in KINDS else set()
    for common in tree.args["with_"].expressions if tree.args.get("with_") else ():
        if not isinstance(common.this, READS):
            own |= kinds_of(common.this)
    return own or {"select" if isinstance(tree, READS) else "other"}


def tables_of(tree):
    """The tables of a parsed statement: functions and the names of WITH are none."""
    named = {common.alias for common in tree.find_all(exp.CTE)}
    tables = [table for table in tree.find_all(exp.Table) if isinstance(table.this, exp.Identifier)]
    return {table.name for table in tables} - named - {"dual", "DUAL"}


# What sqlglot 30 sees otherwise, and why we are right.
NOT_PARSED = "sqlglot does not parse it, and calls it a command"
DIFFERENCES = {
    "postgres": {
        "WITH book AS (SELECT * FROM book WHERE price > %s) SELECT * FROM book": (
            "without RECURSIVE, the name of a WITH is not known inside: there it is the table"
        ),
        "EXPLAIN SELECT id FROM book": NOT_PARSED,
    },
    "mysql": {"REPLACE INTO `book` (`title`) VALUES (%s)": NOT_PARSED},
    "sqlite": {'REPLACE INTO "book" ("title") VALUES (%s)': NOT_PARSED},
    "tsql": {
        "UPDATE b SET b.price = %s FROM [book] b INNER JOIN [author] a ON a.id = b.author_id": (
            "b is an alias, and no table"
        )
    },
}


def test_there_are_enough_statements():
    """At least 500 that differ, in four dialects."""
    assert len({sql for _, sql in STATEMENTS}) >= 500
    assert min(Counter(dialect for dialect, _ in STATEMENTS).values()) >= 200


@pytest.mark.filterwarnings("ignore:.*unsupported syntax")
@pytest.mark.parametrize("dialect", VENDORS)
def test_sqlglot_finds_the_same_kinds_and_tables(dialect):
    """It is another reader of the same text: no difference but those that are explained."""
    different = {}
    for _, sql in (each for each in STATEMENTS if each[0] == dialect):
        tree = sqlglot.parse_one(sql.replace("%s", "7"), dialect=dialect)
        ours = statement_of(sql, VENDORS[dialect])
        found = set(ours.kinds), set(ours.tables)
        if found != (kinds_of(tree), tables_of(tree)):
            different[sql] = (*found, kinds_of(tree), tables_of(tree))

    assert different.keys() == DIFFERENCES.get(dialect, {}).keys(), different


@pytest.mark.parametrize(("dialect", "sql"), STATEMENTS[::40])
def test_a_value_is_a_value_in_the_text_and_beside_it(dialect, sql):
    """A statement with its values written into it is the same query."""
    written = sql.replace("%s", "-7.5")

    assert statement_of(written, VENDORS[dialect]) == statement_of(sql, VENDORS[dialect])
