"""A small Django project: the plugin's own tests run in it, and in copies of it."""

import os
import tempfile

import dj_database_url

from throwaway_postgres import provide

URL = provide("dbperf")
NAME = os.environ.get("DBPERF_TEST_DATABASE", "dbperf")
IS_POSTGRES = URL.startswith("postgres")


def _database(name: str) -> dict[str, object]:
    if URL.startswith("sqlite"):
        return _sqlite(name)
    database = {**dj_database_url.parse(URL), "NAME": name}
    if IS_POSTGRES:
        # The server writes down every statement, so that the tests can hold the plugin to its word.
        database["OPTIONS"] = {"options": "-c log_statement=all"}
    return database


def _sqlite(name: str) -> dict[str, object]:
    # A file and not the default in memory, which is never closed and which threads lock for each other.
    path = os.path.join(tempfile.gettempdir(), f"dbperf-{os.getpid()}-{name}.sqlite3")
    return {"ENGINE": "django.db.backends.sqlite3", "NAME": path, "TEST": {"NAME": path}}


DATABASES = {
    "default": _database(NAME),
    "other": _database(f"{NAME}_other"),
    "sqlite": _sqlite(f"{NAME}_sqlite"),
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# Django 6.1 deprecates sending email without it; older versions ignore it.
MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}
INSTALLED_APPS = ["django.contrib.contenttypes", "shop", "shelf"]
# Tables without migrations are made first, and one of them points to this.
MIGRATION_MODULES = {"contenttypes": None}
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
ROOT_URLCONF = "shop.urls"
SECRET_KEY = "only for tests"
STATIC_URL = "static/"
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
USE_TZ = True
