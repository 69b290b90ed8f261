"""Are the parts of the site configured correctly?"""

import pytest
from django.core.management import call_command
from django.test import Client


@pytest.mark.django_db
def test_every_model_change_has_its_migration() -> None:
    """`makemigrations` finds nothing to do."""
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


USERS = {
    ("post", "sign-up"),
    ("get", "availability"),
    ("post", "log-in"),
    ("post", "apple/nonce"),
    ("post", "apple"),
    ("post", "log-out"),
    ("get", "me"),
    ("patch", "me"),
    ("delete", "me"),
    ("post", "me/password"),
}


def test_the_api_describes_itself(client: Client) -> None:
    """It has the operations that the README lists, the users' in each style."""
    paths = client.get("/api/openapi.json").json()["paths"]

    assert {(method, path) for path, operations in paths.items() for method in operations} == {
        *((method, f"/api/users/{path}") for method, path in USERS),
        *((method, f"/api/before/users/{path}") for method, path in USERS),
        *((method, f"/api/one-hop/users/{path}") for method, path in USERS),
        ("get", "/api/campaigns/"),
        ("get", "/api/campaigns/nearby"),
        ("get", "/api/campaigns/{campaign_id}"),
        ("post", "/api/campaigns/{campaign_id}/join"),
        ("delete", "/api/campaigns/{campaign_id}/join"),
        ("get", "/api/before/campaigns/"),
        ("get", "/api/before/campaigns/nearby"),
        ("get", "/api/before/campaigns/{campaign_id}"),
        ("post", "/api/before/campaigns/{campaign_id}/join"),
        ("delete", "/api/before/campaigns/{campaign_id}/join"),
    }
