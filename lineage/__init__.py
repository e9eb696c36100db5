"""The engine: log, stores, projections, graph, connectors, service. Synchronous; knows no HTTP.

The embedded Python API is one call:

    from lineage import open_ledger
"""

from lineage.ledger import open_ledger

__all__ = ["open_ledger"]
