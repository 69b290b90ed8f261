"""How was `users.api` before?

This is the style that the report found: each synchronous call, of the ORM or not, has its own
`sync_to_async`. It does the same as the style after, and hops as often.
"""

from asgiref.sync import sync_to_async
from django.core.cache import cache
from django.db import IntegrityError
from django.http import HttpRequest
from django.utils import timezone
from ninja import Query, Router
from ninja.errors import AuthenticationError, HttpError
from ninja.security import HttpBearer

from users.apple import (
    NONCE_LIFETIME,
    TokenRefused,
    identity_of,
    link,
    new_nonce,
    nonce_key,
    refuse_unless_it_opens,
)
from users.authentication import AuthenticatedRequest
from users.models import AuthToken, User
from users.rate_limit import limit_log_ins
from users.refusals import (
    EITHER_TAKEN,
    EMAIL_TAKEN,
    LOG_IN_AGAIN,
    NICKNAME_TAKEN,
    WRONG_EMAIL_OR_PASSWORD,
    WRONG_PASSWORD,
    refuse_weak,
)
from users.schemas import (
    AppleSignIn,
    Availability,
    LogIn,
    Nonce,
    PasswordChange,
    Profile,
    ProfileChange,
    Session,
    SignUp,
    Wish,
)
from users.tokens import digest_of, new_secret

router = Router()


class SessionBearer(HttpBearer):
    """`users.authentication.SessionBearer` as it was."""

    async def authenticate(self, request: HttpRequest, token: str) -> AuthToken | None:
        """Return the session with this secret, unless it has ended."""
        tokens = AuthToken.objects.valid().select_related("user")
        try:
            return await sync_to_async(tokens.get)(digest=digest_of(token))
        except AuthToken.DoesNotExist:
            return None


session = SessionBearer()


@router.post("sign-up", response={201: Session})
async def sign_up(request: HttpRequest, payload: SignUp) -> Session:
    """Create an account and its first session. 409 if the e-mail address or the nickname is taken."""
    if await sync_to_async(User.objects.filter(email=payload.email).exists)():
        raise HttpError(409, EMAIL_TAKEN)
    if await sync_to_async(User.objects.with_nickname(payload.nickname).exists)():
        raise HttpError(409, NICKNAME_TAKEN)
    try:
        user = await sync_to_async(User.objects.create_user)(**payload.model_dump())
    except IntegrityError as error:  # Another request took it after the check.
        raise HttpError(409, EITHER_TAKEN) from error
    return await _open_session(user)


@router.get("availability", response=Availability)
async def look_up_availability(request: HttpRequest, wish: Query[Wish]) -> Availability:
    """Tell whether an e-mail address and a nickname are free."""
    available = Availability()
    if wish.email is not None:
        available.email = not await sync_to_async(User.objects.filter(email=wish.email).exists)()
    if wish.nickname is not None:
        available.nickname = not await sync_to_async(User.objects.with_nickname(wish.nickname).exists)()
    return available


@router.post("log-in", response={201: Session})
async def log_in(request: HttpRequest, payload: LogIn) -> Session:
    """Open a session. 401 if the e-mail address or the password is wrong; it does not say which.

    429 after too many attempts.
    """
    await sync_to_async(limit_log_ins)(request, payload.email)
    user = await sync_to_async(User.objects.filter(email=payload.email, is_active=True).first)()
    if user is None:
        # As ModelBackend does: an unknown address must take as long as a wrong password.
        await sync_to_async(User().set_password)(payload.password)
        raise AuthenticationError(message=WRONG_EMAIL_OR_PASSWORD)
    if not await sync_to_async(user.check_password)(payload.password):
        raise AuthenticationError(message=WRONG_EMAIL_OR_PASSWORD)
    opened = await _open_session(user)
    # A password change since then has already ended the sessions of that time.
    unchanged = User.objects.filter(pk=user.pk, password=user.password, is_active=True)
    if not await sync_to_async(unchanged.update)(last_login=timezone.now()):
        await sync_to_async(AuthToken.objects.filter(digest=digest_of(opened.token)).delete)()
        raise AuthenticationError(message=WRONG_EMAIL_OR_PASSWORD)
    return opened


