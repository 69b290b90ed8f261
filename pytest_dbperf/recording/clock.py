"""What time is it? Also in a test that has frozen the time."""

import time
from collections.abc import Callable
from functools import partial

# freezegun replaces this function of Python's in every module that has it by name.
perf_counter: Callable[[], float] = partial(time.perf_counter)
