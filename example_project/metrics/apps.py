"""Which metrics does Prometheus get about the service?

This app is a layer on top of prometheus-client. django-prometheus 2.5 needs a Django before 6.1, but this
project runs on 5.2, 6.0 and 6.1. The database counters have the names and labels of django-prometheus.
"""

from django.apps import AppConfig
from django.db.backends.signals import connection_created


class MetricsConfig(AppConfig):
    """Counts every connection from the start."""

    name = "metrics"

    def ready(self) -> None:
        """Count the statements of each new connection."""
        from metrics.database import count_from_now_on

        connection_created.connect(count_from_now_on)
