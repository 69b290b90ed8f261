"""Can the users app be deployed with these settings?"""

from typing import Any

from django.conf import settings
from django.core import checks
from django.core.cache import caches
from django.core.cache.backends.dummy import DummyCache
from django.core.cache.backends.locmem import LocMemCache

LOG_INS_ARE_COUNTED_BY_EACH_WORKER = checks.Warning(
    "Log-ins are counted by each worker process for itself.",
    hint="With several workers LOG_IN_ATTEMPTS lets through that many times more. "
    "Set CACHE_URL to a Redis that all workers share.",
    id="campaigns.W001",
)


@checks.register(checks.Tags.security, deploy=True)
def log_ins_are_counted_together(**asked_for: Any) -> list[checks.CheckMessage]:
    """Warn if there is a limit that the cache cannot enforce."""
    is_of_one_process = isinstance(caches["default"], LocMemCache | DummyCache)
    return [LOG_INS_ARE_COUNTED_BY_EACH_WORKER] if settings.LOG_IN_ATTEMPTS and is_of_one_process else []
