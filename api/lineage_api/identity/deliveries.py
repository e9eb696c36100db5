"""Tells whether a delivery is what an MLflow server has just signed.

Its signature is HMAC-SHA256 over the id, the time in seconds and the body, joined by full stops:
as Standard Webhooks has it, but for the names of the headers and the form of the secret.
"""

from __future__ import annotations

import hmac
import re
from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from typing import Final

from starlette.datastructures import Headers

from lineage_api.identity.signatures import is_among
from lineage_api.problems import DeliverySignatureError

SIGNATURE: Final = "X-MLflow-Signature"
TIMESTAMP: Final = "X-MLflow-Timestamp"
DELIVERY_ID: Final = "X-MLflow-Delivery-Id"

TOLERANCE_SECONDS: Final = 300
"""How far the clocks may differ, and for how long a delivery may be on its way. One that is caught
and sent again later is refused; one that is sent again sooner has the same id, and says no more.
"""

SIGNATURES_MAX: Final = 8
"""Of one delivery, divided by spaces; more are not looked at."""

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
    expected = [
        _VERSION + b64encode(hmac.digest(secret, signed, sha256)).decode() for secret in secrets
    ]
    if not is_among(given, expected):
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


def _one(headers: Headers, name: str, form: re.Pattern[str] | None = None) -> str:
    given = headers.getlist(name)
    if len(given) != 1 or (form is not None and not form.fullmatch(given[0])):
        raise DeliverySignatureError(
            "This is not signed as MLflow signs what it delivers",
            where=name,
            hint="Give the webhook a secret in MLflow.",
        )
    return given[0]
