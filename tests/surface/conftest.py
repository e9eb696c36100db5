"""What every test of the surface may ask for."""

from collections.abc import Iterator

import pytest

from lineage.service import Ledger
from lineage_api.app import create_app
from lineage_api.settings import Settings
from surface_client import SurfaceClient, running
from surface_story import STORY, tell


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
