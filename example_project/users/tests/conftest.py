"""Which styles of the users API are tested?"""

from collections.abc import Iterator

import pytest
from django.core.cache import cache
from django.test import override_settings

from users.tests.apple import CLIENT_ID, Apple, serving

STYLES = {"before": "/api/before/users", "after": "/api/users", "one hop": "/api/one-hop/users"}


@pytest.fixture(params=STYLES.values(), ids=STYLES)
def users_url(request: pytest.FixtureRequest) -> str:
    """The URL of each style in turn: a test must pass for all of them."""
    path: str = request.param
    return path


@pytest.fixture
def apple(monkeypatch: pytest.MonkeyPatch) -> Iterator[Apple]:
    """Offer Sign in with Apple, with a local Apple that has served no keys yet."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    cache.clear()
    with serving() as apple, override_settings(APPLE_CLIENT_ID=CLIENT_ID, APPLE_KEYS_URL=apple.keys_url):
        yield apple
    cache.clear()
