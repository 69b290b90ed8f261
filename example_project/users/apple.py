"""Whom does Apple vouch for, and which account may they open?

Signing in goes like this. The client asks for a nonce, and gives its SHA-256 to Apple. Apple lets the user
sign in, and puts that into an identity token. The client sends both here: the token says who it is, the
nonce that it was made for this sign-in. Neither is good for a second one.
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
    """What is said of the user, as far as it can be kept: Apple has signed it, and may err as anybody."""

    sub: Annotated[str, Field(max_length=255, pattern="^[!-~]+$")]
    email: Email | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody as Apple knows them; the address may be one of its private relay, and works as any other."""

    apple_id: str
    email: str
    """Empty where the client did not ask Apple for it."""
    has_verified_email: bool


def new_nonce() -> str:
    """Return what a client takes to Apple and back; it is good while `nonce_key` of it is in the cache."""
    if not settings.APPLE_CLIENT_ID:
        raise NotOffered
    return new_secret()


def nonce_key(nonce: str) -> str:
    """Return the key under which the cache has this nonce. Who deletes it has used it: only one can."""
    return f"apple-nonce-{digest_of(nonce)}"


def identity_of(token: str, nonce: str) -> Identity:
    """Verify an identity token; may wait for Apple: never call it on an event loop."""
    if not settings.APPLE_CLIENT_ID:
        raise NotOffered
    # To delete an entry that has expired succeeds with some caches, to read it does not. And who has no nonce
    # cannot make us ask Apple.
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
    """Refuse an identity that opens neither the account found by its id or address nor a new one."""
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
    """Let the account, found by its address, be opened with this identity from now on, and with nothing else.

    Nobody has verified that whoever signed up with the address could read its mail: they may have come first,
    and wait for its owner. So the password goes, and the sessions with it. 409 when the account, or Apple's
    id, has become somebody else's since they were looked up.
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
