"""Which requests are measured, and under which labels?"""

import asyncio
from collections.abc import Iterator

import pytest
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import AsyncClient, Client, RequestFactory, override_settings

from campaigns.tests.factories import make_campaign
from metrics.latency import measured
from metrics.tests.readings import TOKEN, total
from users.tests.factories import make_user

COUNT = "django_http_requests_latency_seconds_count"
DETAIL = "/api/campaigns/<int:campaign_id>"


@pytest.mark.django_db
def test_a_view_has_one_label_however_many_pages_it_has(client: Client) -> None:
    """The label is the pattern of the URL, not the URL."""
    campaigns = [make_campaign(make_user(name)) for name in ("ada", "eve")]
    before = total(COUNT, view=DETAIL, method="GET", status="200")

    for campaign in campaigns:
        client.get(f"/api/campaigns/{campaign.pk}")

    assert total(COUNT, view=DETAIL, method="GET", status="200") - before == 2


@pytest.mark.django_db(transaction=True)
async def test_an_asynchronous_request_is_measured(async_client: AsyncClient) -> None:
    """With the same labels."""
    before = total(COUNT, view="/api/campaigns/", method="GET", status="200")

    await async_client.get("/api/campaigns/")

    assert total(COUNT, view="/api/campaigns/", method="GET", status="200") - before == 1


def test_what_nobody_serves_is_one_view(client: Client) -> None:
    """A client that tries URLs must not fill the memory of Prometheus."""
    before = total(COUNT, view="unknown", status="404")

    for path in ("/wp-login.php", "/.env", "/api/nothing"):
        client.get(path)

    assert total(COUNT, view="unknown", status="404") - before == 3


def test_methods_that_are_made_up_are_one_method(client: Client) -> None:
    """For the same reason as URLs."""
    before = total(COUNT, method="other")

    for method in ("BREW", "WHEN"):
        client.generic(method, "/api/campaigns/")

    assert total(COUNT, method="other") - before == 2


@override_settings(CACHES={"default": {"BACKEND": "misspelt.Cache"}})
def test_a_crash_is_measured(client: Client) -> None:
    """Its status is 500, and the percentiles include slow crashes."""
    client.raise_request_exception = False
    before = total(COUNT, view="/api/campaigns/nearby", status="500")

    client.get("/api/campaigns/nearby", {"latitude": 0, "longitude": 0})

    assert total(COUNT, view="/api/campaigns/nearby", status="500") - before == 1


async def test_a_client_that_hangs_up_is_measured() -> None:
    """It waited too long, so it is the most interesting request."""
    begun = asyncio.Event()

    async def never(request: HttpRequest) -> HttpResponse:
        begun.set()
        return await asyncio.Future()

    before = total(COUNT, view="unknown", status="cancelled")
    request = asyncio.ensure_future(measured(never)(RequestFactory().get("/")))
    await begun.wait()
    request.cancel()

    with pytest.raises(asyncio.CancelledError):
        await request
    assert total(COUNT, view="unknown", status="cancelled") - before == 1


def test_a_stream_is_measured_until_it_can_begin() -> None:
    """The client decides how long a stream lasts."""

    def stream() -> Iterator[bytes]:
        raise AssertionError("it was read")
        yield b""

    before = total(COUNT, method="GET", status="200")

    measured(lambda request: StreamingHttpResponse(stream()))(RequestFactory().get("/"))

    assert total(COUNT, method="GET", status="200") - before == 1


@override_settings(METRICS_TOKEN=TOKEN)
def test_a_scrape_is_not_measured(client: Client) -> None:
    """On a quiet site, most requests would be scrapes."""
    before = total(COUNT)

    assert client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
    assert client.get("/metrics").status_code == 401

    assert total(COUNT) == before
