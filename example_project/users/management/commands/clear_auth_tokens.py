"""When are the sessions gone that have ended?"""

from typing import Any

from django.core.management.base import BaseCommand

from users.models import AuthToken


class Command(BaseCommand):
    """`python manage.py clear_auth_tokens`."""

    help = "Delete the sessions that have ended. To be run once a day, as Django's clearsessions."

    def handle(self, *args: Any, **options: Any) -> None:
        """Delete them all at once, and tell how many there were."""
        count, _ = AuthToken.objects.ended().delete()
        self.stdout.write(f"{count} sessions had ended")
