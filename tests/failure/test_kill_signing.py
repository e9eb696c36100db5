"""A process that signs, erases and changes keys is killed at any moment: no promise is broken."""

import os
import sys
from multiprocessing import get_context
from pathlib import Path

import pytest

from checks import check_ledger
from doubles import SeededRandomness
from lineage.anchoring.notary import keys_in_force
from lineage.projections.governance import read_keys
from lineage.proofs.checkpoints import read_checkpoint
from lineage.proofs.tree import root_at
from lineage.proofs.verifying import open_checkpoint
from lineage.service import Ledger
from signing_children import sign_for_ever, signed_ledger

KILLS = 60
TOLD_MAX = 9
"""A child is killed after up to so many things were acknowledged, and then some time."""

WORLD = get_context("forkserver")
WORLD.set_forkserver_preload(["children", "sidecar_children", "signing_children"])

Told = list[tuple[str, str]]


def kill_one(path: Path, run: int, count: int, pause_us: int) -> Told:
    """Let a child work and kill it; return what it said it had done."""
    ours, theirs = WORLD.Pipe(duplex=False)
    child = WORLD.Process(target=sign_for_ever, args=(path, run, theirs))
    child.start()
    theirs.close()
    told: Told = [ours.recv() for _ in range(count)]
    ours.poll(pause_us / 1_000_000)
    child.kill()
    child.join()
    try:
        while True:
            told.append(ours.recv())
    except EOFError:
        ours.close()
    return told


def check_told(ledger: Ledger, path: Path, told: Told) -> None:
    """Demand that what was said to be done is done."""
    with ledger._store.read() as reader:
        rows = read_keys(reader)
        for what, text in told:
            if what != "signed":
                continue
            note = text.encode()
            checkpoint = read_checkpoint(note)
            assert checkpoint.root == root_at(checkpoint.size, reader.hashes)
            open_checkpoint(note, keys_in_force(rows, checkpoint.size))
    erased = [text.encode() for what, text in told if what == "erased"]
    files = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert [value for value in erased if value in files] == []


def statements_of(ledger: Ledger) -> set[str]:
    """Return the ids of all statements of the children."""
    found: set[str] = set()
    position: int | None = 0
    while position is not None:
        page = ledger.entries(position, count=1_000)
        found.update(entry.statement for entry in page.entries if entry.source == "ci")
        position = page.next_position
    return found


def below(randomness: SeededRandomness, limit: int) -> int:
    return int.from_bytes(randomness(8), "big") % limit


@pytest.fixture
def _quick_children(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the process that forks the children find our modules, so that it loads them once."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))


@pytest.mark.usefixtures("_quick_children")
def test_no_signature_no_erasure_and_no_key_is_lost_to_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    signed_ledger(path).close()
    randomness = SeededRandomness("kills")
    everything: Told = []
    for run in range(KILLS):
        count, pause_us = below(randomness, TOLD_MAX), below(randomness, 20_000)
        told = kill_one(path, run, count, pause_us)
        everything += told
        ledger = signed_ledger(path)
        check_told(ledger, path, told)
        if run % 20 == 0:
            answer = ledger.custody.checkpoint()
            assert answer.unsigned == 0
            assert ledger.audit().findings == ()
        ledger.close()
    ledger = signed_ledger(path)
    assert {text for what, text in everything if what == "said"} <= statements_of(ledger)
    check_told(ledger, path, everything)
    assert {what for what, _ in everything} == {"said", "signed", "erased", "rotated"}
    check_ledger(ledger)
    ledger.close()
