"""Who uses the service, and who is logged in?"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar, Self

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.models import PermissionsMixin
from django.core.validators import RegexValidator
from django.db import models, transaction
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone

from users.managers import UserManager

SESSION_LIFETIME = timedelta(days=30)
FRESH = timedelta(minutes=15)

validate_nickname = RegexValidator(
    r"^[\w.-]{2,30}\Z", "A nickname has 2 to 30 letters, digits, dots, hyphens and underscores."
)


class User(AbstractBaseUser, PermissionsMixin):
    """A person with an account; logs in with the e-mail address, and is known to others by the nickname."""

    email = models.EmailField(unique=True, error_messages={"unique": "This e-mail address is taken."})
    nickname = models.CharField(max_length=30, validators=[validate_nickname])
    apple_id = models.CharField(
        "Apple ID",
        max_length=255,
        unique=True,
        null=True,
        blank=True,
        editable=False,
        help_text="The user as Sign in with Apple knows them.",
    )
    is_active = models.BooleanField(default=True, help_text="Unselect this instead of deleting the account.")
    is_staff = models.BooleanField(default=False, help_text="May log into the admin.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ["nickname"]

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(email=Lower("email")), name="users_user_email_lower_case"),
            models.UniqueConstraint(
                Lower("nickname"),
                name="users_user_nickname_unique",
                violation_error_message="This nickname is taken.",
            ),
        ]

    def __str__(self) -> str:
        return self.nickname

    def clean(self) -> None:
        """Write the e-mail address as the database requires it."""
        self.email = type(self).objects.normalize_email(self.email)

    def check_password(self, raw_password: str) -> bool:
        """Tell whether this is the password, as Django does; renew an outdated hash only if it is unchanged.

        Django would write the new hash even over that of another password, set by another request.
        """
        checked = self.password

        def renew(raw_password: str) -> None:
            self.password = make_password(raw_password)
            type(self).objects.filter(pk=self.pk, password=checked).update(password=self.password)

        return check_password(raw_password, checked, renew)

    @transaction.atomic
    def save_credentials(
        self,
        fields: Iterable[str],
        *,
        was: Mapping[str, Any] | None = None,
        keeping: "AuthToken | None" = None,
    ) -> bool:
        """Save the credentials, and end the sessions (but one) that were opened with the old ones.

        Both or neither: otherwise a locked-out user would keep a session. If the row is not as it `was`, do
        neither and return False: another request has changed the account since it was read.
        """
        rows = type(self).objects.filter(pk=self.pk, **(was or {}))
        if not rows.update(**{name: getattr(self, name) for name in fields}):
            return False
        self.auth_tokens.exclude(pk=keeping and keeping.pk).delete()
        return True


def new_session_end() -> datetime:
    """Return when a session ends that begins now."""
    return timezone.now() + SESSION_LIFETIME


class AuthTokenQuerySet(models.QuerySet["AuthToken"]):
    """Sessions."""

    def valid(self) -> Self:
        """Return the tokens that are still valid."""
        return self.filter(expires_at__gt=timezone.now(), user__is_active=True)

    def ended(self) -> Self:
        """Return the tokens that will never be valid again."""
        return self.filter(expires_at__lte=timezone.now())


class AuthToken(models.Model):
    """A session of a user. The client has its secret, which cannot be computed from what is stored here."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="auth_tokens")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(default=new_session_end)

    objects = AuthTokenQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["expires_at"], name="users_authtoken_expires_at")]

    def __str__(self) -> str:
        return f"session {self.pk} of user {self.user_id}"

    @property
    def is_fresh(self) -> bool:
        """Whether the user has logged in just now."""
        return timezone.now() - self.created_at < FRESH
