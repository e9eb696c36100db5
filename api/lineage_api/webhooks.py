"""Hands a checkpoint to somebody else over HTTP, signed as Standard Webhooks specifies.

One request, one answer: nothing is tried again here, and no redirect is followed. What a URL holds
besides scheme, host and port may be secret (user information, path tokens, queries), so errors name
the host alone.
"""

from __future__ import annotations

import binascii
import hmac
import re
from base64 import b64encode
from contextlib import suppress
from hashlib import sha256
from http.client import HTTPException
from typing import Final, NamedTuple
from urllib.error import HTTPError, URLError
from urllib.parse import SplitResult, unquote_to_bytes, urlsplit
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
)

from lineage_schemas.errors import LedgerError

SECRET_PREFIX: Final = "whsec_"  # noqa: S105 (what a secret begins with is none)
SECRET_BYTES_MIN: Final = 24
SECRET_BYTES_MAX: Final = 64
"""As the specification bounds a secret."""

ANSWER_BYTES_MAX: Final = 4096
"""How much of an answer is taken off the wire, at most, before the connection is closed."""

_MESSAGE_ID: Final = re.compile(r"[A-Za-z0-9_/+=:-]{1,256}")
"""Without full stops: they divide what is signed."""

_MICROSECONDS: Final = 1_000_000
_ELSEWHERE: Final = range(300, 400)
_GONE: Final = 410
_TOO_MANY: Final = 429
_REFUSED: Final = frozenset({401, 403})
_SERVER: Final = range(500, 600)


class WebhookError(LedgerError):
    """A checkpoint could not be handed over; whether it arrived is not known after a timeout."""

    code = "webhook_failed"


class _Address(NamedTuple):
    url: str
    host: str
    headers: dict[str, str]


def post_checkpoint(
    url: str,
    note: bytes,
    *,
    message_id: str,
    at_us: int,
    secret: bytes | None,
    timeout_seconds: float,
) -> None:
    """Post the signed note to ``url``, and return once it was taken (status 200 to 299).

    ``message_id`` stays the same when the same checkpoint is sent again; ``at_us`` is the time of
    this attempt. User information in the URL is sent as basic authentication. No step on the
    network takes longer than ``timeout_seconds``. Proxies are those of the environment.

    Raises:
        WebhookError: it was not taken, or the answer did not come; names the host alone.
    """
    address = _address(url)
    request = Request(  # noqa: S310 (_address lets through http and https only)
        address.url,
        data=note,
        headers=address.headers | _headers(note, message_id, at_us, secret),
        method="POST",
    )
    try:
        # The status says all; one read, so that an answer without end does not hold us.
        with (
            _opener().open(request, timeout=timeout_seconds) as answer,
            suppress(OSError, HTTPException),
        ):
            answer.read1(ANSWER_BYTES_MAX)
    except HTTPError as error:
        with error:
            raise _refused(error.code, address.host) from None
    except (OSError, HTTPException, ValueError) as error:
        raise _unreached(error, address.host, timeout_seconds) from None


def place_of(url: str) -> str:
    """Return scheme, host and port of a webhook's URL: what may be told of it.

    Raises:
        WebhookError: no URL that could be posted to.
    """
    address = _address(url)
    return f"{urlsplit(address.url).scheme}://{address.host}"


def parse_secret(text: str) -> bytes:
    """Return the bytes of a secret in the form ``whsec_<base64>``.

    Raises:
        WebhookError: another form, or not 24 to 64 bytes; does not quote it.
    """
    try:
        if not text.startswith(SECRET_PREFIX):
            raise ValueError("no prefix")  # noqa: TRY301 (all three are one refusal)
        secret = binascii.a2b_base64(text.removeprefix(SECRET_PREFIX), strict_mode=True)
        if not SECRET_BYTES_MIN <= len(secret) <= SECRET_BYTES_MAX:
            raise ValueError("too short or too long")  # noqa: TRY301 (as above)
    except ValueError:
        raise WebhookError(
            "This is not the secret of a webhook",
            hint=(
                f"Give {SECRET_PREFIX} and, in base64, {SECRET_BYTES_MIN} to {SECRET_BYTES_MAX} "
                "random bytes."
            ),
        ) from None
    return secret


