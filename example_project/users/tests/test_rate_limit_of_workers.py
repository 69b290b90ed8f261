"""Does the limit hold for the deployed service, whose workers are several processes?"""

import pytest

from config.environment import LARGEST
from config.tests.http import post
from throwaway_servers import gunicorn
from throwaway_servers.processes import wait_until

pytestmark = pytest.mark.services

LIMIT = 3
ENVIRON = {"LOG_IN_ATTEMPTS": str(LIMIT), "LOG_IN_WINDOW": str(LARGEST)}
STRANGER = {"email": "nobody@example.org", "password": "correct horse battery"}
BOTH = pytest.mark.parametrize("interface", ["wsgi", "asgi"])


def let_through(site: gunicorn.Site) -> list[int]:
    """Log in until it is refused, at one of the two workers, then at the other, and count what was not."""
    wait_until(lambda: len(site.workers()) == 2)
    counts = []
    for worker in site.workers():
        with gunicorn.stopped(worker):  # Who of two gets a request is up to the system.
            statuses = [post(f"{site.url}/api/users/log-in", STRANGER).status for _ in range(LIMIT + 1)]
        assert set(statuses) <= {401, 429}
        counts.append(statuses.count(401))
    return counts


@BOTH
@pytest.mark.parametrize(("proxies", "last"), [("0", 429), ("1", 401)])
def test_clients_do_not_choose_their_address(
    served_database_url: str, interface: str, proxies: str, last: int
) -> None:
    """Nor behind a proxy on this machine, which uvicorn by itself would believe; a trusted one does."""
    with gunicorn.serving(
        interface, "--workers", "1", DATABASE_URL=served_database_url, TRUSTED_PROXIES=proxies, **ENVIRON
    ) as site:
        statuses = [
            post(
                f"{site.url}/api/users/log-in",
                STRANGER | {"email": f"nobody{number}@example.org"},
                headers={"X-Forwarded-For": f"192.0.2.{number}"},
            ).status
            for number in range(LIMIT + 1)
        ]

    assert statuses == [401] * LIMIT + [last]


@BOTH
def test_a_cache_in_each_worker_lets_twice_as_many_through(served_database_url: str, interface: str) -> None:
    """Two workers, two counts: this is what the check campaigns.W001 warns of at the start."""
    with gunicorn.serving(
        interface, "--workers", "2", DATABASE_URL=served_database_url, CACHE_URL="locmem://", **ENVIRON
    ) as site:
        assert let_through(site) == [LIMIT, LIMIT]
        assert "campaigns.W001" in site.server.written()


@BOTH
def test_a_redis_lets_no_more_through_than_one_worker(
    served_database_url: str, redis_url: str, interface: str
) -> None:
    """What one worker has counted, the other knows."""
    with gunicorn.serving(
        interface, "--workers", "2", DATABASE_URL=served_database_url, CACHE_URL=redis_url, **ENVIRON
    ) as site:
        assert let_through(site) == [LIMIT, 0]
        assert "campaigns.W001" not in site.server.written()
