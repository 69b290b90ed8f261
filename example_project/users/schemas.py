"""What does the users API accept and return?"""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from ninja import Field, Schema
from pydantic import AfterValidator, ValidationInfo, field_validator

from users.models import User, validate_nickname


def _checked_by(validator: Callable[[str], None]) -> AfterValidator:
    """Turn a validator's error into the ValueError that pydantic expects."""

    def check(value: str) -> str:
        try:
            validator(value)
        except ValidationError as error:
            raise ValueError(" ".join(error.messages)) from error
        return value

    return AfterValidator(check)


Email = Annotated[
    # The length is checked as stored: in lower case, one letter may become two.
    str,
    AfterValidator(User.objects.normalize_email),
    Field(max_length=254),
    _checked_by(validate_email),
]
Nickname = Annotated[str, _checked_by(validate_nickname)]
# A longer one would only make the server hash for longer.
Password = Annotated[str, Field(max_length=128)]


class SignUp(Schema):
    """A new account."""

    email: Email
    nickname: Nickname
    password: Password

    @field_validator("password")
    @classmethod
    def is_strong(cls, password: str, info: ValidationInfo) -> str:
        """Refuse what AUTH_PASSWORD_VALIDATORS refuse, e.g. a password like the e-mail address."""
        known = {name: info.data[name] for name in ("email", "nickname") if name in info.data}
        try:
            validate_password(password, User(**known))
        except ValidationError as error:
            raise ValueError(" ".join(error.messages)) from error
        return password


class LogIn(Schema):
    """The credentials of a user."""

    email: Email
    password: Password


class ProfileChange(Schema):
    """What users can change in their profile."""

    nickname: Nickname


class PasswordChange(Schema):
    """A new password."""

    old_password: Password
    new_password: Password


class Wish(Schema):
    """An e-mail address or a nickname that a new user would like."""

    email: Email | None = None
    nickname: Nickname | None = None


class Availability(Schema):
    """Whether each of them is free; null if it was not asked for."""

    email: bool | None = None
    nickname: bool | None = None


class Nonce(Schema):
    """The start of a sign-in with Apple."""

    nonce: str = Field(description="Give Apple its SHA-256 in hexadecimal; send it back as it is.")


class AppleSignIn(Schema):
    """Apple's answer about a user."""

    identity_token: str = Field(max_length=4096)
    nonce: str = Field(max_length=128)
    nickname: Nickname | None = Field(None, description="For a new account.")


class Profile(Schema):
    """A user's own profile."""

    email: str
    nickname: str
    created_at: datetime


class Session(Schema):
    """A session that was just opened."""

    token: str = Field(description="Send it as `Authorization: Bearer <token>`; it is shown only here.")
    expires_at: datetime
    user: Profile
