"""Which users and sessions do the tests start from?"""

from typing import Any

from users.models import AuthToken, User
from users.tokens import digest_of, new_secret

PASSWORD = "correct horse battery"


def make_user(nickname: str = "ada", **fields: Any) -> User:
    """Save a user with an e-mail address made from the nickname, and with the password `PASSWORD`."""
    return User.objects.create_user(f"{nickname}@example.org", nickname, PASSWORD, **fields)


def sign_in(user: User, **fields: Any) -> dict[str, str]:
    """Open a session for the user and return the headers that a client sends with it."""
    secret = new_secret()
    AuthToken.objects.create(user=user, digest=digest_of(secret), **fields)
    return {"Authorization": f"Bearer {secret}"}
