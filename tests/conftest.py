"""What every test may ask for."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from databases import fresh_schema
from doubles import FakeClock, MakeStore, SeededRandomness
from goldens import Golden
from lineage.projections.views import TABLES
from lineage.service import Ledger
from lineage.stores.base import Store
from lineage.stores.opening import open_store
from lineage.stores.tables import Table

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


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def store_location(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Return where a store of each kind may be made."""
    if request.param == "postgres":
        with fresh_schema() as url:
            yield url
    else:
        yield "memory:" if request.param == "memory" else str(tmp_path / "ledger.db")


@pytest.fixture
def make_store(store_location: str) -> Iterator[MakeStore]:
    """Open a store of each kind; it is made the first time, and opened again."""
    opened: list[Store] = []

    def make(tables: Sequence[Table]) -> Store:
        opened.append(open_store(store_location, tables, "test/origin"))
        return opened[-1]

    yield make
    for store in opened:
        store.close()


@pytest.fixture
def store(make_store: MakeStore) -> Store:
    """Return an empty store of each kind, with the tables of the views."""
    return make_store(TABLES)


@pytest.fixture
def ledger(store: Store) -> Ledger:
    """Return an empty ledger over each kind of store, with a clock and randomness of its own."""
    return Ledger(store, FakeClock(), SeededRandomness())
