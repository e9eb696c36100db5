"""What every test of the surface may ask for."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lineage.service import Ledger
from lineage_api.app import create_app
from lineage_api.settings import Settings
from surface_client import SurfaceClient, running
from surface_story import STORY, tell
from terminal import Terminal


@pytest.fixture
def client(ledger: Ledger) -> Iterator[SurfaceClient]:
    """Serve an empty ledger over each kind of store, in this process."""
    with running(create_app(ledger, Settings())) as client:
        yield client


@pytest.fixture
def told(client: SurfaceClient) -> SurfaceClient:
    """Return a client of a ledger that was told a short story."""
    tell(client, "story", *STORY)
    return client


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    """Return a terminal of a ledger that was told of a run."""
    terminal = Terminal(tmp_path / "ledger.db")
    terminal.tell()
    return terminal
