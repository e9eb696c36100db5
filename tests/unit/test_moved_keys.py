"""A key that was revoked opens nothing elsewhere: no copy, and nothing that was put back."""

import json
from pathlib import Path

import pytest

from checks import check_ledger
from doubles import FakeClock, SeededRandomness
from keyholders import bearer
from lineage.access.ending import ENDED
from lineage.ledger import (
    Action,
    Artifact,
    Ledger,
    ProofQuery,
    Role,
    Statement,
    import_ledger,
    open_ledger,
    restore_ledger,
)
from lineage.moving.checking import ExportReader
from lineage.moving.streams import opened_export
from lineage.proofs.tiles import ENTRIES, Tile
from lineage_api.app import create_app
from lineage_api.settings import Settings
from lineage_schemas.access import EVERY
from lineage_schemas.errors import ForbiddenError, StoreBehindError, UnauthenticatedError
from surface_client import problem, running

KEY = "acme:x"


def opened(path: Path, seed: str = "first") -> Ledger:
    path.parent.mkdir(exist_ok=True)
    return open_ledger(path, clock=FakeClock(), randomness=SeededRandomness(seed))


def said(name: str) -> Statement:
    return Statement(id=name, source="test", records=(Artifact(key=KEY),))


@pytest.fixture
def keys(tmp_path: Path) -> dict[str, str]:
    """Make a ledger with keys of four, a backup and an export; then revoke three of the keys."""
    with opened(tmp_path / "a" / "one.db") as ledger:
        ledger.record([said("1")])
        made = {}
        for name, role in (
            ("ida", Role.AUDITOR),
            ("ops", Role.OPERATOR),
            ("airflow", Role.INGEST),
            ("ada", Role.READER),
        ):
            ledger.access.grant(name, role, [EVERY])
            made[name], _ = ledger.access.make_key(name)
        ledger.moves.back_up(tmp_path / "backup.db")
        ledger.moves.export(tmp_path / "export.jsonl")
        for name in ("ida", "ops", "airflow"):
            ledger.access.revoke_api_key(made[name].split("_")[1])
    return made


def imported(export: Path, path: Path) -> None:
    path.parent.mkdir()
    with opened_export(export) as stream:
        import_ledger(
            ExportReader(stream), path, clock=FakeClock(), randomness=SeededRandomness("copy")
        )


def test_a_copy_begins_without_keys(tmp_path: Path, keys: dict[str, str]) -> None:
    imported(tmp_path / "export.jsonl", tmp_path / "b" / "copy.db")
    with opened(tmp_path / "b" / "copy.db", "second") as copy:
        for key in keys.values():
            with pytest.raises(UnauthenticatedError):
                copy.access.authenticate(key)
        views = copy.access.api_keys()
        assert not any(one.in_force for one in views)
        assert all(one.revoked_by is not None for one in views)
        fresh, view = copy.access.make_key("ada")
        assert copy.show(KEY, principal=copy.access.authenticate(fresh))[0].node.key == KEY
        assert ENDED not in view.reason
        check_ledger(copy)


def test_a_ledger_that_moved_keeps_its_keys(tmp_path: Path, keys: dict[str, str]) -> None:
    with opened(tmp_path / "a" / "one.db") as ledger:
        ledger.moves.export(tmp_path / "final.jsonl", final=True, to="elsewhere")
    (tmp_path / "b").mkdir()
    (tmp_path / "a" / "one.db.key").rename(tmp_path / "b" / "two.db.key")
    with opened_export(tmp_path / "final.jsonl") as stream:
        import_ledger(ExportReader(stream), tmp_path / "b" / "two.db", clock=FakeClock())
    with opened(tmp_path / "b" / "two.db", "second") as ledger:
        assert ledger.access.authenticate(keys["ada"]).name == "ada"
        with pytest.raises(UnauthenticatedError):
            ledger.access.authenticate(keys["airflow"])


def test_what_was_put_back_serves_the_local_principal_alone(
    tmp_path: Path, keys: dict[str, str]
) -> None:
    path = tmp_path / "a" / "one.db"
    assert restore_ledger(tmp_path / "backup.db", path, replace=True).fault
    with opened(path, "second") as ledger:
        assert ledger.show(KEY)[0].node.key == KEY
        # The log that was put back does not know that it was revoked.
        revoked = ledger.access.authenticate(keys["ida"])
        for ask in (
            lambda: ledger.show(KEY, principal=revoked),
            lambda: ledger.entries(principal=revoked),
            lambda: ledger.custody.tile(Tile(ENTRIES, 0, 1), principal=revoked),
            lambda: ledger.custody.last_checkpoint(principal=revoked),
        ):
            with pytest.raises(StoreBehindError):
                ask()
        with running(create_app(ledger, Settings(sign_in="required"))) as client:
            query = {"query": f'{{ artifact(key: "{KEY}") {{ known }} }}'}
            headers = bearer(keys["ada"]) | {"Content-Type": "application/json"}
            answer = client.send(
                "POST", "/graphql", content=json.dumps(query).encode(), headers=headers
            )
            assert answer.json()["errors"][0]["extensions"]["code"] == "STORE_BEHIND"
            bundle = client.send("GET", "/log/tile/entries/000.p/1", headers=bearer(keys["ida"]))
            problem(bundle, 503, "store_behind")


