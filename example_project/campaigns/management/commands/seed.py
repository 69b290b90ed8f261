"""How does an empty database get rows to try things with?"""

from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from campaigns.models import Campaign
from campaigns.seeding import PASSWORD, plant


def at_least(smallest: int) -> Callable[[str], int]:
    """Return a parser for a number that refuses smaller ones."""

    def number(text: str) -> int:
        if (value := int(text)) < smallest:
            raise ArgumentTypeError(f"{value} is less than {smallest}")
        return value

    return number


class Command(BaseCommand):
    """`python manage.py seed`."""

    help = "Fill the database with users, campaigns, tags and joins that look real. Never for production."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare how many rows to create, and the seed of the random numbers."""
        parser.add_argument("--users", type=at_least(1), default=200, help="default: %(default)s")
        parser.add_argument("--campaigns", type=at_least(0), default=100, help="default: %(default)s")
        parser.add_argument(
            "--seed", type=int, default=1, help="another number creates other rows; default: %(default)s"
        )
        parser.add_argument(
            "--force", action="store_true", help="also run if DEBUG is false, although the password is public"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Refuse production and a database with rows, or create the rows and say so."""
        if not (settings.DEBUG or options["force"]):
            raise CommandError(
                "DEBUG is false, so this may be production. The new users have a public password."
                " --force creates them anyway."
            )
        if Campaign.objects.exists():
            raise CommandError(
                "The database already has campaigns, which may be real. `manage.py flush` empties it."
            )
        planted = plant(options["users"], options["campaigns"], options["seed"])
        middle = planted.largest_city.middle
        self.stdout.write(
            f"{planted.users} users, {planted.campaigns} campaigns with {planted.joins} joins, and"
            f" {planted.tags} tags.\n"
            f"Log in as {planted.email} or any other user; the password is always: {PASSWORD}\n"
            f"Most campaigns are in {planted.largest_city.name}:"
            f" /api/campaigns/nearby?latitude={middle.latitude}&longitude={middle.longitude}"
        )
