"""A ledger that earlier software wrote opens, answers as it did, and is signed from then on."""

import gzip
import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from checks import check_ledger
from doubles import SeededRandomness
from erasing import ALL, asked, entry_at
from erasure_children import opened
from lineage.ledger import (
    Artifact,
    Direction,
    Ledger,
    Mode,
    Outcome,
    Statement,
    TraceQuery,
    open_ledger,
)
from lineage.projections.views import PROJECTION_VERSION
from lineage.stores.sqlite.layout import STORE_VERSION
from lineage_schemas.errors import NewerStoreError

STORES = Path(__file__).parents[1] / "recordings" / "stores"
MODEL, DATA, RUN = "acme:model", "acme:data", "acme:run"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a copy of the ledger of store version 1."""
    path = tmp_path / "ledger.db"
    with gzip.open(STORES / "version-1.db.gz") as source, path.open("wb") as target:
        shutil.copyfileobj(source, target)
    return path


@pytest.fixture(scope="module")
def said() -> dict[str, Any]:
    """Return what the software that wrote it answered."""
    found: dict[str, Any] = json.loads((STORES / "version-1.json").read_text())
    return found


def version_of(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def stored_rows(path: Path) -> list[list[tuple[object, ...]]]:
    """Return what the log itself consists of, byte for byte."""
    with closing(sqlite3.connect(path)) as connection:
        return [
            connection.execute(query).fetchall()
            for query in (
                "SELECT * FROM entry ORDER BY position",
                "SELECT * FROM payload ORDER BY position",
                "SELECT * FROM subtree ORDER BY level, position",
            )
        ]


def answers(ledger: Ledger) -> dict[str, Any]:
    """Ask again what was asked when the ledger was made."""
    answer = ledger.trace(TraceQuery(start=(MODEL,), direction=Direction.BOTH))
    data = ledger.show(DATA)[0].node
    found = {
        "size": ledger.head().size,
        "root": ledger.head().root.hex(),
        "nodes": [[node.kind, node.id, node.key, node.name] for node in answer.nodes],
        "edges": [[one.artifact, one.execution, one.kind, one.path] for one in answer.edges],
        "links": [
            [one.node, one.identifier, one.link_class] for one in ledger.show(MODEL)[0].links
        ],
        "data": data.properties | data.custom_properties,
        "points": ledger.show(RUN)[0].series[0].points,
        "types": [[one.kind, one.id, one.type.name] for one in ledger.types().types],
        "statements": [one.statement for one in ledger.entries(count=100).entries],
    }
    plain: dict[str, Any] = json.loads(json.dumps(found))
    return plain


def test_it_answers_as_it_did(path: Path, said: dict[str, Any]) -> None:
    assert version_of(path) == 1
    ledger = opened(path)
    assert answers(ledger) == said
    assert ledger.origin == "recorded/version-1"
    assert ledger.basis().projection == PROJECTION_VERSION
    check_ledger(ledger)
    ledger.close()
    assert version_of(path) == STORE_VERSION == 3


def test_no_byte_of_the_log_is_changed(path: Path) -> None:
    before = stored_rows(path)
    opened(path).close()
    assert stored_rows(path) == before


def test_nothing_is_signed_before_something_is_recorded_and_everything_is_after(
    path: Path, said: dict[str, Any]
) -> None:
    ledger = opened(path)
    assert ledger.custody.keys() == ()
    ledger.close()
    assert sorted(one.name for one in path.parent.iterdir()) == ["ledger.db"]
    ledger = opened(path)
    one = Statement(id="9", source="ci", records=(Artifact(key=DATA, name="now"),))
    ledger.record([one])
    checkpoint = ledger.custody.checkpoint()
    assert (checkpoint.origin, checkpoint.unsigned) == ("recorded/version-1", 0)
    # The key is introduced by two entries before the statement, whose author is known already, and
    # an older namespace is given the types that came later.
    assert checkpoint.size == ledger.head().size == said["size"] + 4
    assert ledger.basis(said["size"]).root == said["root"]
    check_ledger(ledger)
    ledger.close()


def test_what_was_said_in_it_is_known_and_can_be_erased(path: Path, said: dict[str, Any]) -> None:
    ledger = opened(path)
    again = Artifact(key=DATA, name="customers", custom_properties={"note": "said by trent"})
    (receipt,) = ledger.record([Statement(id="2", source="ci", records=(again,))])
    assert receipt.outcome is Outcome.DUPLICATE
    assert said["data"]["note"] == "said by trent"
    done = ledger.erasures.erase(asked(DATA))
    mark = {"$redacted": done.positions[0]}
    # Payloads of that time do not say where a personal value stood, only that there was one.
    properties = {"owner": mark, "row_count": 7, "note": mark}
    assert ledger.show(DATA)[0].node.properties == properties
    assert ledger.show(DATA)[0].node.custom_properties["note"] == "said by trent"
    done = ledger.erasures.erase(asked(DATA, parts=ALL))
    assert ledger.show(DATA)[0].node.properties == {}
    assert [entry_at(ledger, at).erased for at in done.positions] == [ALL, ALL]
    check_ledger(ledger)
    ledger.close()
    for file in path.parent.iterdir():
        for word in (b"eve adams", b"mallory", b"trent"):
            assert word not in file.read_bytes()


def test_commands_go_on_where_they_were(path: Path) -> None:
    ledger = opened(path)
    shape = Artifact(type="Shape", name="circle")
    ledger.record([Statement(id="9", source="client", mode=Mode.COMMAND, records=(shape,))])
    assert [node.name for node in ledger.list_nodes("Shape").nodes] == ["square", "circle"]
    check_ledger(ledger)
    ledger.close()


def test_an_erasure_may_be_the_first_that_is_done_with_it(path: Path) -> None:
    ledger = opened(path)
    assert not ledger.erasures.erase(asked(DATA, parts=ALL)).refused
    ledger.close()
    ledger = opened(path, "second")
    assert ledger.show(DATA)[0].node.name is None
    ledger.record([Statement(id="9", source="ci", records=(Artifact(key="acme:x"),))])
    assert ledger.custody.checkpoint().unsigned == 0
    check_ledger(ledger)
    ledger.close()
    check_ledger(opened(path, "third"))


def test_several_that_open_it_at_once_migrate_it_once(path: Path, said: dict[str, Any]) -> None:
    found: list[dict[str, Any]] = []

    def ask(seed: str) -> None:
        with open_ledger(path, randomness=SeededRandomness(seed)) as ledger:
            found.append(answers(ledger))

    threads = [Thread(target=ask, args=(str(number),)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [said] * 4


def test_a_migration_that_was_interrupted_is_made_again(
    path: Path, said: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(
            "lineage.stores.sqlite.store.MIGRATIONS",
            {
                1: (
                    "ALTER TABLE ledger ADD COLUMN checkpoint BLOB",
                    "ALTER TABLE nowhere RENAME TO x",
                )
            },
        )
        with pytest.raises(Exception, match="nowhere"):
            opened(path)
    assert version_of(path) == 1
    ledger = opened(path)
    assert answers(ledger) == said
    check_ledger(ledger)
    ledger.close()


def test_a_version_that_is_not_known_yet_is_refused_and_left_alone(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {STORE_VERSION + 1}")
    before = path.read_bytes()
    with pytest.raises(NewerStoreError):
        opened(path)
    assert path.read_bytes() == before
