"""What does the environment configure, and is it valid?"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Self
from urllib.parse import parse_qs, quote, urlsplit

import dj_database_url
from environs import Env, ValidationError, validate

BASE_DIR = Path(__file__).resolve().parent.parent

DEVELOPMENT_SECRET_KEY = "for-development-only-set-SECRET_KEY-anywhere-else"  # noqa: S105 - Not a secret.
DEVELOPMENT_DATABASE_URL = f"sqlite:///{quote(str(BASE_DIR / 'db.sqlite3'))}"
DEVELOPMENT_HOSTS = ["localhost", "127.0.0.1", "[::1]"]

# PostgreSQL keeps its timeouts in a signed 32-bit integer; no setting here needs more.
LARGEST = 2**31 - 1
NOT_EMPTY = validate.Length(min=1)
AT_LEAST_0 = validate.Range(min=0, max=LARGEST)
AT_LEAST_1 = validate.Range(min=1, max=LARGEST)
# Django refuses both together: the pool decides how long a connection lives.
NOT_WITH_A_POOL = validate.Equal(0, error="Must be 0 or unset, because DB_POOL is set.")
NOT_WITHOUT_POSTGRESQL = validate.Equal(
    comparable=False, error="Must be false or unset, because DATABASE_URL is not PostgreSQL."
)
LOOPBACK = ("localhost", "127.0.0.1", "::1")
# Apple's client id: the bundle id of an app or a service, a domain name in reverse.
CLIENT_ID_OR_EMPTY = validate.Regexp(
    r"([A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+)?\Z", error="It must look like org.example.campaigns, or be empty."
)
# Visible ASCII, because it is sent in a header.
NO_TOKEN_OR_A_LONG_ONE = validate.Regexp(
    r"([!-~]{16,})?\Z", error="It must have at least 16 visible ASCII characters, without spaces."
)
DATABASES = ("django.db.backends.postgresql", "django.db.backends.sqlite3")
CACHES = ("locmem", "redis", "rediss", "unix")


def _is_database_url(url: str) -> None:
    try:
        database = dj_database_url.parse(url)
    except ValueError as error:
        raise ValidationError(str(error)) from error
    if database["ENGINE"] not in DATABASES:
        raise ValidationError("It must begin with postgres:// or sqlite://.")
    if not database["NAME"] and "service" not in database.get("OPTIONS", {}):
        raise ValidationError("It must name a database, such as postgres://localhost/campaigns.")


def _are_hosts(hosts: list[str]) -> None:
    if not all(hosts) or not hosts:
        raise ValidationError("It must be a list of host names; Django refuses requests for other hosts.")


def _names_another(url: str | None) -> bool:
    """Tell whether a URL names a database other than PostgreSQL; an invalid URL or None does not."""
    try:
        return url is not None and dj_database_url.parse(url)["ENGINE"] != "django.db.backends.postgresql"
    except ValueError:
        return False


def _is_keys_url(url: str) -> None:
    try:
        scheme, host = urlsplit(url).scheme, urlsplit(url).hostname
    except ValueError as error:
        raise ValidationError(str(error)) from error
    if not host or scheme not in ("https", "http") or (scheme == "http" and host not in LOOPBACK):
        raise ValidationError("It must be an https:// URL, because this server decides who is signed in.")


def _is_cache_url(url: str) -> None:
    scheme, separator, _ = url.partition("://")
    if not separator or scheme not in CACHES:
        raise ValidationError(f"It must begin with one of {', '.join(f'{scheme}://' for scheme in CACHES)}")
    if scheme != "locmem" and not _leads_to_a_redis(url):
        raise ValidationError("It must look like redis://host:6379/0 or unix:///path/of/the/socket?db=0")


def _leads_to_a_redis(url: str) -> bool:
    """Tell whether a Redis URL is valid: redis-py silently uses defaults for parts that it cannot read."""
    try:
        parts, port = urlsplit(url), urlsplit(url).port
    except ValueError:
        return False
    databases = parse_qs(parts.query, keep_blank_values=True).get("db", [])
    if parts.scheme == "unix":
        is_found = bool(parts.path.strip("/"))
    else:
        is_found = bool(parts.hostname) and port != 0
        databases += [parts.path.removeprefix("/")] if parts.path.strip("/") else []
    return is_found and all(database.isdecimal() for database in databases)


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """All settings that this site takes from environment variables, under their names in lower case."""

    secret_key: str
    debug: bool
    allowed_hosts: tuple[str, ...]
    database_url: str
    cache_url: str
    apple_client_id: str
    """The audience of Apple's identity tokens; empty means that Sign in with Apple is off."""
    apple_keys_url: str
    metrics_token: str
    """Empty means that the metrics cannot be read."""

    log_in_attempts: int
    """Log-in attempts from one address, and into one account, in a window; 0 means no limit."""
    log_in_window: int
    """Seconds."""
    trusted_proxies: int

    db_pooler: bool
    """Whether DATABASE_URL leads to a pooler, which lends a connection for one transaction at a time."""
    db_pool: int
    """Connections that a process keeps for all its requests at most; 0 means no pool."""
    db_conn_max_age: int
    """Seconds; 0 closes the connection after each request."""
    db_conn_health_checks: bool
    db_connect_timeout: int
    """Seconds."""
    db_statement_timeout: int
    """Milliseconds; 0 means no limit."""

    web_concurrency: int | None
    """Worker processes; None means that the number of CPUs decides."""
    worker_connections: int
    worker_timeout: int
    """Seconds."""
    keepalive: int
    """Seconds."""
    max_requests: int
    """0 never restarts a worker."""
    max_requests_jitter: int

    @classmethod
    def read(cls) -> Self:
        """Read and validate every variable; `environs.EnvValidationError` names all the invalid ones."""
        env = Env(eager=False)
        debug = env.bool("DEBUG", True)
        database_url = env.str("DATABASE_URL", DEVELOPMENT_DATABASE_URL, validate=_is_database_url)
        pooler = env.bool(
            "DB_POOLER", False, validate=NOT_WITHOUT_POSTGRESQL if _names_another(database_url) else ()
        )
        pool = env.int("DB_POOL", 0, validate=AT_LEAST_0)
        environment = cls(
            secret_key=(
                env.str("SECRET_KEY", DEVELOPMENT_SECRET_KEY, validate=NOT_EMPTY)
                if debug
                else env.str("SECRET_KEY", validate=NOT_EMPTY)
            ),
            debug=debug,
            allowed_hosts=tuple(
                # None if the variable was invalid; `seal` will report it.
                env.list("ALLOWED_HOSTS", DEVELOPMENT_HOSTS, subcast=str.strip, validate=_are_hosts) or ()
            ),
            database_url=database_url,
            cache_url=env.str("CACHE_URL", "locmem://", validate=_is_cache_url),
            db_pooler=pooler,
            apple_client_id=env.str("APPLE_CLIENT_ID", "", validate=CLIENT_ID_OR_EMPTY),
            apple_keys_url=env.str(
                "APPLE_KEYS_URL", "https://appleid.apple.com/auth/keys", validate=_is_keys_url
            ),
            metrics_token=env.str("METRICS_TOKEN", "", validate=NO_TOKEN_OR_A_LONG_ONE),
            log_in_attempts=env.int("LOG_IN_ATTEMPTS", 10, validate=AT_LEAST_0),
            log_in_window=env.int("LOG_IN_WINDOW", 60, validate=AT_LEAST_1),
            trusted_proxies=env.int("TRUSTED_PROXIES", 0, validate=AT_LEAST_0),
            db_pool=pool,
            db_conn_max_age=(
                env.int("DB_CONN_MAX_AGE", 0, validate=NOT_WITH_A_POOL)
                if pool
                else env.int("DB_CONN_MAX_AGE", 0 if pooler else 600, validate=AT_LEAST_0)
            ),
            db_conn_health_checks=env.bool("DB_CONN_HEALTH_CHECKS", True),
            db_connect_timeout=env.int("DB_CONNECT_TIMEOUT", 10, validate=AT_LEAST_1),
            db_statement_timeout=env.int("DB_STATEMENT_TIMEOUT", 30_000, validate=AT_LEAST_0),
            web_concurrency=env.int("WEB_CONCURRENCY", None, validate=AT_LEAST_1),
            worker_connections=env.int("WORKER_CONNECTIONS", 1000, validate=AT_LEAST_1),
            worker_timeout=env.int("WORKER_TIMEOUT", 60, validate=AT_LEAST_1),
            keepalive=env.int("KEEPALIVE", 5, validate=AT_LEAST_0),
            max_requests=env.int("MAX_REQUESTS", 10_000, validate=AT_LEAST_0),
            max_requests_jitter=env.int("MAX_REQUESTS_JITTER", 1000, validate=AT_LEAST_0),
        )
        env.seal()
        return environment


@cache
def environment() -> Environment:
    """Return this process's environment, as it was at the first call."""
    return Environment.read()
