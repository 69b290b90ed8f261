"""How are expired sessions deleted?"""

from typing import Any

from django.core.management.base import BaseCommand

from users.models import AuthToken


class Command(BaseCommand):
    """`python manage.py clear_auth_tokens`."""

    help = "Delete expired sessions. Run it once a day, like Django's clearsessions."

    def handle(self, *args: Any, **options: Any) -> None:
        """Delete all expired sessions at once, and print how many there were."""
        count, _ = AuthToken.objects.ended().delete()
        self.stdout.write(f"{count} sessions had ended")
