"""A site as `django-admin startproject` makes it, on the database that DATABASE_URL names, else SQLite."""

import os
from uuid import uuid4

import dj_database_url

_NAME = f"hop_counts_{uuid4().hex[:12]}"
_URL = os.environ.get("DATABASE_URL") or f"sqlite:///{os.environ['HOP_COUNTS_FOLDER']}/{_NAME}.sqlite3"
_DATABASE = dj_database_url.parse(_URL)
if "sqlite3" in _DATABASE["ENGINE"]:
    # A file: another thread would find another database in memory.
    _NAME = f"{os.environ['HOP_COUNTS_FOLDER']}/{_NAME}.sqlite3"

ALLOWED_HOSTS = ["testserver"]
DATABASES = {"default": {**_DATABASE, "TEST": {"NAME": _NAME, "MIGRATE": False}}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "tests.hop_counts",
]
# The seven middlewares of a new site.
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
# A slow hash hops as often as a fast one.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
ROOT_URLCONF = "tests.hop_counts.urls"
SECRET_KEY = "only for measuring"
TASKS = {
    "default": {"BACKEND": "django.tasks.backends.immediate.ImmediateBackend"},
    "dummy": {"BACKEND": "django.tasks.backends.dummy.DummyBackend"},
}
USE_TZ = True
