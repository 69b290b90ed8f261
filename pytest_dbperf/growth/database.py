"""How does a test find the same database again and again? What was added is rolled back, or flushed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

# Django fills them again after a flush.
_FILLED_BY_DJANGO = frozenset(("auth_permission", "django_content_type", "django_site"))

_MOST_TABLES = 5

Rows = Mapping[tuple[str, str], int]
"""The number of rows by alias and table."""


class GrowthUnknown(RuntimeError):
    """What a call costs for more rows could not be told: an error, and never a pass."""


@dataclass(frozen=True, slots=True)
class Ground:
    """The databases that a test may use, and those of them whose rows its own transaction takes back."""

    aliases: Sequence[str] = ()
    held: Sequence[str] = ()


def ground_of(aliases: Sequence[str]) -> Ground:
    """Tell what a test stands on. To be asked in the thread that its fixtures ran in."""
    from django.db import connections

    return Ground(aliases, [alias for alias in aliases if connections[alias].in_atomic_block])


def rows_on(ground: Ground) -> Rows:
    """Count the rows of the tables of all models."""
    from django.db import connections

    rows = {}
    for alias in _without_mirrors(ground.aliases):
        connection = connections[alias]
        with connection.cursor() as cursor:
            names = connection.introspection.django_table_names(only_existing=True, include_views=False)
            for table in sorted(names):
                cursor.execute(f"SELECT COUNT(*) FROM {connection.ops.quote_name(table)}")  # noqa: S608  # quoted
                (rows[alias, table],) = cursor.fetchone()
    return rows


def require_that_nothing_is_lost(ground: Ground, rows: Rows) -> None:
    """Refuse to flush rows that populate would not make again. Raises GrowthUnknown with their tables."""
    lost = {
        (alias, table): count
        for (alias, table), count in rows.items()
        if count and table not in _FILLED_BY_DJANGO and _is_flushed(ground, alias)
    }
    if lost:
        raise GrowthUnknown(
            "assert_constant has no transaction to roll back here, so it flushes the database after each "
            f"scale, and these rows would be lost: {_listed(lost)}. Make them in populate, or let the test "
            "run in a transaction: @pytest.mark.django_db without transaction=True, or TestCase"
        )


def require_as_before(before: Rows, after: Rows) -> None:
    """Tell that a world left something, or lost it. Raises GrowthUnknown with the tables."""
    from django.apps import apps

    # With `available_apps`, Django keeps these tables for some apps only.
    not_compared = _FILLED_BY_DJANGO if apps.stored_app_configs else frozenset()
    changed = {
        (alias, table): after[alias, table] - count
        for (alias, table), count in before.items()
        if after[alias, table] != count and table not in not_compared
    }
    if changed:
        raise GrowthUnknown(
            f"assert_constant could not restore the database: {_listed(changed, sign='+')}. Something "
            "committed rows on another connection, in a thread of its own: mark the test "
            "@pytest.mark.django_db(transaction=True), and its database is flushed. Or the flush took what "
            "is not made again"
        )


@contextmanager
def world(ground: Ground) -> Iterator[None]:
    """Take back at the end what was added to the databases meanwhile: by a rollback, or else by a flush.

    To be entered and left in the thread that uses them.
    """
    with ExitStack() as stack:
        for alias in ground.aliases:
            stack.enter_context(_flushed(alias) if _is_flushed(ground, alias) else _rolled_back(alias))
        yield


def _is_flushed(ground: Ground, alias: str) -> bool:
    from django.db import connections

    # A coroutine's queries run in asgiref's thread, where no transaction of the test's fixtures is.
    return alias not in ground.held and not connections[alias].in_atomic_block


@contextmanager
def _rolled_back(alias: str) -> Iterator[None]:
    from django.db import transaction

    atomic = transaction.Atomic(alias, savepoint=True, durable=False)
    # As in Django's TestCase: code that wants to be the outermost, with atomic(durable=True), may be.
    atomic._from_testcase = True  # type: ignore[attr-defined]  # not in django-stubs
    with atomic:
        try:
            yield
        finally:
            transaction.set_rollback(True, using=alias)


@contextmanager
def _flushed(alias: str) -> Iterator[None]:
    """Flush at the end, as TransactionTestCase does; its `available_apps` hold here as well."""
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
                # What Django itself keeps in the tables was there when the test began.
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
