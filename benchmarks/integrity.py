"""Measure proofs, verification, audits and what signing costs: `python -m benchmarks.integrity`.

Each figure comes from a fresh process; the workload is the first argument inside it.
"""

from __future__ import annotations

import argparse
import json
import os
import random  # noqa: TID251 - the seed is an argument
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.machine import describe
from benchmarks.runner import RESULTS
from lineage import open_ledger
from lineage.audit import AuditLevel
from lineage.ledger import Artifact, Event, EventKind, Execution, Statement
from lineage.projections.views import TABLES
from lineage.proofs.checkpoints import sign_checkpoint, verifier_key_of
from lineage.proofs.inclusion import inclusion_proof
from lineage.proofs.proof_files import format_proof
from lineage.proofs.signing import SigningKey
from lineage.proofs.tree import CompactRange, Subtree, leaf_hash
from lineage.proofs.verifying import Checkpoint, verify_inclusion, verify_proofs
from lineage.stores.base import Reader, StoredHead
from lineage.stores.opening import open_store
from lineage.stores.sqlite.store import SqliteStore
from lineage_schemas.entry import PayloadPart

SEED: Final = 20_240_229
TREE_LEAVES: Final = 10_000_000
PROOFS: Final = 20_000
AUDITED_ENTRIES: Final = 100_000
PER_BATCH: Final = 1_000
ASKED: Final = 2_000
CHUNK: Final = 100_000
SMALL: Final = 10
ENVELOPE_BYTES: Final = 420
SIGNING: Final = ("ingest-batches", "ingest-single", "ingest-callers")


class Figure(NamedTuple):
    """One measured number: what it is, its unit, and what is wanted."""

    name: str
    value: float
    unit: str
    wanted: str


# --- the generated tree --------------------------------------------------------------------------


def envelope(position: int) -> bytes:
    """Return bytes of the size of a small envelope, different at each position."""
    return b'{"version":2,"statement":"%d"' % position + b" " * ENVELOPE_BYTES


def grow_tree(path: Path, leaves: int) -> tuple[int, bytes]:
    """Fill a store with a tree of that many leaves, without payloads; return its size and root."""
    open_store(path, TABLES, "bench/tree").close()
    tree = CompactRange()
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA synchronous = OFF")
        for start in range(0, leaves, CHUNK):
            rows: list[tuple[int, bytes, bytes]] = []
            subtrees: list[Subtree] = []
            for position in range(start, min(start + CHUNK, leaves)):
                leaf = leaf_hash(b"%d" % position)
                subtrees += tree.append(leaf)
                rows.append((position, b"%d" % position, leaf))
            database.execute("BEGIN")
            database.executemany("INSERT INTO entry VALUES (?, ?, ?)", rows)
            database.executemany("INSERT INTO subtree VALUES (?, ?, ?)", subtrees)
            database.execute("COMMIT")
        head = StoredHead(tree.size, 1, tree.to_bytes())
        database.execute("UPDATE ledger SET size = ?, recorded_us = ?, compact_range = ?", head)
    return tree.size, tree.root()


