"""What is different when the tests run?"""

from throwaway_postgres import provide

# The settings read DATABASE_URL while they are imported.
provide("campaigns")

from config.settings import *  # noqa: E402, F403

# The tests clear it, which is for nobody else's.
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

# pytest shows what was logged where it matters: in the report of a test that failed.
LOGGING = {}

# A slow hash protects passwords, and these protect nobody.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
