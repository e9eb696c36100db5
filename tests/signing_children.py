"""What signs, erases and changes keys in a process of its own: it is imported there by name."""

from multiprocessing.connection import Connection
from pathlib import Path

from doubles import FakeClock, SeededRandomness
from lineage.anchoring.keys import KeyFile
from lineage.anchoring.notary import Notary
from lineage.anchoring.sidecar import SidecarFile
from lineage.clock import system_randomness
from lineage.ledger import Artifact, ErasureRequest, Statement
from lineage.projections.views import TABLES
from lineage.service import Ledger
from lineage.stores.opening import open_store


def signed_ledger(path: Path) -> Ledger:
    """Open the signed ledger in the SQLite file, making it if nobody has."""
    store = open_store(path, TABLES, "test/origin")
    sidecar = SidecarFile(path.with_suffix(".sidecar"))
    keys = KeyFile(path.with_suffix(".key"), system_randomness)
    randomness = SeededRandomness(system_randomness(8).hex())
    return Ledger(store, FakeClock(), randomness, Notary(sidecar, keys))


def personal_value(run: int, number: int) -> str:
    """Return a value that names somebody, different in every statement."""
    return f"whoever-{run}-{number}-lives-here"


def personal_statement(run: int, number: int) -> Statement:
    """Return a statement with that value, whose key the erasure is asked for by."""
    record = Artifact(
        key=f"acme:p/{run}-{number}",
        type="lineage.DataSet",
        custom_properties={"who": personal_value(run, number)},
        personal=("who",),
    )
    return Statement(id=f"p-{run}-{number}", source="ci", records=(record,))


def sign_for_ever(path: Path, run: int, acknowledged: Connection) -> None:
    """Write, sign, erase and change keys by turns, and say what was done, until we are ended."""
    ledger = signed_ledger(path)
    number = 0
    while True:
        ledger.record([personal_statement(run, number)])
        acknowledged.send(("said", f"p-{run}-{number}"))
        match number % 4:
            case 0:
                acknowledged.send(("signed", ledger.custody.checkpoint().note))
            case 1:
                ask = ErasureRequest(
                    targets=(f"acme:p/{run}-{number}",),
                    legal_basis="a test",
                    requester="Ann",
                    approver="Bob",
                )
                ledger.erasures.erase(ask)
                acknowledged.send(("erased", personal_value(run, number)))
            case 2:
                ledger.custody.rotate_key("a test")
                acknowledged.send(("rotated", ""))
            case _:
                pass
        number += 1