def measure_proof(scratch: Path, scale: int) -> Iterator[Figure]:
    """Time inclusion proofs at random positions, read from the store each time."""
    path = scratch / "tree.db"
    size, root = grow_tree(path, TREE_LEAVES // scale)
    dice = random.Random(SEED)  # noqa: S311 - to be repeated, not to be secret
    store = open_store(path, TABLES, "")
    assert isinstance(store, SqliteStore)
    seconds: list[float] = []
    with closing(store), store.read() as reader:
        for _ in range(ASKED // min(scale, 4)):
            position = dice.randrange(size)
            began = time.perf_counter()
            hashes = inclusion_proof(position, size, reader.hashes)
            seconds.append(time.perf_counter() - began)
            verify_inclusion(position, size, _leaf(reader, position), hashes, root)
    yield Figure(f"inclusion proof, {size:,} entries, median", _ms(seconds, 50), "ms", "<= 1")
    yield Figure(f"inclusion proof, {size:,} entries, 99th percentile", _ms(seconds, 99), "ms", "")


def _leaf(reader: Reader, position: int) -> bytes:
    return reader.hashes(0, position, 1)[0]


def _ms(seconds: list[float], percentile: int) -> float:
    return 1000 * statistics.quantiles(seconds, n=100)[percentile - 1]


# --- verification --------------------------------------------------------------------------------


def proof_file(proofs: int, leaves: int) -> tuple[bytes, SigningKey]:
    """Return a file of proofs of real size: 420 bytes of envelope, both parts shown, 24 hashes.

    The tree is generated bottom-up over equal neighbours, so that it needs no store.
    """
    facts = PayloadPart(bytes(16), b'{"version":2,"records":[]}' + b" " * ENVELOPE_BYTES)
    text = json.dumps(
        {
            "version": 2,
            "statement": "s" * (ENVELOPE_BYTES - 200),
            "commitments": {
                "facts": sha256(facts.salt + facts.body).hexdigest(),
                "personal": None,
            },
        },
        separators=(",", ":"),
    ).encode()
    tree = CompactRange()
    leaf = leaf_hash(text)
    stored: dict[tuple[int, int], bytes] = {}
    for _ in range(leaves):
        for subtree in tree.append(leaf):
            stored[subtree.level, subtree.number] = subtree.root

    def read_hashes(level: int, first: int, count: int) -> list[bytes]:
        if level == 0:
            return [leaf] * count
        return [stored[level, index] for index in range(first, first + count)]

    key = SigningKey("bench/verify", bytes(32))
    note = sign_checkpoint(Checkpoint(key.name, leaves, tree.root()), key)
    dice = random.Random(SEED)  # noqa: S311 - as above
    bodies = [
        format_proof(
            position,
            inclusion_proof(position, leaves, read_hashes),
            note,
            envelope=text,
            facts=facts,
            personal=None,
        )
        for position in (dice.randrange(leaves) for _ in range(proofs))
    ]
    return b"".join(bodies), key


def measure_verify(scratch: Path, scale: int) -> Iterator[Figure]:
    """Time the offline verification of a file of many proofs over one checkpoint."""
    del scratch
    count = PROOFS // scale
    body, key = proof_file(count, TREE_LEAVES // scale)
    keys = [verifier_key_of(key)]
    began = time.perf_counter()
    found = verify_proofs(body, keys)
    seconds = time.perf_counter() - began
    assert len(found) == count
    yield Figure("offline verification, one core", count / seconds, "entries/s", ">= 20,000")


# --- audits --------------------------------------------------------------------------------------


def statements(entries: int) -> Iterator[Statement]:
    """Make small statements: a run that reads one file and writes another."""
    for number in range(entries):
        run = f"bench:run/{number}"
        made = f"bench:file/{number}"
        yield Statement(
            id=f"step-{number}",
            source="bench",
            records=(
                Execution(key=run, type="lineage.Run"),
                Artifact(key=made, type="lineage.DataSet"),
                Event(artifact=f"bench:file/{number // 2}", execution=run, kind=EventKind.INPUT),
                Event(artifact=made, execution=run, kind=EventKind.OUTPUT),
            ),
        )


def measure_audit(scratch: Path, scale: int) -> Iterator[Figure]:
    """Time audits of each level over one ledger."""
    entries = AUDITED_ENTRIES // scale
    waiting = statements(entries)
    with open_ledger(scratch / "audited.db") as ledger:
        while batch := [one for one, _ in zip(waiting, range(PER_BATCH), strict=False)]:
            ledger.record(batch)
    for level in list(AuditLevel)[1:]:
        with open_ledger(scratch / "audited.db") as ledger:
            began = time.perf_counter()
            report = ledger.audit(level=level)
            seconds = time.perf_counter() - began
            assert report.clean, report.findings[:3]
        wanted = ">= 20,000" if level is max(AuditLevel) else ""
        name = f"audit, level {int(level)} ({level.name.lower()})"
        yield Figure(name, report.size / seconds, "entries/s", wanted)


# --- signing -------------------------------------------------------------------------------------


def measure_signing(scratch: Path, scale: int) -> Iterator[Figure]:
    """Compare ingest with and without a notary: each workload in processes of its own, by turns."""
    del scratch
    for workload in SIGNING:
        signed, unsigned = [], []
        for _ in range(3):
            unsigned.append(_ingest(workload, scale, unsigned=True))
            signed.append(_ingest(workload, scale, unsigned=False))
        with_it, without = statistics.median(signed), statistics.median(unsigned)
        yield Figure(f"{workload}, signed", with_it, "executions/s", "")
        yield Figure(f"{workload}, unsigned", without, "executions/s", "")
        yield Figure(f"{workload}, signing adds", 100 * (without / with_it - 1), "%", "")


def _ingest(workload: str, scale: int, *, unsigned: bool) -> float:
    command = [sys.executable, "-m", "benchmarks.ours", workload]
    environment = os.environ | ({"BENCH_UNSIGNED": "1"} if unsigned else {})
    done = subprocess.run(
        [*command, *(["--small"] if scale > 1 else [])],
        env=environment,
        check=True,
        capture_output=True,
    )
    return float(json.loads(done.stdout.splitlines()[-1])["executions_per_second"])


# --- the command ---------------------------------------------------------------------------------

Measure = Callable[[Path, int], Iterator[Figure]]

WORKLOADS: Final[dict[str, Measure]] = {
    "proof": measure_proof,
    "verify": measure_verify,
    "audit": measure_audit,
    "signing": measure_signing,
}


def main() -> None:
    """Measure what is asked for, each workload in a fresh process, and print a table and JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.integrity", description=__doc__)
    parser.add_argument("what", nargs="?", default="all", choices=(*WORKLOADS, "all"))
    parser.add_argument("--small", action="store_true", help="a tenth of the work, to try it out")
    parser.add_argument("--here", action="store_true", help="in this process, JSON only")
    parser.add_argument("--repeat", type=int, default=3, help="how many fresh processes each has")
    parser.add_argument("--save", metavar="DATE", help="write results/DATE-integrity.json")
    options = parser.parse_args()
    scale = SMALL if options.small else 1
    if options.here:
        with tempfile.TemporaryDirectory(prefix="bench-") as directory:
            figures = list(WORKLOADS[options.what](Path(directory), scale))
        sys.stdout.write(json.dumps(figures) + "\n")
        return
    names = list(WORKLOADS) if options.what == "all" else [options.what]
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        machine = describe(Path(directory))
    found = [row for name in names for row in _medians(name, options.repeat, small=options.small)]
    for name, values, unit, wanted in found:
        sys.stdout.write(f"{name:<56} {statistics.median(values):>12,.3f} {unit:<14} {wanted}\n")
    result = {"machine": machine, "small": options.small, "figures": found}
    sys.stdout.write(f"\n{json.dumps(result)}\n")
    if options.save:
        path = RESULTS / f"{options.save}-integrity.json"
        path.write_text(json.dumps(result, indent=2) + "\n")


def _medians(name: str, repeat: int, *, small: bool) -> list[tuple[str, list[float], str, str]]:
    """Run a workload in so many fresh processes; signing takes turns by itself."""
    turns: list[list[Figure]] = []
    for _ in range(1 if name == "signing" else repeat):
        command = [sys.executable, "-m", "benchmarks.integrity", name, "--here"]
        done = subprocess.run(
            [*command, *(["--small"] if small else [])], check=True, capture_output=True
        )
        turns.append([Figure(*row) for row in json.loads(done.stdout)])
    return [
        (figures[0].name, [one.value for one in figures], figures[0].unit, figures[0].wanted)
        for figures in zip(*turns, strict=True)
    ]


if __name__ == "__main__":
    main()
