"""What is different when the tests run?"""

from throwaway_postgres import provide

# The settings read DATABASE_URL when they are imported.
provide("campaigns")

from config.settings import *  # noqa: E402, F403

# The tests clear this cache, so no other process may use it.
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

# pytest shows the log in the report of a failed test.
LOGGING = {}

# A slow hash protects passwords; test passwords need no protection.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
