"""Which thread is this?"""

from __future__ import annotations

import threading


class _Thread(threading.local):
    # Three times as fast as asking threading.current_thread() for every event.
    def __init__(self) -> None:
        self.name = threading.current_thread().name


this_thread = _Thread()
