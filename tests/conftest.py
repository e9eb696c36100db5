"""What every test may ask for."""

import os
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from xdist.workermanage import WorkerController  # type: ignore[import-untyped]

import endings
import leftovers
from accounting import access_log
from databases import fresh_schema, lend
from doubles import FakeClock, MakeStore, SeededRandomness
from goldens import Golden
from lineage.projections.views import TABLES
from lineage.service import Ledger
from lineage.stores.base import Store
from lineage.stores.opening import open_store
from lineage.stores.tables import Table

ROOT = Path(__file__).parents[1]
WORKERS_MAX = 8

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


def pytest_configure(config: pytest.Config) -> None:
    """Let a run that is told to end leave as little behind as one that ends by itself."""
    endings.listen(config)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Remove what runs have left that were killed."""
    if not endings.is_worker(session.config):
        leftovers.remove_orphans()


@pytest.hookimpl(wrapper=True, optionalhook=True)
def pytest_xdist_auto_num_workers() -> Generator[None, int, int]:
    """Say how many processes test at once, up to a bound: they share one server's connections.

    One more than there are cores, since a third of the time of a test is waiting for disks, servers
    and clocks.
    """
    return min((yield) + 1, WORKERS_MAX)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: WorkerController) -> None:
    """Ask a process that will test for its number."""
    channel = node.gateway.remote_exec("import os; channel.send(os.getpid())")
    endings.remember_worker(node.config, channel.receive())
    channel.waitclose()


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Hand the word on, before the processes are waited for."""
    if exitstatus == pytest.ExitCode.INTERRUPTED:
        endings.tell_workers(session.config)


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
        if not opened and tables == TABLES:
            lend(store_location)
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
    return Ledger(store, FakeClock(), SeededRandomness(), accounts=access_log())
