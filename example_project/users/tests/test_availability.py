"""How can a new user see what is taken before signing up?"""

from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient, Client

from users.tests.factories import make_user


def look_up(client: Client, users_url: str, **wish: str) -> Any:
    """Ask whether these are free."""
    return client.get(f"{users_url}/availability", wish)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("wish", "available"),
    [
        pytest.param({"email": "ADA@example.org"}, {"email": False, "nickname": None}, id="taken address"),
        pytest.param({"email": "eve@example.org"}, {"email": True, "nickname": None}, id="free address"),
        pytest.param({"nickname": "ADA"}, {"email": None, "nickname": False}, id="taken nickname"),
        pytest.param({"nickname": "eve"}, {"email": None, "nickname": True}, id="free nickname"),
        pytest.param(
            {"email": "ada@example.org", "nickname": "eve"}, {"email": False, "nickname": True}, id="both"
        ),
        pytest.param({}, {"email": None, "nickname": None}, id="neither"),
    ],
)
def test_what_is_asked_for_is_answered(
    client: Client, users_url: str, wish: dict[str, str], available: dict[str, bool | None]
) -> None:
    """In any case of the letters; null if it was not asked for."""
    make_user("ada")

    response = look_up(client, users_url, **wish)

    assert response.status_code == 200
    assert response.json() == available


@pytest.mark.django_db
@pytest.mark.parametrize(("field", "value"), [("email", "ada"), ("nickname", "x"), ("nickname", "a\x00da")])
def test_what_nobody_could_have_is_refused_by_its_name(
    client: Client, users_url: str, field: str, value: str
) -> None:
    """The same rules hold as at sign-up."""
    response = look_up(client, users_url, **{field: value})

    assert response.status_code == 422
    assert [error["loc"][-1] for error in response.json()["detail"]] == [field]


@pytest.mark.django_db(transaction=True)
async def test_availability_works_for_an_async_client(async_client: AsyncClient, users_url: str) -> None:
    """The same call over ASGI."""
    await sync_to_async(make_user)("ada")

    response = await async_client.get(f"{users_url}/availability", {"nickname": "ada"})

    assert response.json()["nickname"] is False
