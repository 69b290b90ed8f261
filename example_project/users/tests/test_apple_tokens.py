"""Which identity tokens prove who the user is?"""

import hmac
import json
import socket
from base64 import urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.core.cache import cache
from django.test import override_settings

from throwaway_servers.processes import free_port
from users import apple_keys
from users.apple import NONCE_LIFETIME, Identity, TokenRefused, identity_of, nonce_key
from users.apple_keys import KeysUnavailable
from users.tests.apple import Apple, claims_for, key_named, signed
from users.tokens import digest_of

NONCE = "of this sign-in"
HOUR = 3600
ADA = Identity(apple_id="000123.ada", email="ada@example.org", has_verified_email=True)


@pytest.fixture(autouse=True)
def handed_out(apple: Apple) -> None:
    """The nonce of this sign-in, which the site has created."""
    cache.set(nonce_key(NONCE), "unused", NONCE_LIFETIME)


def part(content: dict[str, Any]) -> str:
    """Encode a part of a token by hand: PyJWT refuses to write some of these."""
    return urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


def unsigned() -> str:
    """Return a token that declares that it needs no signature."""
    return f"{part({'alg': 'none', 'kid': 'first'})}.{part(claims_for(NONCE))}."


def signed_with_the_public_key() -> str:
    """Return a token signed with the public key as if it were a shared secret."""
    public = key_named("first").public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    message = f"{part({'alg': 'HS256', 'kid': 'first'})}.{part(claims_for(NONCE))}"
    signature = hmac.new(public, message.encode(), sha256).digest()
    return f"{message}.{urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def altered() -> str:
    """Return a good token with another user written into it."""
    header, _, signature = signed(claims_for(NONCE)).split(".")
    return f"{header}.{part(claims_for(NONCE, sub='000456.eve'))}.{signature}"


def test_a_good_token_says_who_it_is() -> None:
    """Apple's id, the address, and whether Apple has verified it."""
    assert identity_of(signed(claims_for(NONCE)), NONCE) == ADA


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param({"iss": "https://appleid.example.org"}, id="another issuer"),
        pytest.param({"aud": "org.example.other"}, id="another app's"),
        pytest.param({"aud": ["org.example.other"]}, id="other apps'"),
        pytest.param({"issued": -2 * HOUR, "expires": -HOUR}, id="expired"),
        pytest.param({"issued": HOUR, "expires": 2 * HOUR}, id="from the future"),
        pytest.param({"nonce": digest_of("of another sign-in")}, id="another nonce"),
        *(pytest.param({"sub": sub}, id=f"the user as {sub[:5]!r}") for sub in ("", "a\0b", "x" * 256)),
        *(
            pytest.param({"email": email}, id=f"the address as {email[:5]!r}")
            for email in (["ada@example.org"], "ada", "a\0@example.org", f"{'a' * 250}@example.org")
        ),
        pytest.param({"nonce": NONCE}, id="the nonce as it is: who has the token has it, too"),
        *(
            pytest.param({claim: None}, id=f"without {claim}")
            for claim in ("iss", "aud", "sub", "exp", "iat", "nonce")
        ),
    ],
)
def test_a_token_with_a_wrong_claim_is_refused(claims: dict[str, Any]) -> None:
    """A valid signature does not help."""
    with pytest.raises(TokenRefused):
        identity_of(signed(claims_for(NONCE, **claims)), NONCE)


@pytest.mark.parametrize(
    "forge",
    [
        pytest.param(lambda: signed(claims_for(NONCE), key=key_named("somebody's")), id="another key"),
        pytest.param(lambda: signed(claims_for(NONCE), algorithm="RS512"), id="another hash"),
        pytest.param(
            lambda: signed(claims_for(NONCE), key=generate_ec_key(SECP256R1()), algorithm="ES256"),
            id="another kind of key",
        ),
        pytest.param(unsigned, id="none"),
        pytest.param(signed_with_the_public_key, id="the public key as a secret"),
        pytest.param(altered, id="of other claims"),
        pytest.param(lambda: "not.a.token", id="no token"),
        pytest.param(lambda: "", id="nothing"),
        pytest.param(lambda: f"{part({'alg': 'RS256'})}.e30.", id="no key id"),
        pytest.param(lambda: f"{part({'alg': 'RS256', 'kid': 1})}.e30.", id="a key id that is no text"),
    ],
)
def test_a_token_with_a_wrong_signature_is_refused(forge: Callable[[], str]) -> None:
    """Its header does not help."""
    with pytest.raises(TokenRefused):
        identity_of(forge(), NONCE)


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param({"issued": 15}, id="Apple's is ahead"),
        pytest.param({"expires": -5}, id="Apple's is behind"),
    ],
)
def test_clocks_may_differ_a_little(claims: dict[str, int]) -> None:
    """A difference of half a minute is accepted."""
    assert identity_of(signed(claims_for(NONCE, **claims)), NONCE) == ADA