@router.post("apple/nonce", response={201: Nonce})
async def begin_sign_in_with_apple(request: HttpRequest) -> Nonce:
    """Return the nonce of one sign-in with Apple. 404 if the site does not offer it."""
    nonce = new_nonce()
    await sync_to_async(cache.set)(nonce_key(nonce), "unused", NONCE_LIFETIME)
    return Nonce(nonce=nonce)


@router.post("apple", response={201: Session})
async def sign_in_with_apple(request: HttpRequest, payload: AppleSignIn) -> Session:
    """Open a session for a user whom Apple has identified, and an account if there is none.

    401 if the token or the nonce is invalid, 403 if the account is deactivated, 404 if the site does not
    offer this. 409 if another account has the address or the nickname, 503 if Apple does not answer.
    """
    identify = sync_to_async(identity_of, thread_sensitive=False)  # It may have to wait for Apple.
    identity = await identify(payload.identity_token, payload.nonce)
    try:
        user = await sync_to_async(User.objects.get)(apple_id=identity.apple_id)
    except User.DoesNotExist:
        user = await sync_to_async(User.objects.filter(email=identity.email).first)()
    refuse_unless_it_opens(user, identity, payload.nickname)
    if user is None and await sync_to_async(User.objects.with_nickname(payload.nickname).exists)():
        raise HttpError(409, NICKNAME_TAKEN)
    if not await sync_to_async(cache.delete)(nonce_key(payload.nonce)):
        raise TokenRefused  # Another request has used the same nonce.
    if user is None:
        try:
            user = await sync_to_async(User.objects.create_user)(
                identity.email, payload.nickname, apple_id=identity.apple_id
            )
        except IntegrityError as error:
            raise HttpError(409, EITHER_TAKEN) from error
    elif user.apple_id is None:
        await sync_to_async(link)(user, identity)
    await sync_to_async(User.objects.filter(pk=user.pk).update)(last_login=timezone.now())
    return await _open_session(user)


@router.post("log-out", response={204: None}, auth=session)
async def log_out(request: AuthenticatedRequest) -> None:
    """End the session of this request; the user's other sessions stay open."""
    await sync_to_async(request.auth.delete)()


@router.get("me", response=Profile, auth=session)
async def read_profile(request: AuthenticatedRequest) -> User:
    """Show the user's own profile."""
    return request.auth.user


@router.patch("me", response=Profile, auth=session)
async def change_profile(request: AuthenticatedRequest, payload: ProfileChange) -> User:
    """Change the nickname. 409 if another user has it."""
    user = request.auth.user
    if await sync_to_async(User.objects.with_nickname(payload.nickname).exclude(pk=user.pk).exists)():
        raise HttpError(409, NICKNAME_TAKEN)
    user.nickname = payload.nickname
    try:
        await sync_to_async(user.save)(update_fields=["nickname"])
    except IntegrityError as error:  # Another request took it after the check.
        raise HttpError(409, NICKNAME_TAKEN) from error
    return user


@router.post("me/password", response={204: None}, auth=session)
async def change_password(request: AuthenticatedRequest, payload: PasswordChange) -> None:
    """Change the password and end the user's other sessions. 403 if the old password is wrong."""
    user = request.auth.user
    if not await sync_to_async(user.check_password)(payload.old_password):
        raise HttpError(403, WRONG_PASSWORD)
    refuse_weak(payload.new_password, user)
    checked = user.password
    await sync_to_async(user.set_password)(payload.new_password)
    is_saved = await sync_to_async(user.save_credentials)(
        ["password"], was={"password": checked}, keeping=request.auth
    )
    if not is_saved:
        raise HttpError(403, WRONG_PASSWORD)  # It was right when it was checked.


@router.delete("me", response={204: None}, auth=session)
async def delete_account(request: AuthenticatedRequest) -> None:
    """Delete the account, its campaigns and its places in others. 403 if the session is old.

    Not every account has a password to ask for, and a DELETE has no body. A recent log-in is enough.
    """
    if not request.auth.is_fresh:
        raise HttpError(403, LOG_IN_AGAIN)
    await sync_to_async(request.auth.user.delete)()


async def _open_session(user: User) -> Session:
    secret = new_secret()
    token = await sync_to_async(AuthToken.objects.create)(user=user, digest=digest_of(secret))
    return Session(token=secret, expires_at=token.expires_at, user=Profile.from_orm(user))
