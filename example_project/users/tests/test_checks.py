"""When do the checks warn about a deployment of the users app?"""

from typing import Any

import pytest
from django.core.checks import run_checks

from users.checks import LOG_INS_ARE_COUNTED_BY_EACH_WORKER

IN_EACH_PROCESS = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
NOWHERE = {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}
SHARED = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://cache.example.org"}


@pytest.mark.parametrize(
    ("cache", "attempts", "is_warned_of"),
    [(IN_EACH_PROCESS, 10, True), (NOWHERE, 10, True), (SHARED, 10, False), (IN_EACH_PROCESS, 0, False)],
    ids=["in each process", "nowhere", "shared", "without a limit"],
)
def test_a_limit_needs_a_cache_that_all_workers_share(
    settings: Any, cache: dict[str, str], attempts: int, is_warned_of: bool
) -> None:
    """The warning is for deployments: a single process, as in development, counts correctly."""
    settings.CACHES = {"default": cache}
    settings.LOG_IN_ATTEMPTS = attempts

    assert (LOG_INS_ARE_COUNTED_BY_EACH_WORKER in run_checks(include_deployment_checks=True)) is is_warned_of
    assert LOG_INS_ARE_COUNTED_BY_EACH_WORKER not in run_checks()
