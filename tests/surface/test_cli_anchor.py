"""Handing the checkpoint out from the terminal: to a folder, a webhook, a timestamp authority."""

from pathlib import Path

import pytest

from authority import Authority, make_authority
from receivers import SECRET_TEXT, receiving, signature_holds
from surface_client import dig
from terminal import RUN, Terminal, more


def test_a_folder_gets_the_checkpoint_and_it_is_remembered(
    terminal: Terminal, tmp_path: Path
) -> None:
    folder = tmp_path / "archive"
    folder.mkdir()
    printed = terminal.done("anchor", "--directory", str(folder))
    size = terminal.size()
    assert printed.startswith(f"anchored  size {size}, directory:{folder}, 2026-01-01T")
    (file,) = folder.rglob("*.checkpoint")
    assert file.read_text() == terminal.done("checkpoint", "--no-sign")
    assert (
        f"anchored  up to size {size}, by directory:{folder}" in terminal.run("checkpoint").stderr
    )
    terminal.tell(more(1))
    assert dig(terminal.answer("checkpoint"), "anchored_size") == size
    assert dig(terminal.answer("anchor", "--directory", str(folder)), "size") == size + 1


def test_a_folder_that_is_not_there_is_not_made(terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for name in ("nowhere", "file"):
        result = terminal.run("anchor", "--directory", str(tmp_path / name))
        assert (result.exit_code, name in result.stderr) == (2, True)
    assert not (tmp_path / "nowhere").exists()
    assert dig(terminal.answer("checkpoint"), "anchored_size") is None


def test_a_second_history_in_the_folder_is_told(terminal: Terminal, tmp_path: Path) -> None:
    terminal.done("anchor", "--directory", str(tmp_path))
    (file,) = tmp_path.rglob("*.checkpoint")
    note = file.read_text().split("\n")
    file.chmod(0o600)
    file.write_text("\n".join([*note[:2], f"{'A' * 43}=", *note[3:]]))
    result = terminal.run("anchor", "--directory", str(tmp_path))
    assert result.exit_code == 3
    assert "two histories" in result.stderr


def test_a_webhook_gets_the_checkpoint_signed(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = tmp_path / "secret"
    secret.write_text(f"{SECRET_TEXT}\n")
    with receiving(monkeypatch) as receiver:
        url = f"http://user:word@{receiver.host}/hook?token=abc"
        result = terminal.run("anchor", "--webhook", url, "--secret-file", str(secret))
        assert result.exit_code == 0, result.output
        (seen,) = receiver.seen
    assert seen.body.decode() == terminal.done("checkpoint", "--no-sign")
    assert signature_holds(seen)
    assert f"webhook:http://{receiver.host}," in result.stdout
    kept = Path(f"{terminal.store}.sidecar").read_text() + result.output
    assert [word for word in ("token=abc", "word@", SECRET_TEXT) if word in kept] == []


def test_a_webhook_that_refuses_is_told_and_not_remembered(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    with receiving(monkeypatch) as receiver:
        receiver.status = 500
        result = terminal.run("anchor", "--webhook", f"http://{receiver.host}/hook?token=abc")
    assert result.exit_code == 2
    assert "answered with status 500" in result.stderr
    assert "token" not in result.output
    assert dig(terminal.answer("checkpoint"), "anchored_size") is None


def test_a_secret_that_is_none_is_not_repeated(terminal: Terminal) -> None:
    terminal.environment["LINEAGE_ANCHOR_WEBHOOK_SECRET"] = "my-secret-word"
    result = terminal.run("anchor", "--webhook", "http://127.0.0.1:9/hook")
    assert result.exit_code == 2
    assert "my-secret-word" not in result.output


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--directory", "a", "--webhook", "http://127.0.0.1/"),
        ("--timestamp-response", "a"),
        ("--directory", "a", "--secret-file", "b"),
        ("--webhook", "ftp://example.org"),
    ],
    ids=" ".join,
)
def test_one_way_must_be_chosen(terminal: Terminal, arguments: tuple[str, ...]) -> None:
    assert terminal.run("anchor", *arguments).exit_code == 2


# --- timestamps ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("authority") / "good")


def stamped(authority: Authority, query: Path, answer: Path) -> None:
    """Let the authority answer a query."""
    answer.write_bytes(authority.answer(query.read_bytes()))


def test_a_timestamp_is_of_the_checkpoint_that_was_asked_about(
    terminal: Terminal, authority: Authority, tmp_path: Path
) -> None:
    query, answer, roots = (
        tmp_path / "a.tsq",
        tmp_path / "a.tsr",
        str(authority.folder / "root.pem"),
    )
    terminal.done("anchor", "--timestamp-query", str(query))
    size = terminal.size()
    asked = tmp_path / "a.tsq.checkpoint"
    assert asked.read_text() == terminal.done("checkpoint", "--no-sign")
    assert terminal.run("anchor", "--timestamp-query", str(query)).exit_code == 2
    stamped(authority, query, answer)
    terminal.tell(more(1))
    result = terminal.run(
        *("anchor", "--timestamp-response", str(answer), "--timestamp-roots", roots),
        *("--name", "example authority"),
    )
    assert result.exit_code == 0, result.output
    assert f"anchored  size {size}, timestamp:example authority" in result.stdout
    assert "CN=Stamp" in result.stderr
    assert dig(terminal.answer("checkpoint"), "anchored_size") == size
    verified = terminal.done(
        *("verify", str(asked), "--key", terminal.verifier()),
        *("--timestamp", str(answer), "--timestamp-roots", roots),
    )
    assert "CN=Stamp" in verified


def test_a_timestamp_of_another_checkpoint_is_refused(
    terminal: Terminal, authority: Authority, tmp_path: Path
) -> None:
    query, answer, roots = (
        tmp_path / "a.tsq",
        tmp_path / "a.tsr",
        str(authority.folder / "root.pem"),
    )
    terminal.done("anchor", "--timestamp-query", str(query))
    stamped(authority, query, answer)
    terminal.tell(more(1))
    other = tmp_path / "other"
    other.write_bytes(terminal.run("checkpoint").stdout_bytes)
    response = ("--timestamp-response", str(answer), "--timestamp-roots", roots)
    result = terminal.run("anchor", *response, "--timestamp-checkpoint", str(other))
    assert result.exit_code == 1
    assert "another message" in result.stderr
    stamp = ("--timestamp", str(answer), "--timestamp-roots", roots)
    key = ("--key", terminal.verifier())
    assert terminal.run("verify", str(other), *key, *stamp).exit_code == 1
    assert terminal.run("verify", str(other), str(other), *key, *stamp).exit_code == 2
    assert terminal.run("verify", str(other), *key, *stamp[:2]).exit_code == 2
    proof = terminal.done("prove", RUN)
    assert terminal.run("verify", "-", *key, *stamp, given=proof).exit_code == 2
    (tmp_path / "a.tsq.checkpoint").unlink()
    missing = terminal.run("anchor", *response)
    assert missing.exit_code == 2
    assert "--timestamp-checkpoint" in missing.stderr
