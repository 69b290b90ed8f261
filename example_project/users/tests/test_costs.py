"""What may it cost to sign up, log in and send a session?"""

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient, Client

from campaigns.tests.factories import make_campaign
from pytest_dbperf import BudgetFixture, LiveRecording
from users.models import User
from users.tests.factories import PASSWORD, make_user, sign_in

pytestmark = [pytest.mark.django_db, pytest.mark.max_new_connections(0)]

# Hashing would block the event loop, and the manager's create_user hashes, too.
HASHING = ["check_password", "set_password", "create_user"]
# The Redis client is synchronous.
COUNTING = ["limit_log_ins"]


@pytest.fixture
def ada(db: None) -> User:
    """A user with an account."""
    return make_user("ada")


@pytest.mark.query_budget(4, insert=2)
def test_signing_up_costs_four_queries(client: Client) -> None:
    """Two check if the address and the nickname are taken, two store the account and its session."""
    payload = {"email": "ada@example.org", "nickname": "ada", "password": PASSWORD}

    assert client.post("/api/users/sign-up", payload, content_type="application/json").status_code == 201


@pytest.mark.parametrize(
    ("password", "status"),
    [
        pytest.param(PASSWORD, 201, marks=pytest.mark.query_budget(3)),
        pytest.param("wrong horse battery", 401, marks=pytest.mark.query_budget(1, insert=0, update=0)),
    ],
)
def test_a_refused_log_in_stores_nothing(client: Client, ada: User, password: str, status: int) -> None:
    """A client that guesses passwords must not make the database write."""
    payload = {"email": ada.email, "password": password}

    response = client.post("/api/users/log-in", payload, content_type="application/json")

    assert response.status_code == status


def test_a_session_is_found_in_one_query(client: Client, ada: User, query_budget: BudgetFixture) -> None:
    """The token and its user come together."""
    headers = sign_in(ada)

    with query_budget(1):
        assert client.get("/api/users/me", headers=headers).status_code == 200


def test_deleting_an_account_costs_the_same_for_any_number_of_campaigns(
    client: Client, ada: User, dbperf: LiveRecording
) -> None:
    """They are found and deleted table by table, not one by one."""
    headers = sign_in(ada)

    def make(number: int) -> None:
        for each in range(number):
            make_campaign(ada, tags=[f"tag {each}"], joined_by=[ada])

    # Without a warm-up call: an account can be deleted only once.
    dbperf.assert_constant(
        lambda: client.delete("/api/users/me", headers=headers), populate=make, warm_up=False
    )


def test_deleting_an_account_with_campaigns_costs_eleven_queries(
    client: Client, ada: User, query_budget: BudgetFixture
) -> None:
    """Rows in other tables have to be found and deleted first."""
    make_campaign(ada, tags=["water"], joined_by=[ada])
    headers = sign_in(ada)

    with query_budget(11, at_least=11):
        assert client.delete("/api/users/me", headers=headers).status_code == 204


@pytest.mark.django_db(transaction=True)
@pytest.mark.no_sync_to_async(allow=[*HASHING, *COUNTING, "make_user"], reason="hashing blocks, Redis may")
async def test_only_hashing_and_counting_are_sent_to_a_thread(async_client: AsyncClient) -> None:
    """Everything else awaits Django's own asynchronous calls."""
    await sync_to_async(make_user)("bob")
    account = {"email": "ada@example.org", "nickname": "ada", "password": PASSWORD}
    strangers = {"email": "eve@example.org", "password": PASSWORD}

    for path, payload in (("sign-up", account), ("log-in", account), ("log-in", strangers)):
        await async_client.post(f"/api/users/{path}", payload, content_type="application/json")
