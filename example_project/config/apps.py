"""What does the site do when it starts?"""

from django.apps import AppConfig


class SiteConfig(AppConfig):
    """The site itself, which has checks."""

    name = "config"

    def ready(self) -> None:
        """Register the checks."""
        from config import checks  # noqa: F401 - Importing the module registers them with Django.
