"""In which styles is the users API there to be tested?"""

from collections.abc import Iterator

import pytest
from django.core.cache import cache
from django.test import override_settings

from users.tests.apple import CLIENT_ID, Apple, serving

STYLES = {"before": "/api/before/users", "after": "/api/users", "one hop": "/api/one-hop/users"}


@pytest.fixture(params=STYLES.values(), ids=STYLES)
def users_url(request: pytest.FixtureRequest) -> str:
    """Where one of the styles is mounted: what holds for one holds for each."""
    path: str = request.param
    return path


@pytest.fixture
def apple(monkeypatch: pytest.MonkeyPatch) -> Iterator[Apple]:
    """Offer Sign in with Apple, with an Apple of this machine that nobody has asked for its keys yet."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    cache.clear()
    with serving() as apple, override_settings(APPLE_CLIENT_ID=CLIENT_ID, APPLE_KEYS_URL=apple.keys_url):
        yield apple
    cache.clear()