def test_a_nonce_that_was_not_handed_out_is_refused(apple: Apple) -> None:
    """A thief can invent nonces for a stolen token; a client without one cannot make us ask Apple."""
    with pytest.raises(TokenRefused):
        identity_of(signed(claims_for("made up")), "made up")
    assert apple.asked == 0


def test_a_nonce_that_has_expired_is_refused() -> None:
    """It is valid for as long as a sign-in takes."""
    cache.touch(nonce_key(NONCE), 0)

    with pytest.raises(TokenRefused):
        identity_of(signed(claims_for(NONCE)), NONCE)


def test_the_keys_are_fetched_once(apple: Apple) -> None:
    """For any number of sign-ins."""
    for _ in range(3):
        identity_of(signed(claims_for(NONCE)), NONCE)

    assert apple.asked == 1


def test_a_new_key_is_looked_up(apple: Apple) -> None:
    """Apple changes its keys without notice; a withdrawn key is no longer valid."""
    identity_of(signed(claims_for(NONCE)), NONCE)
    apple.key_ids = ["second"]

    assert identity_of(signed(claims_for(NONCE), key_id="second"), NONCE) == ADA
    with pytest.raises(TokenRefused):
        identity_of(signed(claims_for(NONCE)), NONCE)
    assert apple.asked == 2


def test_unknown_keys_are_looked_up_once_in_a_while(apple: Apple) -> None:
    """Otherwise a stranger could make us ask Apple as often as they like."""
    for number in range(5):
        with pytest.raises(TokenRefused):
            identity_of(signed(claims_for(NONCE), key=key_named("first"), key_id=f"made up {number}"), NONCE)
    assert apple.asked == 2

    cache.touch(apple_keys.LOOKED_AGAIN, 0)
    with pytest.raises(TokenRefused):
        identity_of(signed(claims_for(NONCE), key=key_named("first"), key_id="made up"), NONCE)
    assert apple.asked == 3


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        pytest.param(500, None, id="an error"),
        pytest.param(200, b"<html>Please log in</html>", id="a page"),
        pytest.param(200, b"[]", id="no key set"),
        pytest.param(200, b'{"keys": []}', id="no keys"),
        pytest.param(200, b'{"keys": [{"kty": "RSA"}]}', id="a key without an id"),
        pytest.param(200, b'{"keys": [{"kty": "RSA", "kid": "first"}]}', id="half a key"),
    ],
)
def test_without_keys_nobody_can_tell(apple: Apple, status: int, answer: bytes | None) -> None:
    """The token may be valid; the next sign-in asks again."""
    apple.status, apple.answer = status, answer
    with pytest.raises(KeysUnavailable):
        identity_of(signed(claims_for(NONCE)), NONCE)

    apple.status, apple.answer = 200, None
    assert identity_of(signed(claims_for(NONCE)), NONCE) == ADA


def test_a_key_of_a_new_kind_is_left_out(apple: Apple) -> None:
    """Apple may add such a key one day; the others stay valid."""
    keys = json.loads(apple.body())["keys"]
    apple.answer = json.dumps({"keys": [{"kty": "new", "kid": "second"}, *keys]}).encode()

    assert identity_of(signed(claims_for(NONCE)), NONCE) == ADA
    with pytest.raises(TokenRefused):
        identity_of(signed(claims_for(NONCE), key_id="second"), NONCE)


def test_a_key_for_another_algorithm_signs_nobody_in(apple: Apple) -> None:
    """Apple signs with RS256; no other algorithm in a key set is accepted."""
    keys = [key | {"alg": "RS512"} for key in json.loads(apple.body())["keys"]]
    apple.answer = json.dumps({"keys": keys}).encode()

    with pytest.raises(TokenRefused):
        identity_of(signed(claims_for(NONCE), algorithm="RS512"), NONCE)


def test_a_server_that_is_down_is_no_fault_of_the_token() -> None:
    """There is no server at this address."""
    nowhere = f"http://127.0.0.1:{free_port()}/auth/keys"

    with override_settings(APPLE_KEYS_URL=nowhere), pytest.raises(KeysUnavailable):
        identity_of(signed(claims_for(NONCE)), NONCE)


def test_a_server_that_does_not_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sign-in must not wait long."""
    monkeypatch.setattr(apple_keys, "PATIENCE", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/auth/keys"

        with override_settings(APPLE_KEYS_URL=url), pytest.raises(KeysUnavailable):
            identity_of(signed(claims_for(NONCE)), NONCE)


def test_keys_that_are_known_need_no_server(apple: Apple) -> None:
    """While Apple does not answer, only new keys are unknown."""
    identity_of(signed(claims_for(NONCE)), NONCE)
    apple.status = 500

    assert identity_of(signed(claims_for(NONCE)), NONCE) == ADA
    with pytest.raises(KeysUnavailable):
        identity_of(signed(claims_for(NONCE), key_id="second"), NONCE)
    assert identity_of(signed(claims_for(NONCE)), NONCE) == ADA
