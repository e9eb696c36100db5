"""Other people's tools, each in an environment of its own, as `make peers` makes them."""

import os
from pathlib import Path

import pytest

PEERS = Path(__file__).resolve().parents[1] / ".venvs"


def peer(name: str) -> Path:
    """Return the environment of a tool; without one the test is skipped, or under CI=1 fails."""
    place = PEERS / name
    if not (place / "bin" / "python").exists():
        message = f"there is no environment of {name}: run make peers"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return place
