"""The clients that run requests as production does."""

import os

# How often what depends on threads and chance is tried; CI tries it more often in one of its cells.
TIMES = range(int(os.environ.get("TIMES", "3")))
