"""How does Apple's side of Sign in with Apple behave, on this machine?

The keys are real, and served over HTTP. Tokens are signed with them, unless a test needs another signature.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from time import time
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from jwt.algorithms import RSAAlgorithm

from users.tokens import digest_of

CLIENT_ID = "org.example.campaigns"
FIVE_MINUTES = 300


@cache
def key_named(key_id: str) -> RSAPrivateKey:
    """Return the private key with this id, made once for all tests, because that is slow."""
    return generate_private_key(public_exponent=65537, key_size=2048)


def signed(
    claims: dict[str, Any], *, key: Any = None, key_id: str = "first", algorithm: str = "RS256"
) -> str:
    """Return a token, signed with the key that it names unless told otherwise."""
    return jwt.encode(claims, key or key_named(key_id), algorithm=algorithm, headers={"kid": key_id})


def claims_for(
    nonce: str, /, *, issued: int = 0, expires: int = FIVE_MINUTES, **others: Any
) -> dict[str, Any]:
    """Return Apple's claims about Ada; times are in seconds from now, and None leaves a claim out."""
    now = int(time())
    claims = {
        "iss": "https://appleid.apple.com",
        "aud": CLIENT_ID,
        "sub": "000123.ada",
        "iat": now + issued,
        "exp": now + expires,
        "nonce": digest_of(nonce),
        "nonce_supported": True,
        "email": "ada@example.org",
        "email_verified": "true",
    }
    return {name: value for name, value in (claims | others).items() if value is not None}


@dataclass(slots=True)
class Apple:
    """A server with the keys of these ids; it counts its requests."""

    keys_url: str = ""
    key_ids: list[str] = field(default_factory=lambda: ["first"])
    asked: int = 0
    status: int = 200
    answer: bytes | None = None
    """A response other than the keys."""

    def body(self) -> bytes:
        """Return the key set, in the form of Apple's."""
        if self.answer is not None:
            return self.answer
        keys = [
            RSAAlgorithm.to_jwk(key_named(key_id).public_key(), as_dict=True)
            | {"kid": key_id, "use": "sig", "alg": "RS256"}
            for key_id in self.key_ids
        ]
        return json.dumps({"keys": keys}).encode()


@contextmanager
def serving() -> Iterator[Apple]:
    """Yield an Apple that listens on a local port."""
    apple = Apple()

    class Keys(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            apple.asked += 1
            self.send_response(apple.status)
            self.end_headers()
            self.wfile.write(apple.body())

        def log_message(self, *args: Any) -> None:
            """Write nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Keys) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        apple.keys_url = f"http://127.0.0.1:{server.server_port}/auth/keys"
        try:
            yield apple
        finally:
            server.shutdown()
            thread.join()
