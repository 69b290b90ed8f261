"""How often may a client try to log in?"""

import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from django.http import HttpRequest
from django.test import AsyncClient, Client
from ninja.errors import Throttled

from config.cache import cache_settings
from config.environment import LARGEST, environment
from conftest import or_skipped
from throwaway_servers import redis
from users.models import AuthToken
from users.rate_limit import client_address, limit_log_ins
from users.tests.factories import PASSWORD, make_user

LIMIT = 3
URL = "/api/users/log-in"


@pytest.fixture(autouse=True)
def limit(settings: Any) -> None:
    """A few attempts in a window that does not end: the first window since 1970."""
    settings.LOG_IN_ATTEMPTS = LIMIT
    settings.LOG_IN_WINDOW = LARGEST


def attempt(client: Client, email: str = "nobody@example.org", url: str = URL, **headers: str) -> Any:
    """Try to log in as Ada, with the right password."""
    payload = {"email": email, "password": PASSWORD}
    return client.post(url, payload, content_type="application/json", headers=headers)


def are_counted(*attempts: tuple[str, str]) -> list[bool]:
    """Return for each attempt, an address and an account, whether it was within the limit."""

    def is_counted(address: str, email: str) -> bool:
        request = HttpRequest()
        request.META["REMOTE_ADDR"] = address
        try:
            limit_log_ins(request, email)
        except Throttled:
            return False
        return True

    return [is_counted(*each) for each in attempts]


def use_cache(settings: Any, url: str) -> None:
    """Use this cache for the test, as CACHE_URL would."""
    settings.CACHES = {"default": cache_settings(replace(environment(), cache_url=url))}


@pytest.mark.django_db
def test_one_attempt_too_many_is_refused(client: Client, users_url: str) -> None:
    """Also with the right password; the answer says when to try again."""
    url, ada = f"{users_url}/log-in", make_user("ada")
    before = [attempt(client, f"stranger-{number}@example.org", url).status_code for number in range(LIMIT)]

    refused = attempt(client, ada.email, url)

    assert before == [401] * LIMIT
    assert (refused.status_code, refused.json()) == (429, {"detail": "Too many requests."})
    assert 1 <= int(refused.headers["Retry-After"]) <= LARGEST
    assert not AuthToken.objects.exists()


@pytest.mark.django_db
@pytest.mark.query_budget(0, reason="guessing passwords must not make the database work")
def test_a_refusal_costs_no_query(client: Client) -> None:
    """Only the cache is used."""
    are_counted(*[("127.0.0.1", "ada@example.org")] * LIMIT)

    assert attempt(client).status_code == 429


@pytest.mark.django_db(transaction=True)
async def test_an_async_client_is_refused_as_well(async_client: AsyncClient, users_url: str) -> None:
    """The same call over ASGI."""
    payload = {"email": "ada@example.org", "password": PASSWORD}

    answers = [
        await async_client.post(f"{users_url}/log-in", payload, content_type="application/json")
        for _ in range(LIMIT + 1)
    ]

    assert [answer.status_code for answer in answers] == [401] * LIMIT + [429]


def test_an_account_is_guessed_at_from_many_addresses_in_vain() -> None:
    """All attempts for one account count together."""
    attempts = [(f"192.0.2.{number}", "ada@example.org") for number in range(LIMIT + 1)]

    assert are_counted(*attempts) == [True] * LIMIT + [False]


def test_an_address_has_its_attempts_for_all_accounts() -> None:
    """Other addresses can still log in."""
    attempts = [("192.0.2.1", f"user-{number}@example.org") for number in range(LIMIT + 1)]

    assert are_counted(*attempts) == [True] * LIMIT + [False]
    assert are_counted(("192.0.2.2", "user-0@example.org")) == [True]


def test_what_is_refused_takes_nothing_from_the_account() -> None:
    """Its owner can log in from another address, however often a stranger was refused at theirs."""
    are_counted(*[("192.0.2.1", f"user-{number}@example.org") for number in range(LIMIT)])

    assert not any(are_counted(*[("192.0.2.1", "ada@example.org")] * 10))
    assert all(are_counted(*[("192.0.2.2", "ada@example.org")] * LIMIT))


def test_the_next_window_begins_with_nothing(settings: Any) -> None:
    """Another window has other keys, so this one, the first of its length, has no counts yet."""
    are_counted(*[("192.0.2.1", "ada@example.org")] * (LIMIT + 1))

    settings.LOG_IN_WINDOW = LARGEST // 2

    assert are_counted(("192.0.2.1", "ada@example.org")) == [True]


def test_without_a_limit_nobody_is_counted(client: Client, db: None, settings: Any) -> None:
    """LOG_IN_ATTEMPTS=0."""
    settings.LOG_IN_ATTEMPTS = 0

    assert {attempt(client).status_code for _ in range(LIMIT + 1)} == {401}


@pytest.mark.parametrize("where", ["locmem://", pytest.param("redis", marks=pytest.mark.services)])
def test_of_those_who_come_at_once_no_more_are_let_through(
    settings: Any, request: pytest.FixtureRequest, where: str
) -> None:
    """Each of sixty gets its own number, in either cache."""
    url = request.getfixturevalue("redis_url") if where == "redis" else where
    use_cache(settings, url)

    with ThreadPoolExecutor(12) as threads:
        counted = list(threads.map(lambda _: are_counted(("192.0.2.1", "ada@example.org")), range(60)))

    assert counted.count([True]) == LIMIT


@pytest.mark.services
def test_nobody_is_locked_out_when_redis_is_gone(
    settings: Any, client: Client, db: None, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says that log-ins are not limited."""
    with or_skipped(redis.serving) as url:
        use_cache(settings, url)
        assert attempt(client).status_code == 401

    assert {attempt(client).status_code for _ in range(LIMIT + 1)} == {401}
    assert "log-ins are not limited" in caplog.text


def test_nobody_waits_long_for_a_redis_that_is_silent(
    settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """It accepts connections, and then never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        use_cache(settings, f"redis://127.0.0.1:{server.getsockname()[1]}/0")

        assert are_counted(("192.0.2.1", "ada@example.org")) == [True]
    assert "Timeout" in caplog.text


@pytest.mark.parametrize(
    ("proxies", "noted", "address"),
    [
        pytest.param(0, "192.0.2.1", "127.0.0.1", id="anybody can say so"),
        pytest.param(1, "192.0.2.1", "192.0.2.1", id="noted by our proxy"),
        pytest.param(1, "192.0.2.9, 192.0.2.1", "192.0.2.1", id="made up before our proxy"),
        pytest.param(2, "192.0.2.9, 192.0.2.1, 10.0.0.1", "192.0.2.1", id="noted by the first of two"),
        pytest.param(2, "192.0.2.1", "127.0.0.1", id="not come through both"),
        pytest.param(1, "", "127.0.0.1", id="not come through a proxy"),
    ],
)
def test_behind_proxies_an_address_is_what_they_noted(
    settings: Any, proxies: int, noted: str, address: str
) -> None:
    """TRUSTED_PROXIES says how many there are; an address that the client claims is ignored."""
    settings.TRUSTED_PROXIES = proxies
    request = HttpRequest()
    request.META = {"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": noted}

    assert client_address(request) == address
