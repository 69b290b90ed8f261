"""Who may read the metrics, and can Prometheus parse them?"""

from collections.abc import Iterator

import pytest
from django.test import Client, override_settings

from metrics.tests.readings import TOKEN

WITH_TOKEN = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(autouse=True)
def token() -> Iterator[None]:
    """Set a token, so that the site has metrics."""
    with override_settings(METRICS_TOKEN=TOKEN):
        yield


@pytest.mark.query_budget(0)
@pytest.mark.max_new_connections(0)
@pytest.mark.django_db
def test_a_scrape_asks_no_database(client: Client) -> None:
    """A scrape has to work if the database does not."""
    answer = client.get("/metrics", headers=WITH_TOKEN)

    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/plain; version=")
    for name in ("django_db_new_connections_total", "django_db_execute_total"):
        assert f"# TYPE {name} counter" in answer.text
    assert "# TYPE django_http_requests_latency_seconds histogram" in answer.text


@pytest.mark.parametrize(
    "header", ["", TOKEN, f"Bearer {TOKEN[:-1]}", f"Bearer {TOKEN}x", "Bearer ", "Bearer ü"]
)
def test_without_the_token_there_is_nothing_to_read(client: Client, header: str) -> None:
    """The names of views, and how much they are used, are private."""
    answer = client.get("/metrics", headers={"Authorization": header})

    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == "Bearer"
    assert not answer.content


@override_settings(METRICS_TOKEN="")
def test_where_no_token_is_set_there_are_no_metrics(client: Client) -> None:
    """A site without the setting shows nothing, not even to clients with an empty token."""
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404
