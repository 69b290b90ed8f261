"""What do the tests say of themselves?"""

import os

from django.db import connection


def pytest_report_header() -> str:
    """Name the database: what it cannot do is skipped."""
    started = "DATABASE_LOG" in os.environ
    return f"database: {connection.vendor}, {'started for this run' if started else 'chosen by DATABASE_URL'}"
