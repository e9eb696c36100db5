"""``POST /api/v1/declarations`` and ``POST /api/v1/attachments``: what people say of things.

A body of declarations is YAML or JSON, and one batch. An attachment is the document itself, with
its media type and, in Content-Disposition, its file name; or, where it lies elsewhere, a JSON
object of its ``name``, ``media_type``, ``digest``, ``size`` and ``uri``. Whoever signs sends the
signature inside the declaration: no secret key is ever sent.
"""

from __future__ import annotations

import re
from email.errors import HeaderParseError
from email.message import EmailMessage
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lineage.connectors.declarations.documents import Attachment
from lineage.connectors.declarations.reading import read_declarations
from lineage.importing.attaching import Described, clean_file_name, describe_bytes
from lineage.importing.declaring import SOURCE_DEFAULT, attach, declare, find_subject
from lineage.importing.versions import Speaker
from lineage_api.bodies import JSON, json_response, read_body, read_parameters
from lineage_api.identity.declarers import believed_declarers
from lineage_api.namespaces import PARAMETER, PATH_PREFIX, namespace_of
from lineage_api.surface import principal_of, surface_of
from lineage_schemas.declarations import TakenDeclaration
from lineage_schemas.errors import DecodeError, InvalidInputError
from lineage_schemas.instants import instant_of
from lineage_schemas.mlmd import Kind

PATH: Final = "/api/v1/declarations"
NAMESPACE_PATH: Final = f"{PATH_PREFIX}/declarations"
ATTACHMENTS_PATH: Final = "/api/v1/attachments"
NAMESPACE_ATTACHMENTS_PATH: Final = f"{PATH_PREFIX}/attachments"

YAML: Final = "application/yaml"
SOURCE: Final = "source"

_DISPOSITION: Final = "Content-Disposition"
_DESCRIBING: Final = ("title", "kind", "uri")
_MEDIA_TYPE: Final = re.compile(r"[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+")


class TakenAll(Struct, frozen=True):
    """What became of each declaration, in their order."""

    declarations: tuple[TakenDeclaration, ...]


class Elsewhere(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A document that is kept elsewhere. Its name is, left out, the last part of its URI."""

    name: str = ""
    digest: Annotated[str, Meta(pattern=r"^sha256:[0-9a-f]{64}$")]
    size: Annotated[int, Meta(ge=0)]
    uri: str = ""
    media_type: str = "application/octet-stream"


async def record_declarations(request: Request) -> Response:
    """Record the declarations of a body as one batch; answer once they are durable."""
    surface = surface_of(request)
    given = read_parameters(request, {SOURCE, PARAMETER})
    speaker = _speaker(request, given)
    body = await read_body(request, {JSON, YAML}, surface.settings.batch_bytes)
    taken = await surface.delivering.run(
        lambda: declare(
            surface.ledger,
            read_declarations(body.content()),
            speaker,
            instant_of(surface.clock()),
            believed_declarers(surface.settings.declarers),
        )
    )
    return json_response(TakenAll(taken))


async def record_attachment(request: Request) -> Response:
    """Record a document about a subject; answer once that is durable.

    Raises:
        InvalidInputError: no subject was named, or the document has no name.
        DecodeError: a JSON object that does not describe a document.
    """
    surface = surface_of(request)
    given = read_parameters(request, {"subject", "subject_kind", *_DESCRIBING, SOURCE, PARAMETER})
    speaker = _speaker(request, given)
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if _MEDIA_TYPE.fullmatch(media_type) is None:
        raise InvalidInputError(
            "The document's media type is missing",
            where="Content-Type",
            hint="Such as text/markdown, or application/octet-stream.",
        )
    body = await read_body(request, {media_type}, surface.settings.batch_bytes)
    name = file_name_of(request)

    def record() -> TakenDeclaration:
        content = body.content()
        if name is None:
            described, uri = _read_elsewhere(content, media_type)
        else:
            described, uri = describe_bytes(content, name, media_type), ""
        attachment = _about(request, described, uri, given, speaker)
        return attach(surface.ledger, attachment, speaker, instant_of(surface.clock()))

    return json_response(await surface.delivering.run(record))


def _speaker(request: Request, given: dict[str, str]) -> Speaker:
    return Speaker(
        source=given.get(SOURCE, SOURCE_DEFAULT),
        namespace=namespace_of(request, given),
        principal=principal_of(request),
    )


def _about(
    request: Request, described: Described, uri: str, given: dict[str, str], speaker: Speaker
) -> Attachment:
    if "subject" not in given:
        raise InvalidInputError(
            "It is not said what the document is about",
            where="subject",
            hint=f"POST {ATTACHMENTS_PATH}?subject=IDENTIFIER",
        )
    word = given.get("subject_kind")
    if word is not None and word not in {one.value for one in Kind}:
        raise InvalidInputError(
            "There is no such kind", where=word[:64], hint="artifact, execution or context."
        )
    kind = None if word is None else Kind(word)
    subject = find_subject(surface_of(request).ledger, given["subject"], kind, speaker)
    return described.about(
        subject.key,
        subject.kind,
        title=given.get("title", ""),
        document_kind=given.get("kind", ""),
        uri=given.get("uri", uri),
        attached_by="" if speaker.principal.is_local else speaker.principal.name,
    )


def file_name_of(request: Request) -> str | None:
    """Return the file name that Content-Disposition says (RFC 6266); ``None`` where it says none.

    Raises:
        InvalidInputError: the header cannot be read.
    """
    header = request.headers.get(_DISPOSITION)
    if header is None:
        return None
    message = EmailMessage()
    try:
        message[_DISPOSITION] = header
        name = message.get_filename()
    except (HeaderParseError, ValueError, LookupError) as error:
        raise InvalidInputError("The header cannot be read", where=_DISPOSITION) from error
    if not name:
        raise InvalidInputError(
            "The header names no file",
            where=_DISPOSITION,
            hint='Write it as attachment; filename="model-card.md".',
        )
    return name


def _read_elsewhere(content: bytes, media_type: str) -> tuple[Described, str]:
    if media_type != JSON:
        raise InvalidInputError(
            "The document has no name",
            where=_DISPOSITION,
            hint='Send it with Content-Disposition: attachment; filename="NAME".',
        )
    try:
        told = msgspec.json.decode(content, type=Elsewhere)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise DecodeError(
            f"This does not describe a document: {error}",
            hint="Send {name, digest, size, uri}; a document in JSON needs Content-Disposition.",
        ) from error
    described = Described(
        name=clean_file_name(told.name or told.uri.partition("?")[0]),
        media_type=told.media_type,
        digest=told.digest,
        size=told.size,
    )
    return described, told.uri


ROUTES: Final = (
    *(Route(path, record_declarations, methods=["POST"]) for path in (PATH, NAMESPACE_PATH)),
    *(
        Route(path, record_attachment, methods=["POST"])
        for path in (ATTACHMENTS_PATH, NAMESPACE_ATTACHMENTS_PATH)
    ),
)
