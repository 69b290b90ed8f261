"""Who tells Prometheus how the service is doing?

This app, on top of prometheus-client: django-prometheus 2.5 wants a Django before 6.1, and this project runs
on 5.2, 6.0 and 6.1. The counters of the database have the names and labels that django-prometheus gives them.
"""

from django.apps import AppConfig
from django.db.backends.signals import connection_created


class MetricsConfig(AppConfig):
    """Listens to every connection, from the start."""

    name = "metrics"

    def ready(self) -> None:
        """Count what passes each connection."""
        from metrics.database import count_from_now_on

        connection_created.connect(count_from_now_on)
