"""Trusted timestamps of checkpoints (RFC 3161): what to ask an authority, and whether it answered.

Nothing here sends anything. The package ``rfc3161-client`` does the work, and is wanted only where
a function is called: it is the extra ``timestamps``.

It demands more than some authorities give: the status must be *granted* and nothing less, the
answer must hold the signer's certificate, which must be for time stamping by a critical extension,
and several certificates must stand in the order of DER.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from lineage_schemas.errors import InvalidInputError, ProofError

if TYPE_CHECKING:
    from rfc3161_client import TimeStampResponse, Verifier

TOKEN_BYTES_MAX: Final = 64 * 1024
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_GRANTED: Final = 0
_STATUSES: Final = {
    1: "granted with changes",
    2: "rejected",
    3: "waiting",
    4: "a warning of revocation",
    5: "revoked",
}
"""PKIStatus of RFC 3161, section 2.4.2."""

_OUT_OF_TIME: Final = "A certificate of the timestamp was not valid at the time that it states"
_REASONS: Final = (
    (
        "Mismatch between messages",
        "The timestamp is of another message",
        "Give the very checkpoint it is of.",
    ),
    ("certificate has expired", _OUT_OF_TIME, ""),
    ("certificate is not yet valid", _OUT_OF_TIME, ""),
    (
        "certificate verify error",
        "The timestamp's signer is not certified by any of the trusted roots",
        "Give the root certificate of the authority that was asked.",
    ),
    (
        "signer certificate not found",
        "The timestamp does not hold its signer's certificate",
        "Ask again, with certificates requested.",
    ),
    ("EKU", "The timestamp's signer is not certified for time stamping", ""),
    (
        "Unsupported hash",
        "The timestamp is of a digest that is not SHA-256, SHA-384 or SHA-512",
        "",
    ),
    ("signature failure", "The timestamp's signature does not hold", "It was damaged or changed."),
)
"""What the package says, and what we make of it; the first that fits."""


class Timestamp(NamedTuple):
    """What the authority signed: a message like this one was there at ``at_us``, in whole seconds.

    ``policy`` is the number of its policy, ``authority`` the name on the signer's certificate.
    """

    at_us: int
    serial: int
    policy: str
    authority: str


def timestamp_query(note: bytes) -> bytes:
    """Return a TimeStampReq in DER: SHA-256 of the note, a nonce, and certificates wanted.

    Raises:
        InvalidInputError: the note is empty, or the extra ``timestamps`` is not installed.
    """
    if not note:
        raise InvalidInputError("There is nothing to ask a timestamp for")
    with _package():
        from rfc3161_client import HashAlgorithm, TimestampRequestBuilder  # noqa: PLC0415 (extra)

        builder = TimestampRequestBuilder(note, HashAlgorithm.SHA256, nonce=True, cert_req=True)
        return builder.build().as_bytes()


def verify_timestamp(token: bytes, note: bytes, roots_pem: bytes) -> Timestamp:
    """Verify a TimeStampResp in DER over the note, and return what it says.

    Certificates must have been valid at the time it states; whether one was revoked is not asked.

    Raises:
        ProofError: it does not hold; says which check failed.
        InvalidInputError: the roots are no certificates, or the extra is not installed.
    """
    with _package():
        verifier = _verifier(roots_pem)
        response = _response(token)
        _check_status(response)
        _verify(verifier, response, note)
        return _timestamp(response)


@contextmanager
def _package() -> Generator[None]:
    try:
        yield
    except ImportError as error:
        raise InvalidInputError(
            "Timestamps need the package rfc3161-client, which is not installed",
            hint='Install the extra: pip install "lineage-ledger[timestamps]".',
        ) from error


def _verifier(roots_pem: bytes) -> Verifier:
    from cryptography.x509 import load_pem_x509_certificates  # noqa: PLC0415 (for the extra only)
    from rfc3161_client import VerifierBuilder  # noqa: PLC0415 (extra)

    try:
        return VerifierBuilder(roots=load_pem_x509_certificates(roots_pem)).build()
    except ValueError as error:
        raise InvalidInputError(
            "The trusted roots are not certificates in PEM",
            hint="Give the authority's root certificates: -----BEGIN CERTIFICATE----- and so on.",
        ) from error


def _response(token: bytes) -> TimeStampResponse:
    from rfc3161_client import decode_timestamp_response  # noqa: PLC0415 (extra)

    if len(token) > TOKEN_BYTES_MAX:
        raise ProofError(
            f"A timestamp of {len(token)} bytes is over the limit of {TOKEN_BYTES_MAX} "
            "(TOKEN_BYTES_MAX)"
        )
    try:
        return decode_timestamp_response(token)
    except ValueError as error:
        raise _not_a_timestamp(error) from error


def _check_status(response: TimeStampResponse) -> None:
    if response.status != _GRANTED:
        status = _STATUSES.get(response.status, "an unknown status")
        said = "; ".join(map(_plain, response.status_string))
        raise ProofError(
            f"The authority gave no timestamp: {status}{f', {said}' if said else ''}",
            hint="Ask again, or another authority.",
        )


def _verify(verifier: Verifier, response: TimeStampResponse, note: bytes) -> None:
    from rfc3161_client import VerificationError  # noqa: PLC0415 (extra)

    try:
        verifier.verify_message(response, note)
    except VerificationError as error:
        said = str(error)
        for sign, what, hint in _REASONS:
            if sign in said:
                raise ProofError(what, hint=hint) from error
        raise ProofError(f"The timestamp does not hold: {_plain(said)}") from error
    except ValueError as error:
        raise _not_a_timestamp(error) from error


def _timestamp(response: TimeStampResponse) -> Timestamp:
    from cryptography.x509 import load_der_x509_certificate  # noqa: PLC0415 (for the extra only)

    info, signed = response.tst_info, response.signed_data
    (signer,) = signed.signer_infos
    names = [
        certificate.subject.rfc4514_string()
        for certificate in map(load_der_x509_certificate, signed.certificates)
        if (certificate.issuer, certificate.serial_number) == (signer.issuer, signer.serial_number)
    ]
    return Timestamp(
        at_us=(info.gen_time - _EPOCH) // timedelta(microseconds=1),
        serial=info.serial_number,
        policy=info.policy.dotted_string,
        authority=_plain(names[0]),
    )


def _not_a_timestamp(error: ValueError) -> ProofError:
    return ProofError(f"This is not a timestamp, or it was damaged: {_plain(str(error))}")


def _plain(text: str) -> str:
    """Return the text, cut short, with whatever a terminal might obey made visible."""
    return "".join(
        character if character.isprintable() else f"\\u{{{ord(character):x}}}"
        for character in text[:200]
    )
