"""Which users can exist?"""

import pytest
from django.contrib.auth import aauthenticate, authenticate
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import IntegrityError

from users.models import AuthToken, User
from users.tests.factories import PASSWORD, make_user, sign_in
from users.tokens import new_secret


@pytest.mark.django_db
def test_a_new_user_has_no_special_rights() -> None:
    """`create_user` hashes the password and lower-cases the e-mail address."""
    user = User.objects.create_user(" Ada@Example.ORG", "Ada", PASSWORD)

    assert (user.email, user.nickname, str(user)) == ("ada@example.org", "Ada", "Ada")
    assert user.check_password(PASSWORD)
    assert (user.is_active, user.is_staff, user.is_superuser) == (True, False, False)


@pytest.mark.django_db
def test_a_user_made_without_a_password_has_an_unusable_one() -> None:
    """Such an account needs another way to log in."""
    assert not User.objects.create_user("ada@example.org", "ada").has_usable_password()


@pytest.mark.parametrize(
    ("email", "nickname", "missing"), [("", "ada", "e-mail"), ("a@b.org", "", "nickname")]
)
def test_a_user_needs_an_email_address_and_a_nickname(email: str, nickname: str, missing: str) -> None:
    """The error says which one is missing."""
    with pytest.raises(ValueError, match=missing):
        User.objects.create_user(email, nickname, PASSWORD)


@pytest.mark.django_db
def test_the_command_line_makes_a_superuser(monkeypatch: pytest.MonkeyPatch) -> None:
    """`createsuperuser` works with the e-mail address as log-in."""
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)

    call_command("createsuperuser", interactive=False, email="root@example.org", nickname="root", verbosity=0)

    root = User.objects.get()
    assert (root.is_staff, root.is_superuser) == (True, True)
    assert root.check_password(PASSWORD)


@pytest.mark.parametrize("right", ["is_staff", "is_superuser"])
def test_a_superuser_without_its_rights_is_refused(right: str) -> None:
    """It would be an ordinary user under a misleading name."""
    with pytest.raises(ValueError, match="superuser"):
        User.objects.create_superuser("root@example.org", "root", PASSWORD, **{right: False})


@pytest.mark.django_db
def test_django_authenticates_by_email_address_in_any_case() -> None:
    """The admin's log-in form works like this."""
    assert authenticate(username="ADA@example.org", password=PASSWORD) is None
    ada = make_user("ada")

    assert authenticate(username="ADA@example.org", password=PASSWORD) == ada


@pytest.mark.django_db(transaction=True)
async def test_django_authenticates_asynchronously_too() -> None:
    """The asynchronous twin looks the user up in the same way."""
    ada = await User.objects.acreate(email="ada@example.org", nickname="ada", password="!")

    assert await User.objects.aget_by_natural_key("ADA@example.org") == ada
    assert await aauthenticate(username="ADA@example.org", password=PASSWORD) is None


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("email", "nickname"),
    [
        pytest.param("ada@example.org", "bob", id="same e-mail address"),
        pytest.param("bob@example.org", "ADA", id="same nickname in another case"),
        pytest.param("Bob@example.org", "bob", id="e-mail address not in lower case"),
    ],
)
def test_the_database_refuses_what_the_code_let_through(email: str, nickname: str) -> None:
    """Constraints hold for every writer."""
    make_user("ada")

    with pytest.raises(IntegrityError):
        User.objects.create(email=email, nickname=nickname)


@pytest.mark.django_db
def test_validation_says_that_a_nickname_is_taken() -> None:
    """Forms show this sentence instead of an error page."""
    make_user("ada")
    bob = User(email="BOB@example.org", nickname="ADA", password="!")

    with pytest.raises(ValidationError, match="This nickname is taken"):
        bob.full_clean()
    assert bob.email == "bob@example.org"


def test_secrets_are_long_and_never_the_same() -> None:
    """256 bits are 43 characters of URL-safe base64."""
    secrets = {new_secret() for _ in range(100)}

    assert len(secrets) == 100
    assert {len(secret) for secret in secrets} == {43}


@pytest.mark.django_db
def test_deleting_a_user_closes_the_sessions() -> None:
    """No token outlives its user."""
    user = make_user()
    sign_in(user)
    assert str(AuthToken.objects.get()).endswith(f"of user {user.pk}")

    user.delete()

    assert not AuthToken.objects.exists()
