"""Which environment does the site accept, and which one stops its start?"""

import os
import subprocess
import sys
from dataclasses import fields

import pytest
from environs import EnvValidationError

from config.environment import BASE_DIR, Environment, environment

DEFAULTS = {
    "CACHE_URL": "locmem://",
    "DB_POOLER": False,
    "APPLE_CLIENT_ID": "",
    "APPLE_KEYS_URL": "https://appleid.apple.com/auth/keys",
    "METRICS_TOKEN": "",
    "LOG_IN_ATTEMPTS": 10,
    "LOG_IN_WINDOW": 60,
    "TRUSTED_PROXIES": 0,
    "DB_POOL": 0,
    "DB_CONN_MAX_AGE": 600,
    "DB_CONN_HEALTH_CHECKS": True,
    "DB_CONNECT_TIMEOUT": 10,
    "DB_STATEMENT_TIMEOUT": 30_000,
    "WORKER_CONNECTIONS": 1000,
    "WORKER_TIMEOUT": 60,
    "KEEPALIVE": 5,
    "MAX_REQUESTS": 10_000,
    "MAX_REQUESTS_JITTER": 1000,
}
NUMBERS = [name for name, default in DEFAULTS.items() if type(default) is int]
SWITCHES = [name for name, default in DEFAULTS.items() if type(default) is bool]
AT_LEAST_1 = {"LOG_IN_WINDOW", "DB_CONNECT_TIMEOUT", "WORKER_CONNECTIONS", "WORKER_TIMEOUT"}


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start each test with none of the site's variables."""
    for field in fields(Environment):
        monkeypatch.delenv(field.name.upper(), raising=False)


