"""Is the site put together right?"""

import pytest
from django.core.management import call_command
from django.test import Client


@pytest.mark.django_db
def test_every_model_change_has_its_migration() -> None:
    """`makemigrations` would have nothing to do."""
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_the_api_describes_itself(client: Client) -> None:
    """Its operations are those that the README lists."""
    paths = client.get("/api/openapi.json").json()["paths"]

    assert {(method, path) for path, operations in paths.items() for method in operations} == {
        ("post", "/api/users/sign-up"),
        ("post", "/api/users/log-in"),
        ("post", "/api/users/log-out"),
        ("get", "/api/users/me"),
        ("patch", "/api/users/me"),
        ("get", "/api/campaigns/"),
        ("get", "/api/campaigns/{campaign_id}"),
        ("post", "/api/campaigns/{campaign_id}/join"),
        ("delete", "/api/campaigns/{campaign_id}/join"),
    }
