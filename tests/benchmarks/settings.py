"""A site as `django-admin startproject` makes it, on databases that the benchmark has prepared."""

import os

import dj_database_url

ALLOWED_HOSTS = ["testserver"]
DATABASES = {
    "default": dj_database_url.parse(os.environ["BENCHMARK_SQLITE"]),
    "sqlite": dj_database_url.parse(os.environ["BENCHMARK_SQLITE"]),
}
if "BENCHMARK_POSTGRES" in os.environ:
    DATABASES["postgresql"] = dj_database_url.parse(os.environ["BENCHMARK_POSTGRES"], conn_max_age=None)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "shop",
]
# The seven middlewares of a new site: a view runs below some twenty frames of them.
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "tests.benchmarks.urls"
SECRET_KEY = "only for benchmarks"
USE_TZ = True
