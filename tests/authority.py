"""A timestamp authority of our own, which openssl runs in a folder."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

SETTINGS = """
[req]
distinguished_name = names
prompt = no
[names]
CN = unused
[root]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
[stamp]
basicConstraints = CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
[authority]
serial = ./serial
crypto_device = builtin
signer_cert = ./stamp.pem
signer_key = ./stamp.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512
ess_cert_id_alg = sha256
"""


class Authority:
    """An authority of our own in a folder, run by openssl."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        (folder / "settings").write_text(SETTINGS)
        (folder / "serial").write_text("2A\n")
        curve = "ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
        self.run(
            f"req -x509 -newkey {curve} -keyout root.key -out root.pem -days 3650 "
            "-subj /CN=Root -config settings -extensions root"
        )
        self.run(
            f"req -newkey {curve} -keyout stamp.key -out stamp.csr "
            "-subj /O=Example/CN=Stamp -config settings"
        )
        self.run(
            "x509 -req -in stamp.csr -CA root.pem -CAkey root.key -set_serial 5 -out stamp.pem "
            "-days 3650 -extfile settings -extensions stamp"
        )

    @property
    def roots(self) -> bytes:
        """Return the certificate that its answers lead to."""
        return (self.folder / "root.pem").read_bytes()

    def answer(self, query: bytes) -> bytes:
        """Return the answer to a query, which may be a refusal."""
        (self.folder / "query").write_bytes(query)
        self.run("ts -reply -queryfile query -out reply -config settings -section authority")
        return (self.folder / "reply").read_bytes()

    def said(self, token: bytes) -> str:
        """Return what openssl reads in a token."""
        (self.folder / "token").write_bytes(token)
        return self.run("ts -reply -in token -text")

    def query(self, note: bytes, options: str) -> bytes:
        """Return a query for a note that openssl made."""
        (self.folder / "note").write_bytes(note)
        self.run(f"ts -query -data note -out made {options}")
        return (self.folder / "made").read_bytes()

    def run(self, command: str) -> str:
        """Run openssl in the folder, and return what it printed."""
        done = subprocess.run(
            ["openssl", *command.split()],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout


def make_authority(folder: Path) -> Authority:
    """Make an authority; skip the test where there is nothing to make or read its answers with."""
    pytest.importorskip("rfc3161_client", reason="the extra timestamps is not installed")
    if shutil.which("openssl") is None:
        pytest.skip("openssl, which makes the tokens, is not on this machine")
    return Authority(folder)
