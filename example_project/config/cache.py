"""Where is kept what need not be computed again?"""

from typing import Any

from config.environment import Environment


def cache_settings(environment: Environment) -> dict[str, Any]:
    """Return what `CACHES["default"]` is to be."""
    if environment.cache_url.startswith("locmem://"):
        # Each process has its own: what has to hold for all of them, as a limit of a rate, needs Redis.
        return {
            "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
            "LOCATION": environment.cache_url.removeprefix("locmem://"),
            # Django's 300 would be full of counts before the window of a rate has passed.
            "OPTIONS": {"MAX_ENTRIES": 10_000},
        }
    return {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": environment.cache_url,
        "KEY_PREFIX": "campaigns",
        # A request that finds Redis silent hears of it soon.
        "OPTIONS": {"pool_class": "config.redis_pool.ProcessPool", "socket_timeout": 1},
    }
