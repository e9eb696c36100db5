"""Timestamps are held to tokens that another program, openssl, made and refused to make."""

import builtins
import re
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from authority import Authority, make_authority
from lineage.anchoring.timestamps import (
    TOKEN_BYTES_MAX,
    Timestamp,
    timestamp_query,
    verify_timestamp,
)
from lineage_schemas.errors import InvalidInputError, LedgerError, ProofError

NOTE = b"example.org/ledger\n3\nq83v\n\n\xe2\x80\x94 example.org/ledger AbCd\n"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("authority") / "good")


@pytest.fixture(scope="module")
def token(authority: Authority) -> bytes:
    return authority.answer(timestamp_query(NOTE))


def refusal(token: bytes, note: bytes, roots: bytes) -> ProofError:
    with pytest.raises(ProofError) as caught:
        verify_timestamp(token, note, roots)
    assert str(caught.value).isprintable()
    return caught.value


def test_the_query_is_what_openssl_reads(authority: Authority) -> None:
    (authority.folder / "ours").write_bytes(timestamp_query(NOTE))
    said = authority.run("ts -query -in ours -text")
    dumped = "".join(re.findall(r"(?m)^ +\d{4} - ((?:[0-9a-f]{2}[ -])+)", said))
    assert re.sub("[ -]", "", dumped) == sha256(NOTE).hexdigest()
    assert "Hash Algorithm: sha256" in said
    assert "Certificate required: yes" in said
    assert re.search(r"Nonce: 0x[0-9A-F]{10}", said)
    assert timestamp_query(NOTE) != timestamp_query(NOTE)


def test_a_good_token_says_when_and_by_whom(authority: Authority, token: bytes) -> None:
    said = authority.said(token)
    stated = re.search(r"Time stamp: (\w+ +\d+ \d+:\d+:\d+)(?:\.\d+)? (\d+) GMT", said)
    serial = re.search(r"Serial number: 0x([0-9A-F]+)", said)
    assert stated is not None
    assert serial is not None
    when = datetime.strptime(" ".join(stated.groups()), "%b %d %H:%M:%S %Y").replace(tzinfo=UTC)
    assert verify_timestamp(token, NOTE, authority.roots) == Timestamp(
        at_us=int(when.timestamp()) * 1_000_000,
        serial=int(serial[1], 16),
        policy="1.2.3.4.1",
        authority="CN=Stamp,O=Example",
    )


@pytest.mark.parametrize("digest", ["sha384", "sha512"])
def test_a_token_over_another_digest_is_good_too(authority: Authority, digest: str) -> None:
    token = authority.answer(authority.query(NOTE, f"-{digest} -cert"))
    assert verify_timestamp(token, NOTE, authority.roots).policy == "1.2.3.4.1"


def test_one_of_several_roots_may_be_the_right_one(
    authority: Authority, token: bytes, tmp_path: Path
) -> None:
    other = Authority(tmp_path / "other")
    assert verify_timestamp(token, NOTE, other.roots + authority.roots).authority


def test_a_token_over_another_note_is_told(authority: Authority, token: bytes) -> None:
    for note in (NOTE + b"\n", NOTE[:-1], b""):
        assert "another message" in refusal(token, note, authority.roots).what


def test_an_untrusted_root_is_told(authority: Authority, token: bytes, tmp_path: Path) -> None:
    other = Authority(tmp_path / "other")
    assert "trusted roots" in refusal(token, NOTE, other.roots).what
    forged = other.answer(timestamp_query(NOTE))
    assert "trusted roots" in refusal(forged, NOTE, authority.roots).what


def test_a_changed_digest_breaks_the_signature(authority: Authority, token: bytes) -> None:
    other = NOTE + b"more"
    forged = token.replace(sha256(NOTE).digest(), sha256(other).digest())
    assert "signature" in refusal(forged, other, authority.roots).what


def test_a_changed_signature_is_told(authority: Authority, token: bytes) -> None:
    # The signature is the last thing in a token without unsigned attributes.
    forged = token[:-1] + bytes([token[-1] ^ 1])
    assert "signature" in refusal(forged, NOTE, authority.roots).what


@pytest.mark.parametrize("bit", [1, 128])
def test_no_flipped_byte_changes_what_is_said(authority: Authority, token: bytes, bit: int) -> None:
    good = verify_timestamp(token, NOTE, authority.roots)
    unsigned = 0
    for at in range(len(token)):
        flipped = token[:at] + bytes([token[at] ^ bit]) + token[at + 1 :]
        try:
            found = verify_timestamp(flipped, NOTE, authority.roots)
        except ProofError:
            continue
        # Versions and names of algorithms around what is signed (RFC 5652) bind nothing.
        unsigned += 1
        assert found == good, at
    assert unsigned < 20


@pytest.mark.parametrize("cut", [0, 1, 10, 100, -1])
def test_a_cut_token_is_none(authority: Authority, token: bytes, cut: int) -> None:
    assert "not a timestamp" in refusal(token[:cut], NOTE, authority.roots).what
    assert "not a timestamp" in refusal(token + b"\x00", NOTE, authority.roots).what


def test_a_token_over_the_limit_is_refused(authority: Authority, token: bytes) -> None:
    long = token + bytes(TOKEN_BYTES_MAX)
    assert "TOKEN_BYTES_MAX" in refusal(long, NOTE, authority.roots).what


def test_a_refusal_says_why(authority: Authority) -> None:
    refused = authority.answer(authority.query(NOTE, "-sha1 -cert"))
    told = refusal(refused, NOTE, authority.roots)
    assert "rejected" in told.what
    # openssl's own words for a digest it was not told to accept.
    assert "not supported" in told.what


def test_a_token_without_its_signers_certificate_is_told(authority: Authority) -> None:
    bare = authority.answer(authority.query(NOTE, "-sha256"))
    assert "certificate" in refusal(bare, NOTE, authority.roots).what


@pytest.mark.usefixtures("authority")
def test_a_certificate_that_had_ended_is_told(tmp_path: Path) -> None:
    other = Authority(tmp_path / "other")
    other.run(
        "x509 -req -in stamp.csr -CA root.pem -CAkey root.key -set_serial 6 -out stamp.pem "
        "-days -1 -extfile settings -extensions stamp"
    )
    ended = other.answer(timestamp_query(NOTE))
    assert "not valid at the time" in refusal(ended, NOTE, other.roots).what


@pytest.mark.parametrize("roots", [b"", b"no", b"-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_roots_that_are_none_are_refused(token: bytes, roots: bytes) -> None:
    with pytest.raises(InvalidInputError, match="PEM"):
        verify_timestamp(token, NOTE, roots)


def test_nothing_cannot_be_stamped() -> None:
    with pytest.raises(InvalidInputError):
        timestamp_query(b"")


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    found = builtins.__import__

    def missing(name: str, *rest: Any, **more: Any) -> Any:  # noqa: ANN401 (as builtins has it)
        if name.partition(".")[0] == "rfc3161_client":
            raise ModuleNotFoundError(name=name)
        return found(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", missing)
    for act in (lambda: timestamp_query(NOTE), lambda: verify_timestamp(b"", NOTE, b"")):
        with pytest.raises(LedgerError, match=r"lineage-ledger\[timestamps\]"):
            act()
