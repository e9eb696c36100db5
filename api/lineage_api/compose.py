"""The one place that names concrete things: settings become a ledger."""

from __future__ import annotations

from pathlib import Path

from lineage.folding import Progress
from lineage.graph_file import GraphPlace
from lineage.ledger import configured_files, open_ledger
from lineage.service import Ledger
from lineage_api.settings import Settings


def open_configured_ledger(settings: Settings, progress: Progress | None = None) -> Ledger:
    """Open the ledger that the settings name, or make it.

    ``progress`` is told how far the graph was read.

    Raises:
        StoreError: the store, key or sidecar cannot be used, or are of a later version.
        InvalidInputError: a kind of store this software does not know.
    """
    key, sidecar = configured_files(
        settings.store,
        Path(settings.key) if settings.key else None,
        Path(settings.sidecar) if settings.sidecar else None,
    )
    return open_ledger(
        settings.store, key=key, sidecar=sidecar, graph=graph_place(settings, progress)
    )


def graph_place(settings: Settings, progress: Progress | None = None) -> GraphPlace:
    """Return where the graph of the ledger has its place."""
    folder = Path(settings.graph_folder) if settings.graph_folder else None
    return GraphPlace(settings.graph_memory_bytes, folder, progress)
