"""Which routers does the API have, and what do its errors look like?"""

import logging

from django.db import IntegrityError, OperationalError
from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, Throttled
from redis.exceptions import RedisError

from campaigns.api import router as campaigns
from campaigns.api_before import router as campaigns_before
from users.api import router as users
from users.api_before import router as users_before
from users.api_one_hop import router as users_one_hop

logger = logging.getLogger(__name__)

api = NinjaAPI(title="Campaigns", version="1")
api.add_router("/users/", users, tags=["users"])
api.add_router("/before/users/", users_before, tags=["users, before"])
api.add_router("/one-hop/users/", users_one_hop, tags=["users, one hop"])
api.add_router("/campaigns/", campaigns, tags=["campaigns"])
api.add_router("/before/campaigns/", campaigns_before, tags=["campaigns, before"])


@api.exception_handler(AuthenticationError)
def unauthorized(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
    """Answer 401 with the header that RFC 9110 requires and django-ninja leaves out."""
    response = api.create_response(request, {"detail": error.message}, status=error.status_code)
    response["WWW-Authenticate"] = "Bearer"
    return response


@api.exception_handler(Throttled)
def too_many(request: HttpRequest, error: Throttled) -> HttpResponse:
    """Answer 429 with the time to try again, which django-ninja sets only for its own throttles."""
    response = api.create_response(request, {"detail": error.message}, status=error.status_code)
    response["Retry-After"] = str(error.wait)
    return response


@api.exception_handler(IntegrityError)
def conflicting(request: HttpRequest, error: IntegrityError) -> HttpResponse:
    """Answer 409 if two requests collide and the database refuses this one, e.g. its campaign was deleted."""
    logger.error("%s %s: %s", request.method, request.path, error, exc_info=error)
    return api.create_response(
        request, {"detail": "Another request changed this at the same time. Try again."}, status=409
    )


@api.exception_handler(OperationalError)
def unavailable(request: HttpRequest, error: OperationalError) -> HttpResponse:
    """Answer 503 if the database cancels the statement or does not answer; a later request may succeed."""
    logger.error("%s %s: %s", request.method, request.path, error, exc_info=error)
    return api.create_response(request, {"detail": "The database did not answer in time."}, status=503)


@api.exception_handler(RedisError)
def forgetful(request: HttpRequest, error: RedisError) -> HttpResponse:
    """Answer 503 if the request needs a value that only the cache has."""
    logger.error("%s %s: %s", request.method, request.path, error, exc_info=error)
    return api.create_response(request, {"detail": "The cache did not answer in time."}, status=503)
