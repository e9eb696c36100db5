"""A PostgreSQL server of a test's own, that may be killed, restarted, and given too little room."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg
import pytest

from leftovers import CLUSTER_PREFIX, own_folder
from server_programs import OWNER, as_owner, find_programs, hand_over

_SETTINGS: Final = """
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = ''
max_connections = 40
max_prepared_transactions = 2
shared_buffers = 16MB
"""


class Cluster:
    """A server in a folder, on a port of loopback."""

    def __init__(self, programs: Path, folder: Path, port: int) -> None:
        self._programs = programs
        self._folder = folder
        self._port = port
        self._run("initdb", "--auth=trust", f"--username={OWNER}", "--no-sync")
        settings = folder / "postgresql.conf"
        settings.write_text(settings.read_text() + _SETTINGS.format(port=port))

    def url(self, schema: str, *, user: str = OWNER, database: str = "postgres") -> str:
        """Return the URL of a schema."""
        return f"postgresql://{user}@127.0.0.1:{self._port}/{database}?schema={schema}"

    def session(self, database: str = "postgres") -> psycopg.Connection:
        """Open a session of the server's owner."""
        return psycopg.connect(host="127.0.0.1", port=self._port, user=OWNER, dbname=database)

    def run(self, *statements: str) -> None:
        """Say something to the server behind everybody's back."""
        with psycopg.connect(
            host="127.0.0.1", port=self._port, user=OWNER, dbname="postgres", autocommit=True
        ) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def start(self) -> None:
        """Start it, and wait until it answers."""
        log = self._folder / "server.log"
        self._run("pg_ctl", "start", "--wait", f"--log={log}")

    def stop(self, mode: str = "immediate") -> None:
        """Stop it: ``fast`` ends sessions first, ``immediate`` is as good as a crash."""
        self._run("pg_ctl", "stop", "--wait", f"--mode={mode}")

    def kill(self) -> None:
        """Kill its first process, as when memory runs out; the others end by themselves."""
        pid = int((self._folder / "postmaster.pid").read_text().splitlines()[0])
        os.kill(pid, signal.SIGKILL)

    def files_with(self, text: bytes) -> list[str]:
        """Return the files of tables and indexes that hold these bytes, once all is written out."""
        self.run("CHECKPOINT")
        files = [one for one in (self._folder / "base").rglob("*") if one.is_file()]
        return [one.name for one in files if text in one.read_bytes()]

    @property
    def is_up(self) -> bool:
        """Tell whether it answers."""
        return self._call("pg_ctl", "status").returncode == 0

    def _run(self, program: str, *arguments: str) -> None:
        done = self._call(program, *arguments)
        assert done.returncode == 0, done.stdout + done.stderr

    def _call(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(self._programs / program), f"--pgdata={self._folder}", *arguments]
        # What a server that stays behind holds open must not be waited for.
        with tempfile.TemporaryFile("w+") as output:
            done = subprocess.run(
                as_owner(command), stdout=output, stderr=output, check=False, cwd="/"
            )
            output.seek(0)
            return subprocess.CompletedProcess(command, done.returncode, output.read(), "")


@contextmanager
def cluster() -> Iterator[Cluster]:
    """Make a server and start it; stop it and remove it all afterwards.

    Skips where its programs are not installed, except in CI.
    """
    programs = _programs()
    folder = own_folder(CLUSTER_PREFIX)
    try:
        hand_over(folder)
        made = Cluster(programs, folder, free_port())
        made.start()
        try:
            yield made
        finally:
            if made.is_up:
                made.stop()
    finally:
        shutil.rmtree(folder)


def _programs() -> Path:
    folder = find_programs()
    if folder is not None:
        return folder
    reason = "the programs of a PostgreSQL server (initdb, pg_ctl) are not installed"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