def signature_of(secret: bytes, message_id: str, seconds: int, body: bytes) -> str:
    """Return what the header ``webhook-signature`` says: ``v1,`` and HMAC-SHA256 in base64."""
    signed = b"%s.%d.%s" % (message_id.encode(), seconds, body)
    return "v1," + b64encode(hmac.digest(secret, signed, sha256)).decode()


def _headers(note: bytes, message_id: str, at_us: int, secret: bytes | None) -> dict[str, str]:
    if not _MESSAGE_ID.fullmatch(message_id):
        raise WebhookError(
            "The id of a webhook message has letters, digits and _ / + = : - only, up to 256",
            where=ascii(message_id[:64]),
        )
    seconds = at_us // _MICROSECONDS
    headers = {
        "Content-Type": "text/plain; charset=utf-8",
        "User-Agent": "lineage-ledger",
        "webhook-id": message_id,
        "webhook-timestamp": str(seconds),
    }
    if secret is not None:
        headers["webhook-signature"] = signature_of(secret, message_id, seconds, note)
    return headers


def _address(url: str) -> _Address:
    """Take the URL apart; what it says of the user goes into a header, and no fragment goes out."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _not_a_url("") from None
    host = parts.hostname or ""
    if parts.scheme not in {"http", "https"} or not re.fullmatch(r"[A-Za-z0-9.:_-]+", host):
        raise _not_a_url(ascii(host[:64]) if host else "")
    named = f"[{host}]" if ":" in host else host
    place = named if port is None else f"{named}:{port}"
    bare = parts._replace(netloc=place, fragment="").geturl()
    return _Address(bare, place, _authorization(parts))


def _authorization(parts: SplitResult) -> dict[str, str]:
    if parts.username is None:
        return {}
    pair = b"%s:%s" % (unquote_to_bytes(parts.username), unquote_to_bytes(parts.password or ""))
    return {"Authorization": f"Basic {b64encode(pair).decode()}"}


def _not_a_url(where: str) -> WebhookError:
    return WebhookError(
        "A webhook needs a URL that begins with http:// or https:// and names a host",
        where=where,
        hint="Check the URL in the settings.",
    )


def _opener() -> OpenerDirector:
    """Return what opens http and https, and follows nothing."""
    opener = OpenerDirector()
    for handler in (
        ProxyHandler(),
        HTTPHandler(),
        HTTPSHandler(),
        HTTPErrorProcessor(),
        HTTPDefaultErrorHandler(),
    ):
        opener.add_handler(handler)
    return opener


def _refused(status: int, host: str) -> WebhookError:
    hint = "Look into the receiver's log."
    if status in _ELSEWHERE:
        hint = "Redirects are not followed: give the address it leads to."
    elif status == _GONE:
        hint = "The receiver wants no more of these: take the webhook out of the settings."
    elif status == _TOO_MANY or status in _SERVER:
        hint = "Try again later."
    elif status in _REFUSED:
        hint = "Check the webhook's secret and the user in its URL."
    return WebhookError(
        f"The webhook's receiver answered with status {status}", where=host, hint=hint
    )


def _unreached(error: Exception, host: str, timeout_seconds: float) -> WebhookError:
    cause = error.reason if isinstance(error, URLError) else error
    if isinstance(cause, TimeoutError):
        return WebhookError(
            f"The webhook's receiver did not answer within {timeout_seconds:g} seconds",
            where=host,
            hint="Try again; it may have arrived all the same, and keeps its id.",
        )
    reason = (cause.strerror if isinstance(cause, OSError) else None) or type(cause).__name__
    return WebhookError(
        f"The webhook's receiver could not be reached: {reason}",
        where=host,
        hint="Check the host, the port, and that it answers from this machine.",
    )
