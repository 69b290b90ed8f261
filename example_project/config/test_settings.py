"""What is different when the tests run?"""

from throwaway_postgres import provide

# The settings read DATABASE_URL while they are imported.
provide("campaigns")

from config.settings import *  # noqa: E402, F403

# A slow hash protects passwords, and these protect nobody.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
