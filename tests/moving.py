"""What tests of moving a ledger share: a ledger with a life behind it, exports, places to go."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from msgspec import json

from databases import fresh_schema
from doubles import FakeClock, SeededRandomness
from erasing import ALL, asked
from lineage.anchoring.keys import MemoryKeys
from lineage.anchoring.notary import Notary
from lineage.anchoring.sidecar import MemorySidecar
from lineage.ledger import Artifact, Event, EventKind, Execution, Ledger, Statement
from lineage.moving.checking import ExportReader, ExportVerdict
from lineage.moving.filling import UNFINISHED
from lineage.moving.reading_in import Importer
from lineage.projections.views import TABLES
from lineage.proofs.signing import SigningKey, new_signing_key
from lineage.proofs.verifying import VerifierKey
from lineage.service import Ledger as Service
from lineage.stores.base import Store
from lineage.stores.memory import MemoryStore
from lineage.stores.opening import open_store

ORIGIN = "example.org/moving"
LATER_US = FakeClock().now_us + 3_600_000_000
KINDS = ("memory", "sqlite", "postgres")


class Kept(NamedTuple):
    """A ledger with what lies beside it, all in reach of the test."""

    ledger: Ledger
    store: Store
    notary: Notary

    def key(self) -> SigningKey:
        key = self.notary.keys.current()
        assert key is not None
        return key

    def export(self, *, final: bool = False) -> bytes:
        stream = io.BytesIO()
        self.ledger.moves.export(stream, final=final)
        return stream.getvalue()


def custody_of(seed: str = "seed") -> Notary:
    """Return a notary that remembers nothing and has no key yet."""
    return Notary(MemorySidecar(), MemoryKeys(SeededRandomness(seed)))


def kept(store: Store, notary: Notary | None = None, seed: str = "seed") -> Kept:
    """Return a signed ledger over a store."""
    notary = custody_of(seed) if notary is None else notary
    ledger = Service(store, FakeClock(LATER_US), SeededRandomness(seed), notary)
    return Kept(ledger, store, notary)


def memory_ledger(seed: str = "seed") -> Kept:
    """Return a signed ledger in memory."""
    return kept(MemoryStore(ORIGIN), seed=seed)


def live(ledger: Ledger, name: str = "s") -> None:
    """Give a ledger a life: runs, an erasure, a changed key, a hold, a second namespace."""
    for number in range(4):
        data, run = f"acme:data/{number}", f"acme:run/{number}"
        records = (
            Execution(key=run, type="lineage.Train", name=f"train {number} ✓"),
            Artifact(
                key=data,
                type="lineage.DataSet",
                name=f"data {number}",
                custom_properties={"owner": f"eve\t{number}", "n": number},
                personal=("owner",),
            ),
            Event(artifact=data, execution=run, kind=EventKind.INPUT),
            Event(artifact="acme:model", execution=run, kind=EventKind.OUTPUT),
        )
        ledger.record([Statement(id=f"{name}-{number}", source="ci", records=records)])
    ledger.erasures.erase(asked("acme:data/1"))
    ledger.custody.rotate_key("a new one each year")
    ledger.erasures.erase(asked("acme:run/2", parts=ALL))
    ledger.erasures.hold("acme:data/3", authority="court")
    other = Statement(id="1", source="ci", records=(Artifact(key="acme:o", name="other"),))
    ledger.record([other], namespace="other")


def read(body: bytes, *trusted: VerifierKey) -> ExportVerdict:
    """Read an export to its end and judge it."""
    export = ExportReader(io.BytesIO(body))
    for _ in export.entries():
        pass
    return export.judge(trusted)


def import_into(
    body: bytes,
    store: Store,
    notary: Notary,
    key: SigningKey | None = None,
    *,
    key_is_lost: bool = False,
) -> Kept:
    """Import an export into a store that was opened for it."""
    export = ExportReader(io.BytesIO(body))
    importer = Importer(store, notary, FakeClock(LATER_US), SeededRandomness(export.header.origin))
    importer.run(export, key, key_is_lost=key_is_lost)
    return kept(store, notary, "imported")


def empty_store(location: str | Path, body: bytes) -> Store:
    """Open an empty place for an export."""
    origin = ExportReader(io.BytesIO(body)).header.origin
    return open_store(location, TABLES, UNFINISHED + origin)


@contextmanager
def place(kind: str, folder: Path, name: str = "ledger.db") -> Iterator[str]:
    """Yield where a new store of a kind may be made."""
    if kind == "postgres":
        with fresh_schema() as url:
            yield url
    else:
        yield "memory:" if kind == "memory" else str(folder / name)


def resealed(lines: list[bytes]) -> bytes:
    """Return an export whose digest fits again, as whoever forges one would make it."""
    trailer = json.decode(lines[-1])
    trailer["sha256"] = sha256(b"".join(lines[:-1])).hexdigest()
    return b"".join([*lines[:-1], json.encode(trailer) + b"\n"])


def another_key(name: str = ORIGIN, seed: str = "another") -> SigningKey:
    """Return a key that no log names."""
    return new_signing_key(name, SeededRandomness(seed))
