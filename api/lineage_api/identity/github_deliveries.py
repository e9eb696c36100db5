"""Tells whether a delivery is what a GitHub server has signed.

Its signature is HMAC-SHA256 over the body, in hexadecimal, behind ``sha256=``. Nothing else is
signed: not the id of the delivery, not the name of its event, and no time.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Sequence
from hashlib import sha256
from typing import Final

from msgspec import Struct
from starlette.datastructures import Headers

from lineage_api.identity.signatures import is_among
from lineage_api.problems import GithubSignatureError

SIGNATURE: Final = "X-Hub-Signature-256"
DELIVERY_ID: Final = "X-GitHub-Delivery"
EVENT: Final = "X-GitHub-Event"

_VERSION: Final = "sha256="
_SIGNATURE: Final = re.compile(r"sha256=[0-9A-Fa-f]{64}")
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")
_EVENT: Final = re.compile(r"[a-z0-9_]{1,64}")


class Verified(Struct, frozen=True):
    """A delivery whose body is signed, as its headers call it."""

    delivery_id: str
    event: str


def verified_delivery(headers: Headers, body: bytes, secrets: Sequence[bytes]) -> Verified:
    """Return what a delivery is called whose body one of the secrets has signed.

    Raises:
        GithubSignatureError: a header is missing, there twice or of another form, or no secret
            signed the body.
    """
    delivery_id = _one(headers, DELIVERY_ID, _ID)
    event = _one(headers, EVENT, _EVENT)
    given = _one(headers, SIGNATURE, _SIGNATURE).lower()
    expected = [_VERSION + hmac.digest(secret, body, sha256).hex() for secret in secrets]
    if not is_among([given], expected):
        raise GithubSignatureError(
            "No secret that is known here has signed this delivery",
            hint="The webhook's secret at GitHub and the one in the settings must be the same.",
        )
    return Verified(delivery_id, event)


def _one(headers: Headers, name: str, form: re.Pattern[str]) -> str:
    given = headers.getlist(name)
    if len(given) != 1 or not form.fullmatch(given[0]):
        raise GithubSignatureError(
            "This is not signed as GitHub signs what it delivers",
            where=name,
            hint="Give the webhook a secret at GitHub.",
        )
    return given[0]
