"""Does the server have the settings that the environment asks for?"""

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Tags, Warning, register  # noqa: A004 - Django's own name.
from django.db import connections

from config.environment import environment


@register(Tags.database)
def statement_timeout(databases: Sequence[str] | None, **_: Any) -> list[CheckMessage]:
    """Warn if a pooler has lost the timeout; `migrate` and `check --database default` run this check."""
    wanted = environment().db_statement_timeout
    if not environment().db_pooler:
        return []
    return [
        Warning(
            f"Statements may run for {_limit(found)}, and DB_STATEMENT_TIMEOUT says {_limit(wanted)}.",
            hint="A pooler does not pass it on. Set it in PostgreSQL or in the pooler, as the README says.",
            obj=f"database {alias!r}",
            id="config.W001",
        )
        for alias in databases or ()
        if (found := _statement_timeout(alias)) != wanted
    ]


def _statement_timeout(alias: str) -> int:
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT setting::int FROM pg_settings WHERE name = 'statement_timeout'")
        (milliseconds,) = cursor.fetchone()
    return int(milliseconds)


def _limit(milliseconds: int) -> str:
    return f"{milliseconds} ms" if milliseconds else "ever"
