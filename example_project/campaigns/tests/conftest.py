"""Which API do the tests ask?"""

import pytest
from django.utils import timezone

from campaigns.tests.clock import Clock


@pytest.fixture(params=["/api/campaigns/", "/api/before/campaigns/"], ids=["after", "before"])
def api(request: pytest.FixtureRequest) -> str:
    """The URL of both APIs in turn: what they answer is the same, and only the costs are not."""
    return request.param


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of Django, which stands still until the test sets it."""
    clock = Clock(timezone.now())
    monkeypatch.setattr(timezone, "now", lambda: clock.now)
    return clock
