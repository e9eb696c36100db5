"""How much memory the graphs of one process take, each namespace by itself."""

from __future__ import annotations

from threading import Lock


class MemoryAccounts:
    """Gives room to namespaces, of so many bytes in all. Safe to use from many threads."""

    def __init__(self, bytes_max: int) -> None:
        self.bytes_max = bytes_max
        self._lock = Lock()
        self._taken: dict[int, int] = {}

    @property
    def taken(self) -> int:
        """How many bytes all namespaces have room for."""
        with self._lock:
            return sum(self._taken.values())

    def reserve(self, namespace: int, nbytes: int) -> bool:
        """Give a namespace room for so many bytes instead of what it had; tell whether there is.

        Where there is not, it has none: of two that grow at once, one gives way to the other.
        """
        with self._lock:
            self._taken.pop(namespace, None)
            if sum(self._taken.values()) + nbytes > self.bytes_max:
                return False
            self._taken[namespace] = nbytes
            return True

    def release(self, namespace: int) -> None:
        """Take back what a namespace has room for."""
        with self._lock:
            self._taken.pop(namespace, None)
