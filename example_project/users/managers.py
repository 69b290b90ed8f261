"""How are users found and created?"""

from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import BaseUserManager
from django.db.models import QuerySet, Value
from django.db.models.functions import Lower
from django.db.models.lookups import Exact

if TYPE_CHECKING:
    from users.models import User


class UserManager(BaseUserManager["User"]):
    """Operations on users in general; Django's own commands and forms use it too."""

    @classmethod
    def normalize_email(cls, email: str | None) -> str:
        """Return the whole address in lower case: in practice no two mailboxes differ only in case."""
        return (email or "").strip().lower()

    def get_by_natural_key(self, email: str | None) -> "User":
        """Return the user with this e-mail address; Django authenticates with it."""
        return self.get(email=self.normalize_email(email))

    async def aget_by_natural_key(self, email: str | None) -> "User":
        """Return the user with this e-mail address; Django authenticates asynchronously with it."""
        return await self.aget(email=self.normalize_email(email))

    def with_nickname(self, nickname: str) -> QuerySet["User"]:
        """Return the users with this nickname in any case, using the index of its unique constraint."""
        return self.filter(Exact(Lower("nickname"), Lower(Value(nickname))))

    def create_user(self, email: str, nickname: str, password: str | None = None, **fields: Any) -> "User":
        """Save and return a new user; without a password the account cannot log in."""
        if not email:
            raise ValueError("a user needs an e-mail address")
        if not nickname:
            raise ValueError("a user needs a nickname")
        user = self.model(email=self.normalize_email(email), nickname=nickname, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(
        self, email: str, nickname: str, password: str | None = None, **fields: Any
    ) -> "User":
        """Save and return a new user who may do everything in the admin."""
        fields.setdefault("is_staff", True)
        fields.setdefault("is_superuser", True)
        if not (fields["is_staff"] and fields["is_superuser"]):
            raise ValueError("a superuser has is_staff and is_superuser")
        return self.create_user(email, nickname, password, **fields)
