"""How can `users.api` be faster?

One synchronous function does all database work of an endpoint, in one hop. It also finds the session, so a
request goes to a thread and back only once. The function can also be a transaction, which Django does not
have in an asynchronous form.
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


class SecretBearer(HttpBearer):
    """Passes the secret on: `_session_of` checks it, in the hop of the endpoint.

    An endpoint that forgets the check would have a string and no user.
    """

    async def authenticate(self, request: HttpRequest, token: str) -> str:
        """Return the secret."""
        return token


class BearingRequest(HttpRequest):
    """A request with a secret that was not checked yet."""

    auth: str


secret = SecretBearer()


@router.post("sign-up", response={201: Session})
async def sign_up(request: HttpRequest, payload: SignUp) -> Session:
    """Create an account and its first session. 409 if the e-mail address or the nickname is taken."""
    return await sync_to_async(_sign_up)(payload)


@router.get("availability", response=Availability)
async def look_up_availability(request: HttpRequest, wish: Query[Wish]) -> Availability:
    """Tell whether an e-mail address and a nickname are free."""
    return await sync_to_async(_availability_of)(wish)


@router.post("log-in", response={201: Session})
async def log_in(request: HttpRequest, payload: LogIn) -> Session:
    """Open a session. 401 if the e-mail address or the password is wrong; it does not say which.

    429 after too many attempts.
    """
    return await sync_to_async(_log_in)(request, payload)


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
    return await sync_to_async(_sign_in_with_apple)(payload)


@router.post("log-out", response={204: None}, auth=secret)
async def log_out(request: BearingRequest) -> None:
    """End the session of this request; the user's other sessions stay open."""
    await sync_to_async(_log_out)(request.auth)


@router.get("me", response=Profile, auth=secret)
async def read_profile(request: BearingRequest) -> User:
    """Show the user's own profile."""
    return (await sync_to_async(_session_of)(request.auth)).user


@router.patch("me", response=Profile, auth=secret)
async def change_profile(request: BearingRequest, payload: ProfileChange) -> User:
    """Change the nickname. 409 if another user has it."""
    return await sync_to_async(_change_profile)(request.auth, payload)


@router.post("me/password", response={204: None}, auth=secret)
async def change_password(request: BearingRequest, payload: PasswordChange) -> None:
    """Change the password and end the user's other sessions. 403 if the old password is wrong."""
    await sync_to_async(_change_password)(request.auth, payload)


@router.delete("me", response={204: None}, auth=secret)
async def delete_account(request: BearingRequest) -> None:
    """Delete the account, its campaigns and its places in others. 403 if the session is old.

    Not every account has a password to ask for, and a DELETE has no body. A recent log-in is enough.
    """
    await sync_to_async(_delete_account)(request.auth)


def _session_of(secret: str) -> AuthToken:
    tokens = AuthToken.objects.valid().select_related("user")
    try:
        return tokens.get(digest=digest_of(secret))
    except AuthToken.DoesNotExist as error:
        raise AuthenticationError from error


def _sign_up(payload: SignUp) -> Session:
    if User.objects.filter(email=payload.email).exists():
        raise HttpError(409, EMAIL_TAKEN)
    if User.objects.with_nickname(payload.nickname).exists():
        raise HttpError(409, NICKNAME_TAKEN)
    try:
        user = User.objects.create_user(**payload.model_dump())
    except IntegrityError as error:  # Another request took it after the check.
        raise HttpError(409, EITHER_TAKEN) from error
    return _open_session(user)


def _availability_of(wish: Wish) -> Availability:
    available = Availability()
    if wish.email is not None:
        available.email = not User.objects.filter(email=wish.email).exists()
    if wish.nickname is not None:
        available.nickname = not User.objects.with_nickname(wish.nickname).exists()
    return available


def _log_in(request: HttpRequest, payload: LogIn) -> Session:
    limit_log_ins(request, payload.email)
    user = User.objects.filter(email=payload.email, is_active=True).first()
    if user is None:
        # As ModelBackend does: an unknown address must take as long as a wrong password.
        User().set_password(payload.password)
        raise AuthenticationError(message=WRONG_EMAIL_OR_PASSWORD)
    if not user.check_password(payload.password):
        raise AuthenticationError(message=WRONG_EMAIL_OR_PASSWORD)
    opened = _open_session(user)
    # A password change since then has already ended the sessions of that time.
    unchanged = User.objects.filter(pk=user.pk, password=user.password, is_active=True)
    if not unchanged.update(last_login=timezone.now()):
        AuthToken.objects.filter(digest=digest_of(opened.token)).delete()
        raise AuthenticationError(message=WRONG_EMAIL_OR_PASSWORD)
    return opened


def _sign_in_with_apple(payload: AppleSignIn) -> Session:
    identity = identity_of(payload.identity_token, payload.nonce)
    try:
        user = User.objects.get(apple_id=identity.apple_id)
    except User.DoesNotExist:
        user = User.objects.filter(email=identity.email).first()
    refuse_unless_it_opens(user, identity, payload.nickname)
    if user is None and User.objects.with_nickname(payload.nickname).exists():
        raise HttpError(409, NICKNAME_TAKEN)
    if not cache.delete(nonce_key(payload.nonce)):
        raise TokenRefused  # Another request has used the same nonce.
    if user is None:
        try:
            user = User.objects.create_user(identity.email, payload.nickname, apple_id=identity.apple_id)
        except IntegrityError as error:
            raise HttpError(409, EITHER_TAKEN) from error
    elif user.apple_id is None:
        link(user, identity)
    User.objects.filter(pk=user.pk).update(last_login=timezone.now())
    return _open_session(user)


def _log_out(secret: str) -> None:
    _session_of(secret).delete()


def _change_profile(secret: str, payload: ProfileChange) -> User:
    user = _session_of(secret).user
    if User.objects.with_nickname(payload.nickname).exclude(pk=user.pk).exists():
        raise HttpError(409, NICKNAME_TAKEN)
    user.nickname = payload.nickname
    try:
        user.save(update_fields=["nickname"])
    except IntegrityError as error:  # Another request took it after the check.
        raise HttpError(409, NICKNAME_TAKEN) from error
    return user


def _change_password(secret: str, payload: PasswordChange) -> None:
    session = _session_of(secret)
    user = session.user
    if not user.check_password(payload.old_password):
        raise HttpError(403, WRONG_PASSWORD)
    refuse_weak(payload.new_password, user)
    checked = user.password
    user.set_password(payload.new_password)
    if not user.save_credentials(["password"], was={"password": checked}, keeping=session):
        raise HttpError(403, WRONG_PASSWORD)  # It was right when it was checked.


def _delete_account(secret: str) -> None:
    session = _session_of(secret)
    if not session.is_fresh:
        raise HttpError(403, LOG_IN_AGAIN)
    session.user.delete()


def _open_session(user: User) -> Session:
    secret = new_secret()
    token = AuthToken.objects.create(user=user, digest=digest_of(secret))
    return Session(token=secret, expires_at=token.expires_at, user=Profile.from_orm(user))
