"""Does `entrypoint.sh`, which is what is deployed, start and end the service properly?"""

import subprocess
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
from django.db import transaction

from campaigns.models import Campaign
from campaigns.tests.factories import make_campaign
from config.tests.http import get, post
from config.tests.locks import require_row_locks, wait_until_blocked
from config.tests.sessions import SERVICE, wait_until_none_is_open
from throwaway_servers import gunicorn
from throwaway_servers.processes import PATIENCE, wait_until
from users.tests.factories import make_user, sign_in

pytestmark = pytest.mark.services

BOTH = pytest.mark.parametrize("interface", ["wsgi", "asgi"])


def start(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run entrypoint.sh to its end."""
    return subprocess.run(
        ["./entrypoint.sh", *arguments],
        cwd=gunicorn.HOME,
        env={**gunicorn.starting_environ(), **variables},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


@BOTH
def test_the_service_answers(served_database_url: str, interface: str) -> None:
    """Both interfaces serve the same API, with the requested number of workers."""
    with gunicorn.serving(interface, DATABASE_URL=served_database_url, WEB_CONCURRENCY="2") as site:
        assert get(f"{site.url}/api/campaigns/").body == b'{"items": [], "count": 0}'
        wait_until(lambda: len(site.workers()) == 2)


def test_the_checks_of_a_deployment_are_in_its_log(served_database_url: str) -> None:
    """Warnings stop nothing, but the log shows them."""
    with gunicorn.serving("asgi", "--workers", "1", DATABASE_URL=served_database_url) as site:
        assert "(security.W004)" in site.server.written()


@BOTH
def test_an_error_of_ours_is_in_its_log(served_database_url: str, interface: str) -> None:
    """With its traceback: here, from a deployment without its migrations."""
    never_migrated = urlsplit(served_database_url)._replace(path="/postgres").geturl()
    with gunicorn.serving(interface, "--workers", "1", DATABASE_URL=never_migrated) as site:
        assert get(f"{site.url}/api/campaigns/").status == 500
        assert get(f"{site.url}/api/campaigns/nearby").status == 422
        written = site.server.written()

    assert "ERROR django.request: Internal Server Error: /api/campaigns/\nTraceback" in written
    assert 'relation "campaigns_campaign" does not exist' in written
    assert "Unprocessable" not in written


@BOTH
def test_a_request_that_runs_is_finished_before_the_end(served_database_url: str, interface: str) -> None:
    """SIGTERM arrives during a join: the answer is sent, and no connection is left."""
    require_row_locks()
    ada = make_user("ada")
    campaign = make_campaign(ada)
    headers = sign_in(ada)
    with (
        gunicorn.serving(
            interface, "--workers", "2", DATABASE_URL=served_database_url, PGAPPNAME=SERVICE
        ) as site,
        ThreadPoolExecutor(1) as thread,
    ):
        with transaction.atomic():
            Campaign.objects.select_for_update().get(pk=campaign.pk)
            answer = thread.submit(post, f"{site.url}/api/campaigns/{campaign.pk}/join", headers=headers)
            wait_until_blocked(sessions=1)
            site.server.process.terminate()
            wait_until(lambda: "Handling signal: term" in site.server.written())
        status = answer.result().status
        ended = site.server.process.wait(PATIENCE)

    assert (status, ended) == (201, 0)
    assert campaign.joins.count() == 1
    wait_until_none_is_open()


@pytest.mark.parametrize("interface", ["", "uwsgi", "--workers"])
def test_another_interface_is_refused(interface: str) -> None:
    """The answer is the usage line, with its exit status."""
    refused = start(interface)

    assert refused.returncode == 2
    assert refused.stderr == "usage: ./entrypoint.sh [asgi|wsgi [arguments for gunicorn]]\n"


def test_without_an_interface_it_is_asgi() -> None:
    """The API is asynchronous."""
    assert "config.asgi_worker.AsgiWorker" in start(GUNICORN_CMD_ARGS="--print-config").stdout
