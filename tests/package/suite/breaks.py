"""A test that runs three queries, and may run one."""

import pytest
from django.contrib.auth.models import User


@pytest.mark.query_budget(1)
@pytest.mark.django_db
def test_three_queries():
    """It asks twice for what it could have kept."""
    for _ in range(3):
        assert not User.objects.exists()
