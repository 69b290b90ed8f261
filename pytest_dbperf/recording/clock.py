"""What time is it, even in a test that freezes time?"""

import time
from collections.abc import Callable
from functools import partial

# freezegun replaces `time.perf_counter` in every module that has imported it by name.
perf_counter: Callable[[], float] = partial(time.perf_counter)
