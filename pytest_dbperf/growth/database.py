"""How is the database restored between two calls? By a rollback, or else by a flush."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import ClassVar

# Django fills these tables again after a flush.
_FILLED_BY_DJANGO = frozenset(("auth_permission", "django_content_type", "django_site"))

_MOST_TABLES = 5

Rows = Mapping[tuple[str, str], int]
"""The number of rows by alias and table."""


class GrowthUnknown(RuntimeError):
    """`assert_constant` could not measure growth: this is an error and never a pass."""


@dataclass(frozen=True, slots=True)
class TestDatabases:
    """The databases that a test may use, and those among them that its own transaction will roll back."""

    __test__: ClassVar[bool] = False  # For pytest, which collects classes of this name.

    aliases: Sequence[str] = ()
    in_transaction: Sequence[str] = ()


def databases_of_test(aliases: Sequence[str]) -> TestDatabases:
    """Tell which databases are in a transaction; call it in the thread that ran the test's fixtures."""
    if not aliases:
        return TestDatabases()  # Django may not be set up, nor even installed.
    from django.db import connections

    return TestDatabases(aliases, [alias for alias in aliases if connections[alias].in_atomic_block])


def count_rows(databases: TestDatabases) -> Rows:
    """Count the rows in the tables of all models."""
    from django.db import connections

    rows = {}
    for alias in _without_mirrors(databases.aliases):
        connection = connections[alias]
        with connection.cursor() as cursor:
            names = connection.introspection.django_table_names(only_existing=True, include_views=False)
            for table in sorted(names):
                cursor.execute(f"SELECT COUNT(*) FROM {connection.ops.quote_name(table)}")  # noqa: S608  # quoted
                (rows[alias, table],) = cursor.fetchone()
    return rows


def require_that_nothing_is_lost(databases: TestDatabases, rows: Rows) -> None:
    """Refuse to flush rows that populate would not make again. Raises GrowthUnknown with their tables."""
    lost = {
        (alias, table): count
        for (alias, table), count in rows.items()
        if count and table not in _FILLED_BY_DJANGO and _is_flushed(databases, alias)
    }
    if lost:
        raise GrowthUnknown(
            "assert_constant flushes the database after each scale, because this test has no transaction to "
            f"roll back, and these rows would be lost: {_listed(lost)}. Create them in populate, or run the "
            "test in a transaction: @pytest.mark.django_db without transaction=True, or TestCase"
        )


def require_as_before(before: Rows, after: Rows) -> None:
    """Require the same number of rows as before. Raises GrowthUnknown with the tables that differ."""
    from django.apps import apps

    # With `available_apps`, Django fills these tables for some apps only.
    not_compared = _FILLED_BY_DJANGO if apps.stored_app_configs else frozenset()
    changed = {
        (alias, table): after[alias, table] - count
        for (alias, table), count in before.items()
        if after[alias, table] != count and table not in not_compared
    }
    if changed:
        raise GrowthUnknown(
            f"assert_constant could not restore the database: {_listed(changed, sign='+')}. Rows were "
            "committed on another connection (mark the test django_db(transaction=True)), or the flush "
            "removed rows that nothing recreates"
        )


@contextmanager
def isolated(databases: TestDatabases) -> Iterator[None]:
    """Remove at the end what was added to the databases inside: by a rollback, or else by a flush.

    Enter and leave it in the thread that uses the databases.
    """
    with ExitStack() as stack:
        for alias in databases.aliases:
            stack.enter_context(_flushed(alias) if _is_flushed(databases, alias) else _rolled_back(alias))
        yield


def _is_flushed(databases: TestDatabases, alias: str) -> bool:
    from django.db import connections

    # A coroutine's queries run in asgiref's thread, which has no transaction of the test's fixtures.
    return alias not in databases.in_transaction and not connections[alias].in_atomic_block


@contextmanager
def _rolled_back(alias: str) -> Iterator[None]:
    from django.db import transaction

    atomic = transaction.Atomic(alias, savepoint=True, durable=False)
    # As in Django's TestCase: code may use atomic(durable=True), which has to be the outermost block.
    atomic._from_testcase = True  # type: ignore[attr-defined]  # not in django-stubs
    with atomic:
        try:
            yield
        finally:
            transaction.set_rollback(True, using=alias)


@contextmanager
def _flushed(alias: str) -> Iterator[None]:
    """Flush at the end, as TransactionTestCase does, with its `available_apps`."""
    from django.apps import apps
    from django.core.management import call_command

    try:
        yield
    finally:
        for flushed in _without_mirrors([alias]):
            call_command(
                "flush",
                verbosity=0,
                interactive=False,
                database=flushed,
                reset_sequences=False,
                allow_cascade=bool(apps.stored_app_configs),
                # Recreate the rows of Django itself, such as permissions: they were there at the start.
                inhibit_post_migrate=False,
            )


def _without_mirrors(aliases: Sequence[str]) -> list[str]:
    from django.db import connections

    return [alias for alias in aliases if not connections[alias].settings_dict["TEST"]["MIRROR"]]


def _listed(rows: Rows, sign: str = "") -> str:
    several = len({alias for alias, _ in rows}) > 1
    tables = [
        f"{table} ({count:{sign}} {'row' if abs(count) == 1 else 'rows'}{f' on {alias}' if several else ''})"
        for (alias, table), count in rows.items()
    ]
    more = len(tables) - _MOST_TABLES
    return ", ".join(tables[:_MOST_TABLES]) + (f" and {more} more tables" if more > 0 else "")
