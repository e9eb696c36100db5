"""Tells whether a delivery is what an MLflow server has just signed.

Its signature is HMAC-SHA256 over the id, the time in seconds and the body, joined by full stops:
as Standard Webhooks has it, but for the names of the headers and the form of the secret.
"""

from __future__ import annotations

import hmac
import logging
import re
from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final

from starlette.datastructures import Headers

from lineage_api.identity.mlflow_servers import MlflowServer
from lineage_api.problems import DeliverySignatureError, NotReadyError
from lineage_schemas.errors import PreconditionError

SIGNATURE: Final = "X-MLflow-Signature"
TIMESTAMP: Final = "X-MLflow-Timestamp"
DELIVERY_ID: Final = "X-MLflow-Delivery-Id"

TOLERANCE_SECONDS: Final = 300
"""How far the clocks may differ, and for how long a delivery may be on its way. One that is caught
and sent again later is refused; one that is sent again sooner has the same id, and says no more.
"""

SIGNATURES_MAX: Final = 8
"""Of one delivery, divided by spaces; more are not looked at."""

SECRET_LENGTH_MIN: Final = 16
SECRET_BYTES_MAX: Final = 4_096

_LOG: Final = logging.getLogger(__name__)
_VERSION: Final = "v1,"
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")
_SECONDS: Final = re.compile(r"[0-9]{1,12}")
MICROSECONDS: Final = 1_000_000


def verified_id(headers: Headers, body: bytes, secrets: Sequence[bytes], now: int) -> str:
    """Return the id of a delivery that one of the secrets has signed.

    ``now`` is in microseconds since the epoch.

    Raises:
        DeliverySignatureError: a header is missing, there twice or of another form, no secret
            signed it, or it was signed too long ago or ahead.
    """
    delivery_id = _one(headers, DELIVERY_ID, _ID)
    seconds = _one(headers, TIMESTAMP, _SECONDS)
    given = _one(headers, SIGNATURE).split()[:SIGNATURES_MAX]
    signed = b"%s.%s.%s" % (delivery_id.encode(), seconds.encode(), body)
    holds = False
    for secret in secrets:
        expected = _VERSION + b64encode(hmac.digest(secret, signed, sha256)).decode()
        for one in given:
            # Every one is compared to its end: how long it takes tells nothing.
            holds |= hmac.compare_digest(one.encode("latin-1"), expected.encode())
    if not holds:
        raise DeliverySignatureError(
            "No secret that is known here has signed this delivery",
            hint="The webhook's secret in MLflow and the one in the settings must be the same.",
        )
    apart = int(seconds) - now // MICROSECONDS
    if abs(apart) > TOLERANCE_SECONDS:
        raise DeliverySignatureError(
            f"This delivery was signed {abs(apart)} seconds {'ahead' if apart > 0 else 'ago'}, and "
            f"{TOLERANCE_SECONDS} are the limit (TOLERANCE_SECONDS)",
            hint="Check the clocks of both servers; what was lost is found by the next look.",
        )
    return delivery_id


def read_secrets(server: MlflowServer) -> tuple[bytes, ...]:
    """Return the secrets of a server's webhooks. Blocks for as long as a small file takes.

    Raises:
        PreconditionError: none is set; what to set.
        NotReadyError: one cannot be read, or is too short; the log says which.
    """
    if not server.secret_files:
        raise PreconditionError(
            "Nothing is taken from this MLflow server, for its webhooks have no secret here",
            where=server.name,
            hint="Give the webhook a secret in MLflow, and name the file of it in the settings "
            "(mlflow, secret_files).",
        )
    return tuple(_secret_in(Path(file), server) for file in server.secret_files)


def _secret_in(path: Path, server: MlflowServer) -> bytes:
    try:
        with path.open("rb") as stream:
            secret = stream.read(SECRET_BYTES_MAX + 1).rstrip(b"\r\n")
        what = "" if SECRET_LENGTH_MIN <= len(secret) <= SECRET_BYTES_MAX else "its length"
    except OSError as error:
        secret, what = b"", error.strerror or type(error).__name__
    if what:
        _LOG.error(
            "The secret of the webhooks of %s cannot be used: %s, %s", server.name, path, what
        )
        raise NotReadyError(
            "The secret of this server's webhooks cannot be used",
            where=server.name,
            hint="The log of this server says why.",
        )
    return secret


def _one(headers: Headers, name: str, form: re.Pattern[str] | None = None) -> str:
    given = headers.getlist(name)
    if len(given) != 1 or (form is not None and not form.fullmatch(given[0])):
        raise DeliverySignatureError(
            "This is not signed as MLflow signs what it delivers",
            where=name,
            hint="Give the webhook a secret in MLflow.",
        )
    return given[0]
