"""Who may do what, from the terminal."""

import re
from pathlib import Path

import pytest

from lineage.access.inquiry import Inquiry, inquiring
from lineage.ledger import Principal
from lineage_schemas.errors import ForbiddenError, NotFoundError
from surface_client import dig
from terminal import Terminal, parsed


def test_a_grant_is_made_listed_and_revoked(terminal: Terminal) -> None:
    made = terminal.done(
        "access", "grant", "ada", "ingest", "--namespace", "default", "--source", "ci"
    )
    position, *cells = made.rstrip("\n").split("\t")
    assert cells[:4] == ["ada", "ingest", "in default for ci", "in force"]
    assert cells[4].startswith("granted by local at 2026-01-01T")
    assert terminal.done("access", "list") == made
    size = str(terminal.size())
    revoked = terminal.done("access", "revoke", position, "--reason", "left")
    assert f"\trevoked by position {size}\t" in revoked
    assert terminal.done("access", "list") == revoked
    assert terminal.done("access", "list", "--as-of", size) == made
    assert terminal.run("access", "revoke", position).exit_code == 2


def test_who_may_and_who_could(terminal: Terminal) -> None:
    before = str(terminal.size())
    terminal.done("access", "grant", "ada", "reader", "--namespace", "*")
    terminal.done("access", "grant", "group:g", "auditor", "--namespace", "default")
    terminal.done("access", "grant", "bob", "reader", "--namespace", "elsewhere")

    def names(*options: str) -> list[str]:
        lines = terminal.done("access", "who", "read", *options).splitlines()
        return [line.split("\t")[1] for line in lines]

    assert names("--namespace", "default") == ["ada", "group:g"]
    assert names("--namespace", "elsewhere") == ["ada", "bob"]
    assert names() == ["ada"]
    assert names("--as-of", before) == []
    assert dig(terminal.answer("access", "who", "read"), 0, "grantee") == "ada"


def test_a_key_is_printed_once(terminal: Terminal) -> None:
    terminal.done("access", "grant", "ada", "reader", "--namespace", "*")
    secret = terminal.done(
        "access", "key", "make", "ada", "--role", "reader", "--expires", "2027-01-01T00:00:00Z"
    ).strip()
    assert re.fullmatch(r"llk_[0-9a-f]{16}_[0-9a-f]{64}", secret)
    listed = terminal.done("access", "key", "list")
    key = secret.split("_")[1]
    assert listed.split("\t")[:4] == [key, "ada", "reader", "everywhere"]
    assert "in force until 2027-01-01T00:00:00.000000Z" in listed
    assert secret.split("_")[2] not in listed
    with terminal.open() as ledger:
        assert ledger.access.authenticate(secret).name == "ada"
    assert "revoked by position" in terminal.done("access", "key", "revoke", key)
    assert terminal.run("access", "key", "revoke", "0" * 16).exit_code == 1


def test_a_key_that_the_settings_revoke_opens_nothing(terminal: Terminal, tmp_path: Path) -> None:
    terminal.done("access", "grant", "ada", "auditor", "--namespace", "*")
    secret = terminal.done("access", "key", "make", "ada").strip()
    unknown = f"llk_{'0' * 16}_{'0' * 64}"
    for name, text in (("ada.key", secret), ("unknown.key", unknown)):
        (tmp_path / name).write_text(text)
    export = str(tmp_path / "export.jsonl")
    terminal.environment["LINEAGE_REVOKED_KEYS"] = "1" * 16
    terminal.done("export", str(tmp_path / "before.jsonl"), "--api-key", str(tmp_path / "ada.key"))
    terminal.environment["LINEAGE_REVOKED_KEYS"] = secret.split("_")[1]
    refused, known = (
        terminal.run("export", export, "--api-key", str(tmp_path / name))
        for name in ("ada.key", "unknown.key")
    )
    assert refused.exit_code == known.exit_code != 0
    assert refused.stderr == known.stderr
    assert "opens nothing here" in refused.stderr
    # The whole of a key in the place of its id would revoke nothing.
    terminal.environment["LINEAGE_REVOKED_KEYS"] = secret
    wrong = terminal.run("export", export, "--api-key", str(tmp_path / "ada.key"))
    assert wrong.exit_code != 0
    assert "revoked_keys[0]" in wrong.stderr
    assert secret not in wrong.stderr
    assert not Path(export).exists()


def test_a_key_as_json_has_its_secret_beside_its_view(terminal: Terminal) -> None:
    answer = terminal.answer("access", "key", "make", "robot")
    assert str(dig(answer, "secret")).split("_")[1] == dig(answer, "view", "key")


def test_what_cannot_be_granted_says_why(terminal: Terminal) -> None:
    assert terminal.run("access", "grant", "ada", "king", "--namespace", "*").exit_code == 2
    assert terminal.run("access", "grant", "ada", "reader").exit_code == 2
    terminal.done("access", "grant", "ada", "ingest", "--namespace", "*")
    refused = terminal.run("access", "grant", "ada", "approver", "--namespace", "default")
    assert refused.exit_code == 2
    assert "Who has the role ingest cannot have approver" in refused.stderr
    bad = terminal.run("access", "grant", "ada", "reader", "--namespace", "*", "--expires", "soon")
    assert bad.exit_code == 2
    assert "RFC 3339" in bad.stderr


def test_the_access_log_is_listed_and_audited(terminal: Terminal) -> None:
    terminal.done("access", "grant", "ada", "auditor", "--namespace", "*")
    assert terminal.done("access", "log") == ""
    with terminal.open() as ledger, inquiring(Inquiry(door="http", purpose="case 7")):
        size = ledger.head().size
        ledger.types(principal=Principal("ada"))
        with pytest.raises(ForbiddenError):
            ledger.types(principal=Principal("eve"))
    rows = [line.split("\t") for line in terminal.done("access", "log").splitlines()]
    assert [row[2:4] for row in rows] == [["ada", "http"], ["eve", "http"]]
    assert rows[0][4] == "types in default"
    assert rows[0][6:] == [f"of size {size}", "case 7"]
    assert rows[1][4:6] == ["read in default", "refused 1 time"]
    assert (
        dig(parsed(terminal.done("access", "log", "--limit", "1", "--format", "json")), 0, "who")
        == "ada"
    )
    with terminal.open() as ledger, pytest.raises(NotFoundError):
        ledger.list_nodes("No.Such", principal=Principal("ada"))
    (row,) = [line.split("\t") for line in terminal.done("access", "log").splitlines()[2:]]
    assert row[2:] == ["ada", "python", "list in default", "answered not_found", row[6], ""]
    last = parsed(terminal.done("access", "log", "--start", rows[1][0], "--format", "json"))
    assert dig(last, 0, "access", "denied") == 1
    beside = Terminal(terminal.store.with_name(f"{terminal.store.name}.access"))
    assert beside.run("audit").exit_code == 0


def test_a_ledger_is_made_by_its_first_grant(terminal: Terminal) -> None:
    fresh = Terminal(terminal.store.parent / "fresh.db")
    assert "in force" in fresh.done("access", "grant", "ada", "reader", "--namespace", "*")
    assert fresh.run("audit").exit_code == 0
