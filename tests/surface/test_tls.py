"""A real server that speaks TLS and asks who calls, driven by httpx and by curl."""

import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

import tokens
from certificates import Certified, certify
from issuers import IssuerDouble, issuing
from lineage.clock import system_clock
from lineage.ledger import open_ledger
from lineage_api.settings import Settings
from lineage_api.tls import tls_context
from lineage_schemas.access import Role
from lineage_schemas.errors import InvalidInputError
from tokens import claims, ec_key

WAIT_SECONDS = 60
STATEMENT = (
    b'{"id": "s1", "source": "test", "records": [{"record": "artifact", "key": "mytool:x"}]}'
)


def now() -> datetime:
    """Return the time of day, which certificates and tokens of a real server need."""
    return datetime.fromtimestamp(system_clock() / 1_000_000, UTC)


@pytest.fixture
def certified(tmp_path: Path) -> Certified:
    return certify(tmp_path, now())


@pytest.fixture
def issuer(monkeypatch: pytest.MonkeyPatch) -> Iterator[IssuerDouble]:
    with issuing(monkeypatch) as server:
        server.keys = {"k1": ec_key()}
        yield server


class Served(NamedTuple):
    """A running server: its URL, and a token that it believes."""

    url: str
    token: str
    process: subprocess.Popen[str]


@contextmanager
def server(folder: Path, issuer: IssuerDouble, certified: Certified) -> Iterator[Served]:
    """Run `lineage serve` in a process of its own."""
    trusted = {"issuer": issuer.name, "audiences": ["ledger"], "algorithms": ["ES256"]}
    with open_ledger(folder / "ledger.db") as ledger:
        ledger.access.grant(f"{issuer.name}#ada", Role.READER, ["default"])
    environ = os.environ | {
        "LINEAGE_SIGN_IN": "required",
        "LINEAGE_TLS_CERTIFICATE": str(certified.certificate),
        "LINEAGE_TLS_KEY": str(certified.key),
        "LINEAGE_ISSUERS": json.dumps([trusted]),
        "PYTHONUNBUFFERED": "1",
    }
    command = [sys.executable, "-m", "lineage_api", "serve", "--port", "0", "--store", "ledger.db"]
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            url = line.split()[3] if line else ""
            seconds = int(now().timestamp())
            said = claims(iss=issuer.name, iat=seconds, exp=seconds + 600)
            yield Served(url, tokens.token(ec_key(), said, alg="ES256"), process)
        finally:
            process.kill()


def test_it_speaks_tls_to_whoever_signs_in_and_writes_no_token_down(
    tmp_path: Path, issuer: IssuerDouble, certified: Certified
) -> None:
    with server(tmp_path, issuer, certified) as served:
        assert served.url.startswith("https://127.0.0.1:")
        trusting = ssl.create_default_context(cafile=str(certified.certificate))
        with httpx.Client(base_url=served.url, verify=trusting, trust_env=False) as client:
            assert client.get("/healthz").json() == {"status": "alive"}
            assert client.get("/readyz").json() == {"status": "ready"}
            assert client.get("/").status_code == 401
            headers = {"Authorization": f"Bearer {served.token}"}
            assert client.get("/", headers=headers).status_code == 200
            forged = {"X-Forwarded-For": "127.0.0.1", "Forwarded": "for=127.0.0.1"}
            assert client.get("/", headers=forged).status_code == 401
        with pytest.raises(httpx.TransportError):
            httpx.get(served.url, trust_env=False)
        with pytest.raises(httpx.TransportError):
            httpx.get(served.url.replace("https", "http"), trust_env=False)
        served.process.send_signal(signal.SIGTERM)
        out, err = served.process.communicate(timeout=WAIT_SECONDS)
        assert served.process.returncode == 0, err
    stored = [one.read_bytes() for one in tmp_path.iterdir()]
    written = [out.encode(), err.encode(), *stored]
    assert [one for one in written if served.token.rpartition(".")[2].encode() in one] == []


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not on this machine")
def test_curl_is_let_in_with_a_token(
    tmp_path: Path, issuer: IssuerDouble, certified: Certified
) -> None:
    def curl(*words: str) -> tuple[int, str]:
        command = ["curl", "--silent", "--max-time", "30", "--cacert", str(certified.certificate)]
        command += ["--noproxy", "*", "--write-out", "\n%{http_code}", *words]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        body, _, status = done.stdout.rpartition("\n")
        return int(status), body

    with server(tmp_path, issuer, certified) as served:
        status, body = curl(served.url)
        assert (status, json.loads(body)["code"]) == (401, "unauthenticated")
        status, body = curl("--oauth2-bearer", served.token, f"{served.url}/healthz")
        assert status == 200
        status, _ = curl("--oauth2-bearer", served.token, served.url)
        assert status == 200
        status, body = curl("--user", "ada:word", served.url)
        assert (status, json.loads(body)["code"]) == (401, "unauthenticated")


def test_old_versions_of_tls_are_not_spoken(certified: Certified) -> None:
    files = {"tls_certificate": str(certified.certificate), "tls_key": str(certified.key)}
    context = tls_context(Settings(**files))  # type: ignore[arg-type]
    assert context is not None
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert tls_context(Settings()) is None


@pytest.mark.parametrize("spoil", ["certificate", "key", "swap", "empty", "password", "other"])
def test_files_that_cannot_be_used_are_told_at_the_start(
    tmp_path: Path, certified: Certified, spoil: str
) -> None:
    certificate, key = certified
    match spoil:
        case "certificate":
            certificate.unlink()
        case "key":
            key.unlink()
        case "swap":
            certificate, key = key, certificate
        case "empty":
            certificate.write_bytes(b"")
        case "password":
            certified = certify(tmp_path, now(), b"a pass phrase")
        case _:
            (tmp_path / "other").mkdir()
            key = certify(tmp_path / "other", now()).key
    settings = Settings(tls_certificate=str(certificate), tls_key=str(key))
    with pytest.raises(InvalidInputError, match="certificate cannot be used") as caught:
        tls_context(settings)
    assert str(key) in caught.value.where
