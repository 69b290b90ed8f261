"""What belongs to the users app besides its models?"""

from django.apps import AppConfig


class UsersConfig(AppConfig):
    """Accounts and sessions."""

    name = "users"

    def ready(self) -> None:
        """Register the checks."""
        from users import checks  # noqa: F401
