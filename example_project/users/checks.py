"""Can the users app be deployed with these settings?"""

from typing import Any

from django.conf import settings
from django.core import checks
from django.core.cache import caches
from django.core.cache.backends.dummy import DummyCache
from django.core.cache.backends.locmem import LocMemCache

LOG_INS_ARE_COUNTED_BY_EACH_WORKER = checks.Warning(
    "Each worker process counts log-ins separately.",
    hint="Several workers together allow several times LOG_IN_ATTEMPTS. "
    "Set CACHE_URL to a Redis that all workers share.",
    id="campaigns.W001",
)


@checks.register(checks.Tags.security, deploy=True)
def log_ins_are_counted_together(**asked_for: Any) -> list[checks.CheckMessage]:
    """Warn if there is a limit that the cache cannot enforce."""
    is_of_one_process = isinstance(caches["default"], LocMemCache | DummyCache)
    return [LOG_INS_ARE_COUNTED_BY_EACH_WORKER] if settings.LOG_IN_ATTEMPTS and is_of_one_process else []
