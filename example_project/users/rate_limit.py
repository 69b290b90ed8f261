"""How often may a client try to log in?

The limit is a number of attempts in a window, from one address and into one account. Each window has its own
keys, so that no count expires while it is needed. The cache numbers each attempt in one atomic step, also if
many come at once. The throttles of django-ninja read a list and write it back, so of two requests at once
they lose one. They would also make the event loop wait for Redis.
"""

import logging
import math
import time
from hashlib import sha256

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest
from ninja.errors import Throttled
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)


def limit_log_ins(request: HttpRequest, email: str) -> None:
    """Count an attempt to log in. Raise Throttled, which is 429, if it is one too many.

    The address is counted first: an attempt that is refused there does not count for the account. It may have
    to wait for Redis, so never call it on an event loop.
    """
    if not settings.LOG_IN_ATTEMPTS:
        return
    window, elapsed = divmod(time.time(), settings.LOG_IN_WINDOW)
    try:
        for whose in (f"address {client_address(request)}", f"account {email}"):
            if _count(f"log-in:{sha256(whose.encode()).hexdigest()}:{window:.0f}") > settings.LOG_IN_ATTEMPTS:
                raise Throttled(wait=math.ceil(settings.LOG_IN_WINDOW - elapsed))
    except RedisError:
        # Without its cache the service does not lock users out; each guess still costs a hash.
        logger.exception("log-ins are not limited: the cache does not answer")


def client_address(request: HttpRequest) -> str:
    """Return the client's address: each of TRUSTED_PROXIES has appended its own client's to a header."""
    noted = [one.strip() for one in request.headers.get("X-Forwarded-For", "").split(",") if one.strip()]
    if 0 < settings.TRUSTED_PROXIES <= len(noted):
        return noted[-settings.TRUSTED_PROXIES]
    return request.META.get("REMOTE_ADDR", "")  # A unix socket has none.


def _count(key: str) -> int:
    # The clocks of the workers may differ a little, so a key lives longer than its window.
    cache.add(key, 0, timeout=2 * settings.LOG_IN_WINDOW)
    return cache.incr(key)
