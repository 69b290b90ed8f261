"""How do clients sign up, log in and out, and manage their profile?

`sync_to_async` is left for what has to run outside the event loop: hashing, and the manager's `create_user`.
"""

from asgiref.sync import sync_to_async
from django.db import IntegrityError
from django.http import HttpRequest
from django.utils import timezone
from ninja import Router
from ninja.errors import AuthenticationError, HttpError

from users.authentication import AuthenticatedRequest, session
from users.models import AuthToken, User
from users.schemas import LogIn, Profile, ProfileChange, Session, SignUp
from users.tokens import digest_of, new_secret

router = Router()

EMAIL_TAKEN = "This e-mail address is taken."
NICKNAME_TAKEN = "This nickname is taken."
EITHER_TAKEN = "This e-mail address or nickname is taken."


@router.post("sign-up", response={201: Session})
async def sign_up(request: HttpRequest, payload: SignUp) -> Session:
    """Open an account and its first session. 409 when the e-mail address or the nickname is taken."""
    if await User.objects.filter(email=payload.email).aexists():
        raise HttpError(409, EMAIL_TAKEN)
    if await User.objects.with_nickname(payload.nickname).aexists():
        raise HttpError(409, NICKNAME_TAKEN)
    try:
        user = await sync_to_async(User.objects.create_user)(**payload.model_dump())
    except IntegrityError as error:  # Somebody else took it since it was looked up.
        raise HttpError(409, EITHER_TAKEN) from error
    return await _open_session(user)


@router.post("log-in", response={201: Session})
async def log_in(request: HttpRequest, payload: LogIn) -> Session:
    """Open a session. 401 when the e-mail address or the password is wrong; it does not say which."""
    user = await User.objects.filter(email=payload.email, is_active=True).afirst()
    if user is None:
        # As ModelBackend does: an unknown address must take as long as a wrong password.
        await sync_to_async(User().set_password)(payload.password)
        raise AuthenticationError(message="Wrong e-mail address or password.")
    if not await sync_to_async(user.check_password)(payload.password):
        raise AuthenticationError(message="Wrong e-mail address or password.")
    await User.objects.filter(pk=user.pk).aupdate(last_login=timezone.now())
    return await _open_session(user)


@router.post("log-out", response={204: None}, auth=session)
async def log_out(request: AuthenticatedRequest) -> None:
    """Close the session of this request; the user's other sessions stay open."""
    await request.auth.adelete()


@router.get("me", response=Profile, auth=session)
async def read_profile(request: AuthenticatedRequest) -> User:
    """Show the profile of the user who asks."""
    return request.auth.user


@router.patch("me", response=Profile, auth=session)
async def change_profile(request: AuthenticatedRequest, payload: ProfileChange) -> User:
    """Change the nickname. 409 when somebody else has it."""
    user = request.auth.user
    if await User.objects.with_nickname(payload.nickname).exclude(pk=user.pk).aexists():
        raise HttpError(409, NICKNAME_TAKEN)
    user.nickname = payload.nickname
    try:
        await user.asave(update_fields=["nickname"])
    except IntegrityError as error:  # Somebody else took it since it was looked up.
        raise HttpError(409, NICKNAME_TAKEN) from error
    return user


async def _open_session(user: User) -> Session:
    secret = new_secret()
    token = await AuthToken.objects.acreate(user=user, digest=digest_of(secret))
    return Session(token=secret, expires_at=token.expires_at, user=Profile.from_orm(user))
