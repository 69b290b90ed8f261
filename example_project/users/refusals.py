"""With which words does the users API refuse requests, in each of its styles?"""

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError as Invalid
from ninja.errors import ValidationError

from users.models import User

EMAIL_TAKEN = "This e-mail address is taken."
NICKNAME_TAKEN = "This nickname is taken."
EITHER_TAKEN = "This e-mail address or nickname is taken."
WRONG_EMAIL_OR_PASSWORD = "Wrong e-mail address or password."  # noqa: S105 - Not a password.
WRONG_PASSWORD = "Wrong password."  # noqa: S105 - Not a password.
LOG_IN_AGAIN = "Log in again before you delete the account."
CHANGED_MEANWHILE = "This account has just been changed. Try again."
DEACTIVATED = "This account is deactivated."


def bad_field(field: str, message: str) -> ValidationError:
    """Return the error for a field that only the endpoint can check; 422, like other field errors."""
    return ValidationError([{"type": "value_error", "loc": ["body", "payload", field], "msg": message}])


def refuse_weak(password: str, user: User) -> None:
    """Refuse a new password that AUTH_PASSWORD_VALIDATORS refuse for this user."""
    try:
        validate_password(password, user)
    except Invalid as error:
        raise bad_field("new_password", " ".join(error.messages)) from error
