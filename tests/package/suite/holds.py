"""A test that keeps to its budget."""

import pytest
from django.contrib.auth.models import User


@pytest.mark.django_db
@pytest.mark.query_budget(1)
@pytest.mark.max_new_connections(0)
def test_one_query():
    """It runs as many queries as it may."""
    assert not User.objects.exists()
