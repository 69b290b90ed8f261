"""Does the service run behind a real gunicorn?"""

from urllib.request import urlopen

import pytest

from throwaway_servers import gunicorn

pytestmark = pytest.mark.services


@pytest.mark.parametrize("interface", ["wsgi", "asgi"])
def test_the_service_answers_behind_gunicorn(served_database_url: str, interface: str) -> None:
    """Both interfaces serve the same API."""
    with gunicorn.serving(interface, "--workers", "2", DATABASE_URL=served_database_url) as site:
        with urlopen(f"{site.url}/api/campaigns/", timeout=10) as response:
            assert response.read() == b'{"items": [], "count": 0}'
