"""Bodies of requests, read within bounds, and answers in JSON."""

from __future__ import annotations

import zlib
from collections.abc import Collection
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from lineage_api.inflating import CutError, TooLongError, inflated
from lineage_api.problems import ENCODINGS, BodyTooLargeError, EncodingError, MediaTypeError
from lineage_schemas.codec import encode_answer
from lineage_schemas.errors import DecodeError, InvalidInputError

JSON: Final = "application/json"
NDJSON: Final = "application/x-ndjson"


class Body(msgspec.Struct, frozen=True):
    """A body as it came, still compressed, and what its headers say of it."""

    raw: bytes
    media_type: str
    encoding: str
    limit: int

    def content(self) -> bytes:
        """Return the body decompressed. Blocks for milliseconds where it is large.

        Raises:
            BodyTooLargeError: there is more than ``limit``; no more than that was decompressed.
            DecodeError: it is not compressed as its header says, or it was cut.
        """
        if self.encoding == "identity":
            return self.raw
        try:
            return inflated(self.raw, self.encoding, self.limit)
        except TooLongError:
            raise _too_large(self.limit) from None
        except CutError:
            raise DecodeError("The compressed body was cut") from None
        except zlib.error as error:
            raise DecodeError(f"The body is not {self.encoding}: {error}") from error


async def read_body(request: Request, accepted: Collection[str] | None, limit: int) -> Body:
    """Read a body of at most ``limit`` bytes; where ``accepted`` is ``None``, of any media type.

    Raises:
        MediaTypeError: its media type is none of ``accepted``.
        EncodingError: its content encoding is not known here.
        BodyTooLargeError: it is too long, compressed as it is.
    """
    media_type = _media_type(request, accepted)
    encoding = _encoding(request)
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limit:
        raise _too_large(limit)
    chunks: list[bytes] = []
    length = 0
    async for chunk in request.stream():
        length += len(chunk)
        if length > limit:
            raise _too_large(limit)
        chunks.append(chunk)
    return Body(b"".join(chunks), media_type, encoding, limit)


def read_parameters(request: Request, known: Collection[str]) -> dict[str, str]:
    """Return the query parameters, each given once at the most.

    Raises:
        InvalidInputError: a parameter that is not ``known``, or that came twice.
    """
    found: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name not in known:
            raise InvalidInputError(
                "There is no such query parameter",
                where=name[:64],
                hint=f"There is {', '.join(sorted(known))}.",
            )
        if name in found:
            raise InvalidInputError("A query parameter came twice", where=name)
        found[name] = value
    return found


def json_response(value: object, status: int = 200) -> Response:
    """Return an answer in JSON."""
    return Response(encode_answer(value), status_code=status, media_type=JSON)


def _media_type(request: Request, accepted: Collection[str] | None) -> str:
    media_type, *parameters = request.headers.get("content-type", "").lower().split(";")
    media_type = media_type.strip()
    if accepted is None:
        return media_type
    charsets = {
        value.strip().strip('"')
        for name, _, value in (one.partition("=") for one in parameters)
        if name.strip() == "charset"
    }
    if media_type not in accepted or not charsets <= {"utf-8", "utf8"}:
        raise MediaTypeError(
            "The body is not of a media type that is read here",
            where=request.headers.get("content-type", "no content-type")[:64],
            hint=f"Send {' or '.join(sorted(accepted))} in UTF-8, and say so in Content-Type.",
        )
    return media_type


def _encoding(request: Request) -> str:
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    encoding = {"": "identity", "x-gzip": "gzip"}.get(encoding, encoding)
    if encoding not in {"identity", "gzip", "deflate"}:
        raise EncodingError(
            "The body is compressed in a way that is not known here",
            where=encoding[:64],
            hint=f"Use one of {ENCODINGS}, or none.",
        )
    return encoding


def _too_large(limit: int) -> BodyTooLargeError:
    return BodyTooLargeError(
        f"The body is over the limit of {limit} bytes, decompressed",
        hint="Send it in several parts.",
    )
