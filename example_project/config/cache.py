"""Where are cached values kept?"""

from typing import Any

from config.environment import Environment


def cache_settings(environment: Environment) -> dict[str, Any]:
    """Return the setting `CACHES["default"]`."""
    if environment.cache_url.startswith("locmem://"):
        # Each process has its own. A limit for all processes, such as a rate limit, needs Redis.
        return {
            "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
            "LOCATION": environment.cache_url.removeprefix("locmem://"),
            # Django's default of 300 entries would be full of counts before a rate-limit window ends.
            "OPTIONS": {"MAX_ENTRIES": 10_000},
        }
    return {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": environment.cache_url,
        "KEY_PREFIX": "campaigns",
        # If Redis does not answer, the request notices soon.
        "OPTIONS": {"pool_class": "config.redis_pool.ProcessPool", "socket_timeout": 1},
    }
