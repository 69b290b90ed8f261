"""What is the API made of, and what do its errors look like?"""

from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError

from campaigns.api import router as campaigns
from campaigns.api_before import router as campaigns_before
from users.api import router as users
from users.api_before import router as users_before
from users.api_one_hop import router as users_one_hop

api = NinjaAPI(title="Campaigns", version="1")
api.add_router("/users/", users, tags=["users"])
api.add_router("/before/users/", users_before, tags=["users, before"])
api.add_router("/one-hop/users/", users_one_hop, tags=["users, one hop"])
api.add_router("/campaigns/", campaigns, tags=["campaigns"])
api.add_router("/before/campaigns/", campaigns_before, tags=["campaigns, before"])


@api.exception_handler(AuthenticationError)
def unauthorized(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
    """Answer 401 with the header that RFC 9110 asks for and django-ninja leaves out."""
    response = api.create_response(request, {"detail": error.message}, status=error.status_code)
    response["WWW-Authenticate"] = "Bearer"
    return response
