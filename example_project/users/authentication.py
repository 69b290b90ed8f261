"""Who sends this request?"""

from django.http import HttpRequest
from ninja.security import HttpBearer

from users.models import AuthToken
from users.tokens import digest_of


class AuthenticatedRequest(HttpRequest):
    """A request that passed `session`."""

    auth: AuthToken


class SessionBearer(HttpBearer):
    """`Authorization: Bearer <secret>`; sets the request's `auth` to the token, with its user loaded."""

    async def authenticate(self, request: HttpRequest, token: str) -> AuthToken | None:
        """Return the session with this secret, unless it has ended."""
        tokens = AuthToken.objects.valid().select_related("user")
        try:
            return await tokens.aget(digest=digest_of(token))
        except AuthToken.DoesNotExist:
            return None


session = SessionBearer()
