"""With which keys does Apple sign?

They are fetched once for many sign-ins, and again when a token names a key that is not among them: Apple has
new ones now and then. Strangers can name any key, so that this happens at most once in a while.
"""

import json
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

from django.conf import settings
from django.core.cache import cache
from jwt import PyJWK, PyJWKSet
from jwt.exceptions import PyJWTError
from ninja.errors import HttpError

KEYS = "apple-keys"
LIFETIME = 24 * 60 * 60
"""Seconds after which a key that Apple has withdrawn is trusted no longer."""
LOOKED_AGAIN = "apple-keys-looked-again"
LOOK_AGAIN_AFTER = 60
"""Seconds."""
PATIENCE = 5
"""Seconds that Apple has to answer."""


class KeysUnavailable(HttpError):
    """Nobody can say whether a token is good: 503, because to try again may help."""

    def __init__(self) -> None:
        super().__init__(503, "Apple does not answer. Try again later.")


def signing_key(key_id: str | None) -> PyJWK | None:
    """Return Apple's key of this id, if there is one; may wait for Apple: never call it on an event loop."""
    keys = cache.get(KEYS)
    if keys is None or (key_id not in keys and cache.add(LOOKED_AGAIN, "yes", LOOK_AGAIN_AFTER)):
        keys = _fetched()
        cache.set(KEYS, keys, LIFETIME)
    return PyJWK(keys[key_id]) if key_id in keys else None


def _fetched() -> dict[str, dict[str, Any]]:
    try:
        # The environment lets through no address but HTTPS, and HTTP of this machine.
        with urlopen(settings.APPLE_KEYS_URL, timeout=PATIENCE) as answer:  # noqa: S310
            answered = json.load(answer)
        # Keys of a kind that PyJWT does not know yet are left out, and a set without any other is an error.
        usable = {key.key_id for key in PyJWKSet.from_dict(answered).keys}
        return {key["kid"]: key for key in answered["keys"] if key["kid"] in usable}
    except HTTPError as error:
        error.close()  # It is the answer as well, with its connection.
        raise KeysUnavailable from error
    except (OSError, HTTPException, ValueError, LookupError, AttributeError, PyJWTError) as error:
        raise KeysUnavailable from error
