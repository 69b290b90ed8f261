"""Which valid request does a client send to each operation of the users API?"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.core.cache import cache
from django.test import AsyncClient, Client

from users.apple import NONCE_LIFETIME, nonce_key
from users.tests.apple import claims_for, signed
from users.tests.factories import PASSWORD, make_user, sign_in

README = Path(__file__).parents[2] / "README.md"
ADAS_ID, EVES_ID = "000123.ada", "000456.eve"
NONCE = "of this sign-in"
PAYLOADS = {
    "POST sign-up": {"email": "eve@example.org", "nickname": "eve", "password": PASSWORD},
    "GET availability": {"email": "eve@example.org", "nickname": "eve"},
    "POST log-in": {"email": "ada@example.org", "password": PASSWORD},
    "PATCH me": {"nickname": "lovelace"},
    "POST me/password": {"old_password": PASSWORD, "new_password": "staple battery horse"},
}


@dataclass(frozen=True, slots=True)
class Operation:
    """A request, ready to be sent once."""

    method: str
    path: str
    payload: dict[str, str]
    headers: dict[str, str]

    def send(self, client: Client | AsyncClient, users_url: str) -> Any:
        """Send it; await the response of an asynchronous client."""
        url = f"{users_url}/{self.path}"
        if self.method == "GET":
            return client.get(url, self.payload, headers=self.headers)
        send = getattr(client, self.method.lower())
        return send(url, self.payload, content_type="application/json", headers=self.headers)


def prepare(name: str) -> Operation:
    """Save an account and a session, and return the operation with this name in the README."""
    ada = make_user("ada", apple_id=None if name == "POST apple to link" else ADAS_ID)
    cache.set(nonce_key(NONCE), "unused", NONCE_LIFETIME)
    method, path = name.split()[:2]
    payload = PAYLOADS.get(name, {})
    if path == "apple":
        claims = {"sub": EVES_ID, "email": "eve@example.org"} if name == "POST apple to sign up" else {}
        token = signed(claims_for(NONCE, **claims))
        payload = {"identity_token": token, "nonce": NONCE, "nickname": "eve"}
    return Operation(method, path, payload, sign_in(ada))


def rows_of_readme(pattern: str) -> Iterator[tuple[str, ...]]:
    """Return the groups of a pattern for each matching row of the README's tables."""
    for row in README.read_text().splitlines():
        if match := re.fullmatch(pattern, row):
            yield match.groups()
