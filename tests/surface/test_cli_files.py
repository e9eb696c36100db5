"""What a command says of a file that cannot be read or written: in words, with what to try."""

from pathlib import Path

import pytest

from lineage_api.cli.failures import told
from terminal import AT, Terminal


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nowhere", "There is no such file or folder"),
        ("folder", "This is a folder, and a file is wanted"),
        ("file/inside", "A part of this path is a file, and no folder"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_in_words(
    terminal: Terminal, tmp_path: Path, name: str, said: str
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    path = tmp_path / name
    result = terminal.run("verify", str(path), "--key", terminal.verifier())
    assert result.exit_code == 2
    assert result.stderr.startswith(f"Error: {said} ({path}). ")
    assert "Errno" not in result.stderr


def test_what_the_machine_says_is_said_where_we_have_no_words() -> None:
    message = "Input/output error"
    with (
        pytest.raises(Exception, match=r"^This cannot be read or written: Input/output error"),
        told(),
    ):
        raise OSError(5, message)


def test_a_file_that_cannot_be_made_is_told_in_words(terminal: Terminal, tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "a.proof"
    result = terminal.run("prove", str(AT), "--output", str(path))
    assert result.exit_code == 2
    assert f"There is no such file or folder ({path}). " in result.stderr
