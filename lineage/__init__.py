"""The engine: log, stores, projections, graph, connectors, service. Synchronous; knows no HTTP.

The embedded Python API is one call:

    from lineage import open_ledger

It is imported when it is first named, so that whoever only verifies proofs loads no store.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lineage.ledger import open_ledger

__all__ = ["open_ledger"]


def __getattr__(name: str) -> object:
    if name != "open_ledger":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from lineage.ledger import open_ledger as found  # noqa: PLC0415 - see above

    globals()[name] = found
    return found
