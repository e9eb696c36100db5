"""An access log for ledgers that tests put together themselves."""

from doubles import FakeClock, SeededRandomness
from lineage.access.accounts import AccessLog, OpenBook
from lineage.clock import Clock
from lineage.service import Ledger
from lineage.stores.base import Store
from lineage.stores.memory import MemoryStore


def access_log(store: Store | None = None, clock: Clock | None = None) -> AccessLog:
    """Return an access log in a store, or in memory."""
    clock = clock or FakeClock()
    place = store or MemoryStore("test/access")

    def opened() -> OpenBook:
        return OpenBook(place, Ledger(place, clock, SeededRandomness("access")))

    return AccessLog(opened, lambda: True, clock, SeededRandomness("records"))
