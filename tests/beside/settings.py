"""The settings of the tests' project, with what the library that BESIDE names wants to be set."""

import os

from settings import *  # noqa: F403  # The tests' project, which is on the path.
from settings import DATABASES, INSTALLED_APPS, IS_POSTGRES, MIDDLEWARE

INTERNAL_IPS = ["127.0.0.1"]
ALLOWED_HOSTS = ["*"]
DATABASES = {"default": DATABASES["default"]}
_AUTH = ("django.contrib.auth", "django.contrib.sessions", "django.contrib.staticfiles")
_SILK = "silk.middleware.SilkyMiddleware"

match os.environ["BESIDE"]:
    case "debug_toolbar":
        INSTALLED_APPS = [*INSTALLED_APPS, "django.contrib.staticfiles", "debug_toolbar"]
        MIDDLEWARE = ["debug_toolbar.middleware.DebugToolbarMiddleware", *MIDDLEWARE]
        DEBUG_TOOLBAR_CONFIG = {"IS_RUNNING_TESTS": False, "SHOW_TOOLBAR_CALLBACK": lambda request: True}
        ROOT_URLCONF = "tests.beside.toolbar_urls"
    case "zeal":
        INSTALLED_APPS = [*INSTALLED_APPS, "zeal"]
        MIDDLEWARE = ["zeal.middleware.zeal_middleware", *MIDDLEWARE]
        ZEAL_RAISE = False
    case "silk":
        INSTALLED_APPS = [*INSTALLED_APPS, *_AUTH, "silk"]
        MIDDLEWARE = [_SILK, *MIDDLEWARE]
        MIGRATION_MODULES = dict.fromkeys(("contenttypes", "auth", "sessions", "silk"))
    case "prometheus":
        INSTALLED_APPS = [*INSTALLED_APPS, "django_prometheus"]
        MIDDLEWARE = [
            "django_prometheus.middleware.PrometheusBeforeMiddleware",
            *MIDDLEWARE,
            "django_prometheus.middleware.PrometheusAfterMiddleware",
        ]
        if IS_POSTGRES:
            DATABASES["default"]["ENGINE"] = "django_prometheus.db.backends.postgresql"
    case "cachalot":
        INSTALLED_APPS = [*INSTALLED_APPS, "cachalot"]
    case "cacheops":
        INSTALLED_APPS = [*INSTALLED_APPS, "cacheops"]
        CACHEOPS_REDIS = "redis://127.0.0.1:9/1"
        CACHEOPS_DEGRADE_ON_FAILURE = True  # There is no Redis: what is tried are the patches.
    case "elasticapm":
        INSTALLED_APPS = [*INSTALLED_APPS, "elasticapm.contrib.django"]
        MIDDLEWARE = ["elasticapm.contrib.django.middleware.TracingMiddleware", *MIDDLEWARE]
        ELASTIC_APM = {
            "SERVICE_NAME": "tests",
            "DISABLE_SEND": True,
            "CENTRAL_CONFIG": False,
            "CLOUD_PROVIDER": "none",
        }
