"""What does the site do at its start?"""

from django.apps import AppConfig


class SiteConfig(AppConfig):
    """The site itself, which has checks."""

    name = "config"

    def ready(self) -> None:
        """Register the checks."""
        from config import checks  # noqa: F401 - Django knows them once they are imported.
