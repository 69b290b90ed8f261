"""How often does a request hop between the event loop and a thread, and does it ever block the loop?"""

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient

from pytest_dbperf import Recording
from users.tests.factories import PASSWORD, make_user

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.no_blocking_calls]

# One for a signal, one for the end of the response, and those of Django's middlewares for every request.
OF_DJANGO = 15


@pytest.mark.max_thread_hops(OF_DJANGO + 2, per_request=True)
async def test_a_list_hops_twice_for_itself(async_client: AsyncClient) -> None:
    """Once for the page, once for the total."""
    response = await async_client.get("/api/campaigns/")

    assert response.status_code == 200


async def test_a_log_in_hops_for_its_password(async_client: AsyncClient, dbperf: Recording) -> None:
    """Verifying it takes longer than all queries together, and counting the attempt may need Redis."""
    ada = await sync_to_async(make_user)("ada")
    payload = {"email": ada.email, "password": PASSWORD}

    response = await async_client.post("/api/users/log-in", payload, content_type="application/json")

    assert response.status_code == 201
    hops = [hop for hop in dbperf.hops if hop.request is not None and hop.origin == "project"]
    assert [hop.function for hop in hops] == ["limit_log_ins", "User.check_password"]
