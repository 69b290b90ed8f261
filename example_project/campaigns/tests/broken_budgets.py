"""What does pytest-dbperf say when a budget breaks? `python3 run.py example --broken` shows it.

Every test here is meant to fail: it sets a budget that the old API does not keep. pytest does not
collect this file by itself, because its name does not begin with `test_`.
"""

import pytest
from django.db import connection
from django.test import AsyncClient, Client

from campaigns.tests.test_before import BEFORE, SEARCH, make_campaigns
from pytest_dbperf import LiveRecording

pytestmark = pytest.mark.django_db
# Otherwise the default of pytest.ini, 60 queries, would break too and show the same queries again.
only_this_budget = pytest.mark.query_budget(None, reason="another budget is shown")


@pytest.fixture
def twenty_campaigns(db: None) -> None:
    """Create a page of campaigns. Queries of a fixture do not count."""
    make_campaigns(20)


@pytest.mark.query_budget(3)
def test_a_list_of_twenty_campaigns_takes_three_queries(client: Client, twenty_campaigns: None) -> None:
    """It takes 62: two, plus three for each campaign."""
    client.get(BEFORE)


@only_this_budget
@pytest.mark.no_n_plus_one
def test_a_search_makes_no_query_for_each_campaign(client: Client, twenty_campaigns: None) -> None:
    """It makes 60, three for each campaign."""
    client.get(BEFORE + SEARCH)


def test_a_list_costs_the_same_for_any_number_of_campaigns(client: Client, dbperf: LiveRecording) -> None:
    """Each campaign costs three more queries and one more hop."""
    dbperf.assert_constant(lambda: client.get(BEFORE), populate=make_campaigns)


@only_this_budget
@pytest.mark.no_unindexed_filters
@pytest.mark.skipif(connection.vendor != "postgresql", reason="no_unindexed_filters is for PostgreSQL")
def test_a_search_looks_into_an_index(client: Client, twenty_campaigns: None) -> None:
    """It computes the distance to every campaign."""
    client.get(BEFORE + SEARCH)


@only_this_budget
@pytest.mark.no_sync_to_async
@pytest.mark.django_db(transaction=True)
async def test_a_list_sends_no_work_to_a_thread(async_client: AsyncClient, twenty_campaigns: None) -> None:
    """It sends work to a thread 22 times."""
    await async_client.get(BEFORE)
