"""Does an event loop run in this thread?"""

from __future__ import annotations


def is_on_a_loop() -> bool:
    """Tell whether the caller runs on an event loop, as a coroutine does."""
    # The plugin must not import asyncio before `-p asyncio` (pytest-asyncio's name) does: pytest would warn.
    import asyncio

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
