"""With which keys does Apple sign?

The keys are fetched once for many sign-ins. They are fetched again when a token names an unknown key, because
Apple changes its keys now and then. Strangers can name any key, so this happens at most once in a while.
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
"""Seconds until a key that Apple has withdrawn is no longer trusted."""
LOOKED_AGAIN = "apple-keys-looked-again"
LOOK_AGAIN_AFTER = 60
"""Seconds."""
PATIENCE = 5
"""Seconds that Apple has to answer."""


class KeysUnavailable(HttpError):
    """The token cannot be checked: 503, because another attempt may succeed."""

    def __init__(self) -> None:
        super().__init__(503, "Apple does not answer. Try again later.")


def signing_key(key_id: str | None) -> PyJWK | None:
    """Return Apple's key with this id, if any; may wait for Apple, so never call it on an event loop."""
    keys = cache.get(KEYS)
    if keys is None or (key_id not in keys and cache.add(LOOKED_AGAIN, "yes", LOOK_AGAIN_AFTER)):
        keys = _fetched()
        cache.set(KEYS, keys, LIFETIME)
    return PyJWK(keys[key_id]) if key_id in keys else None


def _fetched() -> dict[str, dict[str, Any]]:
    try:
        # The environment allows only HTTPS, and HTTP of this machine.
        with urlopen(settings.APPLE_KEYS_URL, timeout=PATIENCE) as answer:  # noqa: S310
            answered = json.load(answer)
        # PyJWT leaves out keys of types that it does not know, and raises an error if no key is left.
        usable = {key.key_id for key in PyJWKSet.from_dict(answered).keys}
        return {key["kid"]: key for key in answered["keys"] if key["kid"] in usable}
    except HTTPError as error:
        error.close()  # The error is the response as well, and has its connection.
        raise KeysUnavailable from error
    except (OSError, HTTPException, ValueError, LookupError, AttributeError, PyJWTError) as error:
        raise KeysUnavailable from error