def test_no_door_of_it_is_open_to_a_key_whose_revocation_is_missing(
    tmp_path: Path, keys: dict[str, str]
) -> None:
    path, export, backup = (
        tmp_path / "a" / "one.db",
        tmp_path / "again.jsonl",
        tmp_path / "again.db",
    )
    restore_ledger(tmp_path / "backup.db", path, replace=True)
    with opened(path, "second") as ledger:
        ida, ops = (ledger.access.authenticate(keys[name]) for name in ("ida", "ops"))
        for ask in (
            lambda: ledger.show(KEY, principal=ida),
            lambda: ledger.head(principal=ida),
            lambda: ledger.audit(principal=ida),
            lambda: ledger.prove(ProofQuery(target=0), principal=ida),
            lambda: ledger.rebuild(principal=ops),
            lambda: ledger.custody.checkpoint(principal=ida),
            lambda: ledger.custody.last_checkpoint(principal=ida),
            lambda: ledger.custody.keys(principal=ida),
            lambda: ledger.custody.prove_handover(principal=ida),
            lambda: ledger.moves.export(export, principal=ida),
            lambda: ledger.moves.back_up(backup, principal=ops),
            lambda: ledger.access.log(principal=ida),
            lambda: ledger.access.check(ida, Action.AUDIT),
            lambda: ledger.access.allowed(ida, Action.READ, EVERY),
        ):
            with pytest.raises(StoreBehindError, match="answers nobody who signs in") as refused:
                ask()
            assert not any(letter.isdigit() for letter in str(refused.value))
        assert not export.exists()
        assert not backup.exists()


def test_an_operator_is_told_that_it_was_put_back(tmp_path: Path, keys: dict[str, str]) -> None:
    path = tmp_path / "a" / "one.db"
    restore_ledger(tmp_path / "backup.db", path, replace=True)
    with opened(path, "second") as ledger:
        with pytest.raises(ForbiddenError):
            ledger.custody.state(principal=ledger.access.authenticate(keys["ida"]))
        with running(create_app(ledger, Settings(sign_in="required"))) as client:
            metrics = client.send("GET", "/metrics", headers=bearer(keys["ops"])).text
            assert 'lineage_sidecar_state{lineage_sidecar_state="fault"} 1.0' in metrics
            ready = client.send("GET", "/readyz", headers=bearer(keys["ops"]))
            problem(ready, 503, "store_behind")
            assert ledger.origin not in ready.text
            for name in ("ida", "airflow"):
                unready = client.send("GET", "/readyz", headers=bearer(keys[name]))
                problem(unready, 503, "not_ready")
                refused = client.send("GET", "/metrics", headers=bearer(keys[name]))
                problem(refused, 403, "forbidden")


def test_after_a_loss_every_key_is_made_anew(tmp_path: Path, keys: dict[str, str]) -> None:
    path = tmp_path / "a" / "one.db"
    restore_ledger(tmp_path / "backup.db", path, replace=True)
    with opened(path, "second") as ledger:
        assert ledger.recovery is not None
        assert ledger.access.authenticate(keys["airflow"]).name == "airflow"
        ledger.recovery.declare_loss("the disk failed")
        for key in keys.values():
            with pytest.raises(UnauthenticatedError):
                ledger.access.authenticate(key)
        fresh, _ = ledger.access.make_key("ada")
        assert ledger.show(KEY, principal=ledger.access.authenticate(fresh))[0].node.key == KEY
        check_ledger(ledger)


def test_there_may_be_many_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lineage.access.ending._KEYS_A_BATCH", 2)
    with opened(tmp_path / "a" / "one.db") as ledger:
        made = [ledger.access.make_key(f"robot {number}")[0] for number in range(5)]
        ledger.moves.export(tmp_path / "export.jsonl")
    imported(tmp_path / "export.jsonl", tmp_path / "b" / "copy.db")
    with opened(tmp_path / "b" / "copy.db", "second") as copy:
        assert not any(one.in_force for one in copy.access.api_keys())
        assert len(copy.access.api_keys()) == len(made)
        check_ledger(copy)
