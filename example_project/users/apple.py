"""Which user has Apple identified, and which account may they open?

The client asks for a nonce, and gives its SHA-256 to Apple. Apple signs the user in, and puts the hash into
an identity token. The client sends both here. The token identifies the user, and the nonce proves that the
token was made for this sign-in. Neither is valid twice.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

import jwt
from django.conf import settings
from django.core.cache import cache
from django.db import IntegrityError
from ninja import Field, Schema
from ninja.errors import AuthenticationError, HttpError
from pydantic import ValidationError

from users.apple_keys import signing_key
from users.models import User
from users.refusals import CHANGED_MEANWHILE, DEACTIVATED, EMAIL_TAKEN, bad_field
from users.schemas import Email
from users.tokens import digest_of, new_secret

ISSUER = "https://appleid.apple.com"
CLAIMS = ["iss", "sub", "aud", "iat", "exp", "nonce"]
LEEWAY = timedelta(seconds=30)
"""How far Apple's clock and this machine's may differ."""
NONCE_LIFETIME = 10 * 60
"""Seconds."""


class TokenRefused(AuthenticationError):
    """The identity token proves nothing; the answer does not say why."""

    def __init__(self) -> None:
        super().__init__(message="Apple's identity token was not accepted.")


class NotOffered(HttpError):
    """This site has no Sign in with Apple."""

    def __init__(self) -> None:
        super().__init__(404, "Sign in with Apple is not offered here.")


class Claims(Schema):
    """The claims about the user, with values that can be stored: Apple's signature does not prove that."""

    sub: Annotated[str, Field(max_length=255, pattern="^[!-~]+$")]
    email: Email | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """A user as Apple knows them; the address may be one of Apple's private relay, and works as well."""

    apple_id: str
    email: str
    """Empty if the client did not ask Apple for it."""
    has_verified_email: bool


def new_nonce() -> str:
    """Return a nonce for a client to take to Apple; it is valid while the cache has its `nonce_key`."""
    if not settings.APPLE_CLIENT_ID:
        raise NotOffered
    return new_secret()


def nonce_key(nonce: str) -> str:
    """Return the cache key of this nonce. To use a nonce is to delete its key, which only one request can."""
    return f"apple-nonce-{digest_of(nonce)}"


def identity_of(token: str, nonce: str) -> Identity:
    """Verify an identity token; may wait for Apple, so never call it on an event loop."""
    if not settings.APPLE_CLIENT_ID:
        raise NotOffered
    # Read the entry first: some caches delete an expired entry successfully, but do not return it. A client
    # without a nonce must not make us ask Apple.
    if not cache.get(nonce_key(nonce)):
        raise TokenRefused
    try:
        key = signing_key(jwt.get_unverified_header(token).get("kid"))
        if key is None:
            raise TokenRefused
        claims = jwt.decode(
            token,
            key,
            algorithms=["RS256"],
            issuer=ISSUER,
            audience=settings.APPLE_CLIENT_ID,
            leeway=LEEWAY,
            options={"require": CLAIMS},
        )
    except jwt.InvalidTokenError as error:
        raise TokenRefused from error
    if claims["nonce"] != digest_of(nonce):
        raise TokenRefused
    try:
        about = Claims.model_validate(claims)
    except ValidationError as error:
        raise TokenRefused from error
    return Identity(
        apple_id=about.sub,
        email=about.email or "",
        # Apple sends a boolean or its name.
        has_verified_email=claims.get("email_verified") in (True, "true"),
    )


def refuse_unless_it_opens(user: User | None, identity: Identity, nickname: str | None) -> None:
    """Refuse an identity that opens no account by its id or address, and cannot open a new one."""
    if user is None:
        if not (identity.email and identity.has_verified_email):
            raise bad_field("identity_token", "A new account needs an address that Apple has verified.")
        if nickname is None:
            raise bad_field("nickname", "A new account needs a nickname.")
        return
    if user.apple_id != identity.apple_id and (user.apple_id or not identity.has_verified_email):
        raise HttpError(409, EMAIL_TAKEN)
    if not user.is_active:
        raise HttpError(403, DEACTIVATED)


def link(user: User, identity: Identity) -> None:
    """Let this identity, and nothing else, open the account that was found by its address.

    Sign-up did not verify the address. Someone else may have signed up with it first, and waited for its
    owner. So the password goes, and the sessions with it. 409 if the account, or Apple's id, has got another
    owner since the check.
    """
    user.apple_id = identity.apple_id
    user.set_unusable_password()
    was = {"apple_id": None, "email": identity.email}
    try:
        is_linked = user.save_credentials(["apple_id", "password"], was=was)
    except IntegrityError as error:
        raise HttpError(409, CHANGED_MEANWHILE) from error
    if not is_linked:
        raise HttpError(409, CHANGED_MEANWHILE)
