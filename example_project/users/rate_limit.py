"""How often may somebody try to log in?

So many times in a window, from one address and into one account; a window's counts have keys of their own, so
that none expires while it is needed. Each attempt gets its number in one atomic step of the cache, also when
many come at once. The throttles of django-ninja read a list and write it back: of two that come at once, one
is lost. They would also keep the event loop waiting for Redis.
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
    """Count an attempt to log in. Throttled, which is 429, when it is one too many.

    It is counted for the address first: who is refused there takes nothing from the account's owner. It may
    have to wait for Redis: never call it on an event loop.
    """
    if not settings.LOG_IN_ATTEMPTS:
        return
    window, elapsed = divmod(time.time(), settings.LOG_IN_WINDOW)
    try:
        for whose in (f"address {client_address(request)}", f"account {email}"):
            if _count(f"log-in:{sha256(whose.encode()).hexdigest()}:{window:.0f}") > settings.LOG_IN_ATTEMPTS:
                raise Throttled(wait=math.ceil(settings.LOG_IN_WINDOW - elapsed))
    except RedisError:
        # Without its cache the service is slower, but nobody is locked out; each guess still costs a hash.
        logger.exception("log-ins are not limited: the cache does not answer")


def client_address(request: HttpRequest) -> str:
    """Return who asks: each of TRUSTED_PROXIES has noted at the end of a header who asked it."""
    noted = [one.strip() for one in request.headers.get("X-Forwarded-For", "").split(",") if one.strip()]
    if 0 < settings.TRUSTED_PROXIES <= len(noted):
        return noted[-settings.TRUSTED_PROXIES]
    return request.META.get("REMOTE_ADDR", "")  # A unix socket has none.


def _count(key: str) -> int:
    # The clocks of the workers may differ a little: a key lives longer than its window.
    cache.add(key, 0, timeout=2 * settings.LOG_IN_WINDOW)
    return cache.incr(key)
