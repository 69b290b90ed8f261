"""What does the users API take and give?"""

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
    """Let a validator of Django refuse the value, as pydantic expects it: with a ValueError."""

    def check(value: str) -> str:
        try:
            validator(value)
        except ValidationError as error:
            raise ValueError(" ".join(error.messages)) from error
        return value

    return AfterValidator(check)


Email = Annotated[
    # Its length is checked as it is stored: in lower case, a letter may become two.
    str,
    AfterValidator(User.objects.normalize_email),
    Field(max_length=254),
    _checked_by(validate_email),
]
Nickname = Annotated[str, _checked_by(validate_nickname)]
# Longer ones would only let a client make the server hash for longer.
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
    """What proves who somebody is."""

    email: Email
    password: Password


class ProfileChange(Schema):
    """What users can change of themselves."""

    nickname: Nickname


class PasswordChange(Schema):
    """Another password."""

    old_password: Password
    new_password: Password


class Wish(Schema):
    """What somebody would like to have."""

    email: Email | None = None
    nickname: Nickname | None = None


class Availability(Schema):
    """What of it can be had; null for what was not asked."""

    email: bool | None = None
    nickname: bool | None = None


class Nonce(Schema):
    """What a sign-in with Apple begins with."""

    nonce: str = Field(description="Give Apple its SHA-256 in hexadecimal; send it back as it is.")


class AppleSignIn(Schema):
    """What Apple says of somebody."""

    identity_token: str = Field(max_length=4096)
    nonce: str = Field(max_length=128)
    nickname: Nickname | None = Field(None, description="For a new account.")


class Profile(Schema):
    """What users see of themselves."""

    email: str
    nickname: str
    created_at: datetime


class Session(Schema):
    """A session that was just opened."""

    token: str = Field(description="Send it as `Authorization: Bearer <token>`; it is shown only here.")
    expires_at: datetime
    user: Profile
