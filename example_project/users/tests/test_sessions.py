"""Which requests does a session allow, and when does it end?"""

from datetime import timedelta
from io import StringIO

import pytest
from asgiref.sync import sync_to_async
from django.core.management import call_command
from django.db import connection
from django.test import AsyncClient, Client
from django.utils import timezone

from users.models import SESSION_LIFETIME, AuthToken
from users.tests.factories import make_user, sign_in


@pytest.fixture
def three_sessions(db: None) -> None:
    """Two that have ended, and one that has not."""
    user = make_user()
    for seconds in (-60, 0, 60):
        sign_in(user, expires_at=timezone.now() + timedelta(seconds=seconds))


@pytest.mark.django_db
@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="none"),
        pytest.param({"Authorization": "Bearer"}, id="empty"),
        pytest.param({"Authorization": "Bearer wrong"}, id="wrong"),
        pytest.param({"Authorization": "Bearer wr\xf6ng"}, id="not ASCII"),
        pytest.param({"Authorization": "Basic YWRhOnBhc3N3b3Jk"}, id="another scheme"),
    ],
)
def test_a_request_without_a_valid_token_is_unauthorized(
    client: Client, users_url: str, headers: dict[str, str]
) -> None:
    """The answer says how to authenticate."""
    sign_in(make_user())

    response = client.get(f"{users_url}/me", headers=headers)

    assert response.status_code == 401
    assert response.json() == {"detail": "Unauthorized"}
    assert response.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.django_db
def test_a_session_ends_after_its_lifetime(client: Client, users_url: str) -> None:
    """It starts with its whole lifetime, and is invalid afterwards."""
    user = make_user()
    fresh = sign_in(user)
    stale = sign_in(user, expires_at=timezone.now() - timedelta(seconds=1))

    left = AuthToken.objects.valid().get().expires_at - timezone.now()

    assert timedelta(0) < SESSION_LIFETIME - left < timedelta(minutes=5)
    assert client.get(f"{users_url}/me", headers=fresh).status_code == 200
    assert client.get(f"{users_url}/me", headers=stale).status_code == 401


@pytest.mark.django_db
@pytest.mark.query_budget(1)
def test_sessions_that_have_ended_are_cleared(
    capsys: pytest.CaptureFixture[str], three_sessions: None
) -> None:
    """In one statement; valid sessions stay."""
    call_command("clear_auth_tokens")

    assert capsys.readouterr().out == "2 sessions had ended\n"


@pytest.mark.skipif(connection.vendor != "postgresql", reason="needs PostgreSQL's plans")
@pytest.mark.django_db
@pytest.mark.no_unindexed_filters
def test_an_index_finds_the_sessions_that_have_ended(three_sessions: None) -> None:
    """It does not read all the others."""
    call_command("clear_auth_tokens", stdout=StringIO())


@pytest.mark.django_db
def test_the_sessions_of_a_deactivated_user_let_nobody_in(client: Client, users_url: str) -> None:
    """Deactivating an account works at once."""
    user = make_user()
    headers = sign_in(user)
    user.is_active = False
    user.save()

    assert client.get(f"{users_url}/me", headers=headers).status_code == 401


@pytest.mark.django_db
def test_logging_out_ends_this_session_only(client: Client, users_url: str) -> None:
    """The user's other devices stay logged in."""
    user = make_user()
    here, elsewhere = sign_in(user), sign_in(user)

    response = client.post(f"{users_url}/log-out", headers=here)

    assert response.status_code == 204
    assert response.content == b""
    assert client.get(f"{users_url}/me", headers=here).status_code == 401
    assert client.get(f"{users_url}/me", headers=elsewhere).status_code == 200


@pytest.mark.django_db
def test_logging_out_needs_a_session(client: Client, users_url: str) -> None:
    """There is nothing to end without one."""
    assert client.post(f"{users_url}/log-out").status_code == 401


@pytest.mark.django_db(transaction=True)
async def test_a_session_works_for_an_async_client(async_client: AsyncClient, users_url: str) -> None:
    """The same calls over ASGI: allowed, logged out, refused."""
    headers = await sync_to_async(lambda: sign_in(make_user()))()

    before = await async_client.get(f"{users_url}/me", headers=headers)
    await async_client.post(f"{users_url}/log-out", headers=headers)
    after = await async_client.get(f"{users_url}/me", headers=headers)

    assert (before.status_code, after.status_code) == (200, 401)
