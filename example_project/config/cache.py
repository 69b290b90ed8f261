"""Where is kept what need not be computed again?"""

from config.environment import Environment


def cache_settings(environment: Environment) -> dict[str, str]:
    """Return what `CACHES["default"]` is to be."""
    if environment.cache_url.startswith("locmem://"):
        # Each process has its own: what has to hold for all of them, as a limit of a rate, needs Redis.
        return {
            "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
            "LOCATION": environment.cache_url.removeprefix("locmem://"),
        }
    return {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": environment.cache_url,
        "KEY_PREFIX": "campaigns",
    }
