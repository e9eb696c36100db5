"""The answer of a source, read whole within bounds."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from http.client import HTTPResponse
from typing import Final

from msgspec import Struct

from lineage.connectors.transport import ANSWER_START_BYTES, SourceAnswerError
from lineage_api.inflating import CutError, TooLongError, inflated

_CHUNK_BYTES: Final = 65_536
_OK: Final = range(200, 300)
_INFLATED: Final = {"gzip": "gzip", "x-gzip": "gzip", "deflate": "deflate"}


class Answer(Struct, frozen=True):
    """What a source answered. ``is_whole``: nothing of it is left in the connection."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    wire_bytes: int
    is_whole: bool = True

    def header(self, name: str) -> str:
        """Return a header by its name in lower case; nothing where there is none."""
        return self.headers.get(name, "")


def read_answer(response: HTTPResponse, bytes_max: int, where: str) -> Answer:
    """Read an answer; of one that refuses, the beginning.

    Raises:
        SourceAnswerError: it is over ``bytes_max``, was cut, or is compressed in another way than
            it says. Its status is that of the answer where asking again may help.
    """
    headers = {name.lower(): value for name, value in response.getheaders()}
    encoding = headers.get("content-encoding", "identity").strip().lower() or "identity"
    if response.status not in _OK:
        start = response.read1(ANSWER_START_BYTES) if encoding == "identity" else b""
        is_whole = response.isclosed() or response.length == 0
        return Answer(response.status, headers, start, len(start), is_whole)
    raw = _raw(response, bytes_max, where)
    if encoding == "identity":
        return Answer(response.status, headers, raw, len(raw))
    if encoding not in _INFLATED:
        raise SourceAnswerError(
            "The source's answer is compressed in a way that is not known here",
            where=f"{where}, {encoding[:64]}",
        )
    try:
        body = inflated(raw, _INFLATED[encoding], bytes_max)
    except TooLongError:
        raise _too_long(bytes_max, where) from None
    except (CutError, zlib.error):
        raise SourceAnswerError(
            f"The source's answer is not {encoding}, or was cut", where=where
        ) from None
    return Answer(response.status, headers, body, len(raw))


def _raw(response: HTTPResponse, bytes_max: int, where: str) -> bytes:
    if (response.length or 0) > bytes_max:
        raise _too_long(bytes_max, where)
    body = bytearray()
    while chunk := response.read1(_CHUNK_BYTES):
        body += chunk
        if len(body) > bytes_max:
            raise _too_long(bytes_max, where)
    if response.length:
        raise SourceAnswerError(
            "The source's answer stopped in the middle",
            where=where,
            hint="Look again; if it stays so, look into the source's own log.",
            status=response.status,
        )
    return bytes(body)


def _too_long(bytes_max: int, where: str) -> SourceAnswerError:
    return SourceAnswerError(
        f"The source's answer is over the limit of {bytes_max} bytes (ANSWER_BYTES_MAX)",
        where=where,
    )
