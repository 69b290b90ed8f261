"""Where are cached values kept?"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from django.core.cache import caches
from django.core.cache.backends.base import BaseCache
from django.utils.module_loading import import_string
from redis import Redis

from config.cache import cache_settings
from config.environment import environment


def cache_at(url: str) -> BaseCache:
    """Return the cache of a process with this CACHE_URL."""
    settings = cache_settings(replace(environment(), cache_url=url))
    backend = import_string(settings.pop("BACKEND"))
    return backend(settings.pop("LOCATION"), settings)


def test_a_cache_in_the_process_needs_no_server() -> None:
    """Its name separates it from other caches of the process."""
    cache_at("locmem://one").set("key", "value")

    assert cache_at("locmem://one").get("key") == "value"
    assert cache_at("locmem://other").get("key") is None


@pytest.mark.services
def test_a_redis_is_shared_by_all_who_know_its_url(redis_url: str) -> None:
    """Each process sees what another has stored."""
    cache_at(redis_url).set("key", "value")

    assert cache_at(redis_url).get("key") == "value"


@pytest.mark.services
def test_a_process_reuses_its_connections_to_redis(settings: Any, redis_url: str) -> None:
    """Redis sees one connection for twenty threads, one after the other, as the requests of ASGI run."""
    settings.CACHES = {"default": cache_settings(replace(environment(), cache_url=redis_url))}

    for number in range(20):
        with ThreadPoolExecutor(1) as thread:
            thread.submit(lambda number=number: caches["default"].set("key", number)).result()

    with Redis.from_url(redis_url) as asked:
        assert asked.info("stats")["total_connections_received"] == 1 + 1
