"""How many connections to Redis does a process open?"""

from typing import Any, ClassVar, Self

from redis import ConnectionPool


class ProcessPool(ConnectionPool):
    """One pool for each process and each URL.

    Django makes a pool for each thread. Under ASGI that means for each request (Django's ticket 35651).
    """

    pools: ClassVar[dict[str, Any]] = {}

    @classmethod
    def from_url(cls, url: str, **options: Any) -> Self:
        """Return the pool of this URL. Django passes the same options for it every time."""
        return cls.pools.setdefault(url, super().from_url(url, **options))
