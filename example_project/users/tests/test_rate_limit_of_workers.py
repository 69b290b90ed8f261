"""Does the limit hold for the deployed service, with workers in several processes?"""

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
    """Log in until one worker refuses, then the other, and count the rest."""
    wait_until(lambda: len(site.workers()) == 2)
    counts = []
    for worker in site.workers():
        with gunicorn.stopped(worker):  # The system decides which worker gets a request.
            statuses = [post(f"{site.url}/api/users/log-in", STRANGER).status for _ in range(LIMIT + 1)]
        assert set(statuses) <= {401, 429}
        counts.append(statuses.count(401))
    return counts


@BOTH
@pytest.mark.parametrize(("proxies", "last"), [("0", 429), ("1", 401)])
def test_clients_do_not_choose_their_address(
    served_database_url: str, interface: str, proxies: str, last: int
) -> None:
    """Not even behind a local proxy, which uvicorn alone would believe; a trusted one does."""
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
    """Two workers, two counts: the check campaigns.W001 warns of this at start-up."""
    with gunicorn.serving(
        interface, "--workers", "2", DATABASE_URL=served_database_url, CACHE_URL="locmem://", **ENVIRON
    ) as site:
        assert let_through(site) == [LIMIT, LIMIT]
        assert "campaigns.W001" in site.server.written()


@BOTH
def test_a_redis_lets_no_more_through_than_one_worker(
    served_database_url: str, redis_url: str, interface: str
) -> None:
    """Each worker sees the other's counts."""
    with gunicorn.serving(
        interface, "--workers", "2", DATABASE_URL=served_database_url, CACHE_URL=redis_url, **ENVIRON
    ) as site:
        assert let_through(site) == [LIMIT, 0]
        assert "campaigns.W001" not in site.server.written()