def run_manage(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command of manage.py with the ordinary settings and these variables."""
    command = [sys.executable, "manage.py", *arguments]
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", **variables}
    return subprocess.run(command, cwd=BASE_DIR, env=env, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("name", "default"), DEFAULTS.items())
def test_a_variable_that_is_not_set_has_its_default(name: str, default: object) -> None:
    """The last nine defaults come from the report."""
    assert getattr(Environment.read(), name.lower()) == default


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_is_honoured(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The setting has the value of the variable."""
    monkeypatch.setenv(name, "42")

    assert getattr(Environment.read(), name.lower()) == 42


def test_with_a_pool_no_connection_is_kept_besides(monkeypatch: pytest.MonkeyPatch) -> None:
    """Django refuses both; the default of one follows the other."""
    monkeypatch.setenv("DB_POOL", "8")

    assert Environment.read().db_conn_max_age == 0


def test_a_pool_and_kept_connections_are_refused_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """A value that was set for WSGI is not silently dropped."""
    monkeypatch.setenv("DB_POOL", "8")
    monkeypatch.setenv("DB_CONN_MAX_AGE", "600")

    with pytest.raises(EnvValidationError, match=r"'DB_CONN_MAX_AGE'.*because DB_POOL is set"):
        Environment.read()


def test_behind_a_pooler_no_connection_is_kept_unless_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connecting to a pooler is cheap, and under ASGI no request would reuse the connection."""
    monkeypatch.setenv("DATABASE_URL", "postgres:///campaigns")
    monkeypatch.setenv("DB_POOLER", "true")
    assert Environment.read().db_conn_max_age == 0

    monkeypatch.setenv("DB_CONN_MAX_AGE", "600")
    assert Environment.read().db_conn_max_age == 600


def test_a_pool_before_a_pooler_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    """It saves each request a log-in, which takes longest with passwords."""
    monkeypatch.setenv("DATABASE_URL", "postgres:///campaigns")
    monkeypatch.setenv("DB_POOLER", "true")
    monkeypatch.setenv("DB_POOL", "8")

    assert (Environment.read().db_pooler, Environment.read().db_pool) == (True, 8)


def test_a_pooler_is_for_postgresql(monkeypatch: pytest.MonkeyPatch) -> None:
    """On another database the setting would have no effect, which is not what its user expects."""
    monkeypatch.setenv("DATABASE_URL", "sqlite:///db.sqlite3")
    monkeypatch.setenv("DB_POOLER", "true")

    with pytest.raises(EnvValidationError, match=r"'DB_POOLER'.*DATABASE_URL is not PostgreSQL"):
        Environment.read()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "memcached://localhost",
        "redis",
        "redis:/localhost",
        "redis://",
        "redis:///0",
        "redis://localhost:port/0",
        "redis://localhost:70000/0",
        "redis://localhost/first",
        "redis://localhost/0/1",
        "redis://localhost?db=first",
        "rediss://[",
        "unix://",
        "unix:///run/redis.sock?db=",
    ],
)
def test_a_bad_cache_url_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """The error lists the valid forms."""
    monkeypatch.setenv("CACHE_URL", url)

    with pytest.raises(EnvValidationError, match=r"'CACHE_URL'.*redis://"):
        Environment.read()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "appleid.apple.com/auth/keys",
        "https:///auth/keys",
        "https://[",
        "file:///etc/keys",
        "http://appleid.apple.com/auth/keys",
    ],
)
def test_a_bad_address_of_apples_keys_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """Without TLS, an attacker in between could sign in as any user."""
    monkeypatch.setenv("APPLE_KEYS_URL", url)

    with pytest.raises(EnvValidationError, match="'APPLE_KEYS_URL'"):
        Environment.read()


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000/keys", "http://[::1]/keys", "https://example.org/"])
def test_keys_may_come_from_this_machine(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """There is no network in between."""
    monkeypatch.setenv("APPLE_KEYS_URL", url)

    assert Environment.read().apple_keys_url == url


@pytest.mark.parametrize(
    "token", ["short", "with a blank in between", "schlüssel-aus-dem-tresor", "0123456789abcdef\n"]
)
def test_a_bad_token_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, token: str) -> None:
    """A token that can be guessed, or that no header can carry."""
    monkeypatch.setenv("METRICS_TOKEN", token)

    with pytest.raises(EnvValidationError, match=r"'METRICS_TOKEN'.*at least 16"):
        Environment.read()


@pytest.mark.parametrize("client_id", ["campaigns", "org.example.", "org example.campaigns", "org.example\n"])
def test_a_bad_client_id_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, client_id: str) -> None:
    """No token of Apple's would ever be for it."""
    monkeypatch.setenv("APPLE_CLIENT_ID", client_id)

    with pytest.raises(EnvValidationError, match=r"'APPLE_CLIENT_ID'.*org\.example"):
        Environment.read()


@pytest.mark.parametrize(("value", "meaning"), [("false", False), ("0", False), ("true", True), ("1", True)])
@pytest.mark.parametrize("name", SWITCHES)
def test_a_switch_is_honoured(monkeypatch: pytest.MonkeyPatch, name: str, value: str, meaning: bool) -> None:
    """Words and digits both work."""
    monkeypatch.setenv("DATABASE_URL", "postgres:///campaigns")
    monkeypatch.setenv(name, value)

    assert getattr(Environment.read(), name.lower()) is meaning


@pytest.mark.parametrize("value", ["ten", "-1", "1.5", "", "10s", "2147483648"])
@pytest.mark.parametrize("name", NUMBERS)
def test_a_bad_number_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """Not a number, negative, not whole, empty, with a unit, or beyond what PostgreSQL takes."""
    monkeypatch.setenv(name, value)

    with pytest.raises(EnvValidationError, match=rf"'{name}'"):
        Environment.read()


@pytest.mark.parametrize("value", ["maybe", "", "2"])
@pytest.mark.parametrize("name", SWITCHES)
def test_a_bad_switch_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """A value that is neither yes nor no might mean either."""
    monkeypatch.setenv(name, value)

    with pytest.raises(EnvValidationError, match=f"'{name}'"):
        Environment.read()


@pytest.mark.parametrize("name", sorted(set(NUMBERS) - AT_LEAST_1))
def test_zero_is_accepted_where_it_has_a_meaning(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """For example a connection that is not kept, or a statement without a limit."""
    monkeypatch.setenv(name, "0")

    assert getattr(Environment.read(), name.lower()) == 0


@pytest.mark.parametrize("name", sorted(AT_LEAST_1))
def test_zero_is_refused_where_it_has_none(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """For example a worker without connections."""
    monkeypatch.setenv(name, "0")

    with pytest.raises(EnvValidationError, match=rf"'{name}'"):
        Environment.read()


def test_the_number_of_workers_can_be_left_to_the_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """WEB_CONCURRENCY has no default, and no 0."""
    assert Environment.read().web_concurrency is None

    monkeypatch.setenv("WEB_CONCURRENCY", "3")
    assert Environment.read().web_concurrency == 3

    monkeypatch.setenv("WEB_CONCURRENCY", "0")
    with pytest.raises(EnvValidationError, match="'WEB_CONCURRENCY'"):
        Environment.read()


def test_all_bad_variables_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """One start of the site shows all mistakes."""
    monkeypatch.setenv("KEEPALIVE", "soon")
    monkeypatch.setenv("MAX_REQUESTS", "-1")

    with pytest.raises(EnvValidationError) as refusal:
        Environment.read()

    assert set(refusal.value.error_messages) == {"KEEPALIVE", "MAX_REQUESTS"}


@pytest.mark.parametrize(
    "url",
    [
        "",
        "campaigns",
        "nosuchdb://localhost/campaigns",
        "mysql://localhost/campaigns",
        "postgres://localhost:port/x",
        "postgres://",
        "postgres://localhost/",
    ],
)
def test_a_bad_database_url_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """The error comes before any attempt to connect."""
    monkeypatch.setenv("DATABASE_URL", url)

    with pytest.raises(EnvValidationError, match="'DATABASE_URL'"):
        Environment.read()


def test_production_needs_a_secret_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """The development key is public."""
    monkeypatch.setenv("DEBUG", "false")
    with pytest.raises(EnvValidationError, match="'SECRET_KEY'"):
        Environment.read()

    monkeypatch.setenv("SECRET_KEY", "from a vault")
    assert Environment.read().secret_key == "from a vault"


def test_hosts_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    """A space after the comma is not part of a host name."""
    monkeypatch.setenv("ALLOWED_HOSTS", "example.org, www.example.org")

    assert Environment.read().allowed_hosts == ("example.org", "www.example.org")


@pytest.mark.parametrize("value", ["", " ", "example.org,,www.example.org", ","])
def test_a_host_without_a_name_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """Without any host, the service would refuse every request."""
    monkeypatch.setenv("ALLOWED_HOSTS", value)

    with pytest.raises(EnvValidationError, match="'ALLOWED_HOSTS'"):
        Environment.read()


@pytest.mark.parametrize(
    "url",
    ["redis://h", "redis://h:6379/0", "rediss://u:p@h/2?ssl_cert_reqs=none", "unix:///run/redis.sock?db=1"],
)
def test_a_redis_is_named_in_the_ways_of_its_client(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """With or without a port, a number, a password or TLS; or by a socket of this machine."""
    monkeypatch.setenv("CACHE_URL", url)

    assert Environment.read().cache_url == url


def test_a_database_can_be_named_by_a_service(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service of PostgreSQL's connection service file."""
    monkeypatch.setenv("DATABASE_URL", "postgres:///?service=campaigns")

    assert Environment.read().database_url == "postgres:///?service=campaigns"


def test_a_process_reads_its_environment_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings and server configuration see the same values."""
    first = environment()
    monkeypatch.setenv("KEEPALIVE", str(first.keepalive + 1))

    assert environment() is first


def test_the_site_does_not_start_with_bad_values() -> None:
    """The last line of the error names every variable."""
    start = run_manage("check", **dict.fromkeys(DEFAULTS, "nonsense"))

    assert start.returncode != 0
    assert [name for name in DEFAULTS if f"'{name}'" not in start.stderr.splitlines()[-1]] == []


@pytest.mark.parametrize(("proxies", "is_secure"), [("0", "False"), ("1", "True")])
def test_only_a_trusted_proxy_says_that_it_was_asked_by_tls(proxies: str, is_secure: str) -> None:
    """Without a proxy, the client sets this header."""
    shown = run_manage(
        "shell",
        "-c",
        "from django.test import RequestFactory as F;"
        " print(F().get('/', headers={'X-Forwarded-Proto': 'https'}).is_secure())",
        TRUSTED_PROXIES=proxies,
    )

    assert shown.stdout.splitlines()[-1] == is_secure, shown.stderr


def test_the_settings_come_from_the_environment() -> None:
    """Django's settings have the values of the variables."""
    shown = run_manage(
        "shell",
        "-c",
        "from django.conf import settings as s; print(s.DEBUG, s.SECRET_KEY, s.ALLOWED_HOSTS);"
        " print(*map(s.DATABASES['default'].get, ['CONN_MAX_AGE', 'CONN_HEALTH_CHECKS', 'OPTIONS']))",
        DEBUG="no",
        SECRET_KEY="key",
        ALLOWED_HOSTS="example.org",
        DATABASE_URL="postgres://db.example.org/campaigns",
        DB_CONN_MAX_AGE="1",
        DB_CONN_HEALTH_CHECKS="no",
        DB_CONNECT_TIMEOUT="2",
        DB_STATEMENT_TIMEOUT="3",
    )

    assert shown.stdout.splitlines()[-2:] == [
        "False key ['example.org']",
        "1 False {'connect_timeout': 2, 'options': '-c statement_timeout=3'}",
    ], shown.stderr
