"""Which database does the environment ask for, and with which settings?"""

from urllib.parse import unquote, urlsplit

import dj_database_url

from config.environment import Environment
from metrics.database import counted_connection


def database_settings(environment: Environment) -> dj_database_url.DBConfig:
    """Return the setting `DATABASES["default"]`."""
    database = dj_database_url.parse(environment.database_url)
    database["CONN_MAX_AGE"] = environment.db_conn_max_age
    database["CONN_HEALTH_CHECKS"] = environment.db_conn_health_checks
    if database.get("HOST", "").startswith("/"):
        database["HOST"] = _socket_directory(environment.database_url)
    if database["ENGINE"] == "django.db.backends.postgresql":
        options = database.get("OPTIONS", {})
        database["OPTIONS"] = {"connect_timeout": environment.db_connect_timeout, **options}
        if environment.db_pooler:
            # The next statement may run in another server process, which does not have the cursor. PgBouncer
            # refuses the timeout as a parameter, or drops it if told to ignore it. `checks.py` checks it.
            database["DISABLE_SERVER_SIDE_CURSORS"] = True
        else:
            # Options in the URL come last, and therefore win, also in the server's command line.
            ours = f"-c statement_timeout={environment.db_statement_timeout}"
            database["OPTIONS"]["options"] = f"{ours} {options.get('options', '')}".strip()
        if environment.db_pool:
            database["OPTIONS"]["pool"] = {
                "min_size": 1,
                "max_size": environment.db_pool,
                # A request waits for a pooled connection as long as it would wait for its own.
                "timeout": environment.db_connect_timeout,
                "connection_class": counted_connection("default"),
            }
    return database


def _socket_directory(url: str) -> str:
    """Return the directory of a unix-socket URL (postgres://user@%2Fvar%2Frun/name) with its case kept.

    dj-database-url 3.1 takes it from `urlsplit().hostname`, which is in lower case.
    """
    location = urlsplit(url).netloc.rpartition("@")[2]
    return unquote(location.partition(":")[0])
