"""What every test may ask for."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from goldens import Golden

ROOT = Path(__file__).parents[1]

# `dev` looks for new examples, `ci` looks at the same ones each time, `long` looks for minutes.
settings.register_profile("dev", max_examples=50, deadline=None)
settings.register_profile("ci", max_examples=100, deadline=None, derandomize=True, database=None)
settings.register_profile(
    "long",
    max_examples=2_000,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("ci" if os.environ.get("CI") else "dev")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the one flag of our own."""
    parser.addoption("--golden", action="store_true", help="write the golden files anew")


@pytest.fixture(scope="session")
def project() -> Path:
    """Return the root of the checkout."""
    return ROOT


@pytest.fixture
def golden(pytestconfig: pytest.Config) -> Golden:
    """Compare with a golden file, or write it anew under `--golden`."""
    return Golden(write=bool(pytestconfig.getoption("--golden")))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of outside data beside the checkout; skip where it is missing."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the outside data (../shared/data) is not on this machine")
    return folder
