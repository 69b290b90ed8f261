"""Which API do the tests ask, and what has it kept from the test before?"""

import pytest
from django.core.cache import cache


@pytest.fixture(autouse=True)
def empty_cache() -> None:
    """Let no test find what another one has asked for."""
    cache.clear()


@pytest.fixture(params=["/api/campaigns/", "/api/before/campaigns/"], ids=["after", "before"])
def api(request: pytest.FixtureRequest) -> str:
    """The URL of both APIs in turn: what they answer is the same, and only the costs are not."""
    return request.param
