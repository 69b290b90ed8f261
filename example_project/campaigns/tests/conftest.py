"""Which API do the tests use?"""

import pytest
from django.utils import timezone

from campaigns.tests.clock import Clock


@pytest.fixture(params=["/api/campaigns/", "/api/before/campaigns/"], ids=["after", "before"])
def api(request: pytest.FixtureRequest) -> str:
    """The URL of both APIs in turn: they give the same answers, only their costs differ."""
    return request.param


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Django's clock, which stands still until the test sets it."""
    clock = Clock(timezone.now())
    monkeypatch.setattr(timezone, "now", lambda: clock.now)
    return clock
