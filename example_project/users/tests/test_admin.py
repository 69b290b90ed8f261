"""What can the staff do with users?"""

import pytest
from django.test import Client

from users.models import AuthToken, User
from users.tests.factories import PASSWORD, make_user, sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(client: Client) -> Client:
    """A client of a superuser."""
    client.force_login(make_user("root", is_staff=True, is_superuser=True))
    return client


def test_the_staff_logs_in_with_the_email_address(client: Client) -> None:
    """The log-in form accepts it in any case."""
    make_user("root", is_staff=True)

    response = client.post("/admin/login/", {"username": "ROOT@example.org", "password": PASSWORD})

    assert response.status_code == 302


def test_users_are_found_by_nickname(staff: Client) -> None:
    """The search shows matching users and no others."""
    make_user("ada")
    make_user("bob")

    page = staff.get("/admin/users/user/", {"q": "ada"}).text

    assert "ada@example.org" in page
    assert "bob@example.org" not in page


def test_a_user_can_be_added(staff: Client) -> None:
    """The form takes e-mail address, nickname and password."""
    form = {
        "email": "Ada@example.org",
        "nickname": "ada",
        "usable_password": "true",
        "password1": PASSWORD,
        "password2": PASSWORD,
    }

    response = staff.post("/admin/users/user/add/", form)

    assert response.status_code == 302
    assert User.objects.get(nickname="ada").email == "ada@example.org"


def test_a_user_can_be_edited(staff: Client) -> None:
    """The page of a user opens with all its fields."""
    ada = make_user("ada")

    assert staff.get(f"/admin/users/user/{ada.pk}/change/").status_code == 200


def test_apples_id_can_be_seen_and_not_changed(staff: Client) -> None:
    """An admin who could change it could sign in as the user."""
    ada, bob = make_user("ada", apple_id="000123.ada"), make_user("bob")
    url = f"/admin/users/user/{ada.pk}/change/"

    assert "000123.ada" in staff.get(url).text
    for user in (ada, bob):
        form = {"email": user.email, "nickname": f"{user.nickname}-2", "apple_id": "000456.eve"}
        assert staff.post(f"/admin/users/user/{user.pk}/change/", form).status_code == 302
    assert list(User.objects.order_by("email").values_list("nickname", "apple_id")) == [
        ("ada-2", "000123.ada"),
        ("bob-2", None),
        ("root", None),
    ]


def test_sessions_can_be_seen_and_closed_but_not_made(staff: Client) -> None:
    """A session created here would have a secret that no client knows."""
    sign_in(make_user("ada"))
    session = AuthToken.objects.get()

    assert "ada" in staff.get("/admin/users/authtoken/").text
    assert staff.get("/admin/users/authtoken/add/").status_code == 403
    assert session.digest not in staff.get(f"/admin/users/authtoken/{session.pk}/change/").text
    staff.post(f"/admin/users/authtoken/{session.pk}/delete/", {"post": "yes"})
    assert not AuthToken.objects.exists()


def test_a_new_password_from_the_staff_closes_the_sessions(staff: Client) -> None:
    """For a stolen account, this is the only remedy."""
    ada = make_user("ada")
    sign_in(ada)
    form = {
        "usable_password": "true",
        "password1": "staple battery horse",
        "password2": "staple battery horse",
    }

    response = staff.post(f"/admin/users/user/{ada.pk}/password/", form)

    assert response.status_code == 302
    ada.refresh_from_db()
    assert ada.check_password("staple battery horse")
    assert not AuthToken.objects.exists()
