"""Which secret does a client hold, and what is stored of it?"""

from hashlib import sha256
from secrets import token_urlsafe


def new_secret() -> str:
    """Return 256 random bits, safe to send in a header."""
    return token_urlsafe(32)


def digest_of(secret: str) -> str:
    """Return what is stored of a secret. It is random, so a fast hash without salt is enough."""
    return sha256(secret.encode()).hexdigest()
