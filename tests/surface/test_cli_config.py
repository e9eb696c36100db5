"""``lineage config``, and the file of settings for every command."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from lineage_api.cli.main import cli
from lineage_api.settings import Settings
from terminal import MODEL, Terminal

PLANTED = "planted-secret-word"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "lineage.toml"
    path.write_text(
        f'store = "{tmp_path}/here.db"\nport = 9\n[anchor]\nwebhook = "https://e.org/{PLANTED}"\n',
        encoding="utf-8",
    )
    return path


def settings_of(*arguments: str, **environ: str) -> dict[str, tuple[object, str]]:
    result = CliRunner().invoke(cli, [*arguments, "--format", "json"], env=environ)
    assert result.exit_code == 0, result.output
    assert PLANTED not in result.output
    return {one["name"]: (one["value"], one["came_from"]) for one in json.loads(result.stdout)}


def test_it_prints_what_is_in_force_and_where_it_came_from(config: Path) -> None:
    found = settings_of("config", "--config", str(config), LINEAGE_HOST="::1")
    assert found["port"] == (9, f"{config}: port")
    assert found["host"] == ("::1", "LINEAGE_HOST")
    assert found["stop_seconds"] == (10, "default")
    assert found["anchor_webhook"] == ("(not shown)", f"{config}: anchor_webhook")


def test_the_file_is_named_before_the_command_after_it_or_by_the_environment(
    config: Path,
) -> None:
    expected = settings_of("config", "--config", str(config))
    assert settings_of("--config", str(config), "config") == expected
    assert settings_of("config", LINEAGE_CONFIG=str(config)) == expected


def test_a_person_reads_rows(config: Path) -> None:
    result = CliRunner().invoke(cli, ["config", "--config", str(config)])
    assert f"port\t9\t{config}: port" in result.stdout.splitlines()


def test_what_cannot_be_is_told_as_a_server_would() -> None:
    result = CliRunner().invoke(cli, ["config"], env={"LINEAGE_PROT": "9"})
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Did you mean port?" in result.stderr


def test_every_command_finds_its_ledger_in_the_file(tmp_path: Path, config: Path) -> None:
    terminal = Terminal(tmp_path / "here.db")
    terminal.tell()
    terminal.environment = {"LINEAGE_CONFIG": str(config)}
    assert MODEL in terminal.done("show", MODEL)
    other = terminal.run("show", MODEL, "--store", str(tmp_path / "none.db"))
    assert (other.exit_code, "none.db" in other.stderr) == (3, True)
    terminal.environment |= {"LINEAGE_STORE": str(tmp_path / "none.db")}
    assert terminal.run("show", MODEL).exit_code == 3


def test_a_misspelt_sidecar_stops_a_command(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path / "here.db")
    terminal.tell()
    terminal.environment |= {"LINEAGE_SIDECARS": str(tmp_path / "elsewhere")}
    result = terminal.run("show", MODEL)
    assert (result.exit_code, "Did you mean sidecar" in result.stderr) == (2, True)


def test_it_says_what_every_setting_means() -> None:
    """Also where the settings cannot be read: that is when somebody asks."""
    result = CliRunner().invoke(cli, ["config", "--reference"], env={"LINEAGE_PROT": "9"})
    lines = result.stdout.splitlines()
    assert [line for line in lines if "`LINEAGE_PORT`" in line and "8470" in line] != []
    assert len(lines) == 2 + len(Settings.__struct_fields__)


def test_any_setting_may_be_said_on_the_command_line() -> None:
    found = settings_of(
        "config", "--set", "stop-seconds=3", "--set", "log_format=json", LINEAGE_STOP_SECONDS="4"
    )
    assert found["stop_seconds"] == (3, "--stop-seconds")
    assert found["log_format"] == ("json", "--log-format")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (["prot=1"], "Did you mean port?"),
        (["port"], "NAME=VALUE"),
        (["port=1", "port=2"], "twice"),
        (["port=many"], "from 0 to 65,535"),
        (["log_level=loud"], "log_level"),
        ([f"anchor_webhook_secret={PLANTED}"], "read a secret"),
    ],
)
def test_what_is_said_wrong_there_is_told(said: list[str], told: str) -> None:
    words = [word for one in said for word in ("--set", one)]
    result = CliRunner().invoke(cli, ["config", *words])
    assert (result.exit_code, result.stdout) == (2, "")
    assert told in result.stderr
    assert PLANTED not in result.stderr
