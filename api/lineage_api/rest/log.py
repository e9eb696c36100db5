"""The log as files (C2SP tlog-tiles): the checkpoint, the tiles of its tree, and its entries.

Whoever keeps copies of them can check the whole log without asking us for anything else. Tiles
never change, and say so; the checkpoint does, and says that too. An entry here is its envelope:
what was said in it is not public, and what was erased is in none of these files.

Where whoever calls signs in, no cache that people share may keep any of it: it would hand to
anybody what only some may have. A cache of their own may keep tiles of hashes.
"""

from __future__ import annotations

import gzip
from hashlib import sha256
from http import HTTPStatus
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lineage.custody import Custody
from lineage.proofs.tiles import ENTRIES, parse_tile_path
from lineage.writing.submission import Principal
from lineage_api.surface import Surface, principal_of, surface_of
from lineage_schemas.errors import NotFoundError
from lineage_schemas.integrity import CheckpointAnswer

CHECKPOINT_PATH: Final = "/log/checkpoint"
TILE_PATH: Final = "/log/tile/{path:path}"

_NOTE_TYPE: Final = "text/plain; charset=utf-8"
_TILE_TYPE: Final = "application/octet-stream"
_CHANGES: Final = "no-cache"
_STAYS: Final = "max-age=31536000, immutable"
_UNKEPT: Final = "private, no-store"
_ETAG_DIGITS: Final = 32
_QUICK: Final = 6
"""The level of gzip: bundles are read once and then kept by whoever asked."""


async def read_checkpoint(request: Request) -> Response:
    """Return the last checkpoint that was signed; of a new ledger, one that is signed now.

    Raises:
        NotFoundError: there is none, and this process does not sign.
        ForbiddenError: whoever asks may do nothing here.
    """
    surface = surface_of(request)
    custody, principal = surface.ledger.custody, principal_of(request)
    answer = await surface.reading.run(lambda: _checkpoint(custody, principal))
    body = answer.note.encode()
    cached = f"private, {_CHANGES}" if _is_signed_in(surface) else _CHANGES
    return _tagged(request, body, {"Cache-Control": cached, "Content-Type": _NOTE_TYPE})


async def read_tile(request: Request) -> Response:
    """Return a tile of hashes, or a bundle of entries.

    Raises:
        InvalidInputError: this is no path of a tile.
        NotFoundError: no checkpoint covers it.
        ForbiddenError: a bundle, and whoever asks is no auditor of every namespace.
    """
    surface = surface_of(request)
    tile = parse_tile_path(request.path_params["path"])
    principal = principal_of(request)
    body = await surface.reading.run(lambda: surface.ledger.custody.tile(tile, principal=principal))
    headers = {"Cache-Control": f"public, {_STAYS}", "Content-Type": _TILE_TYPE}
    if _is_signed_in(surface):
        headers["Cache-Control"] = _UNKEPT if tile.level == ENTRIES else f"private, {_STAYS}"
    if tile.level == ENTRIES:
        headers["Vary"] = "Accept-Encoding"
        if _takes_gzip(request.headers.get("accept-encoding", "")):
            headers["Content-Encoding"] = "gzip"
            body = await surface.reading.run(lambda: gzip.compress(body, _QUICK, mtime=0))
    return _tagged(request, body, headers)


def _checkpoint(custody: Custody, principal: Principal) -> CheckpointAnswer:
    try:
        return custody.last_checkpoint(principal=principal)
    except NotFoundError:
        return custody.checkpoint(principal=principal)


def _tagged(request: Request, body: bytes, headers: dict[str, str]) -> Response:
    """Return a body with its tag; nothing but the tag, where the asker has it already."""
    tag = f'"{sha256(body).hexdigest()[:_ETAG_DIGITS]}"'
    headers["ETag"] = tag
    if _is_signed_in(surface_of(request)):
        headers["Vary"] = ", ".join(filter(None, (headers.get("Vary"), "Authorization")))
    known = {one.strip().removeprefix("W/") for one in _listed(request, "if-none-match")}
    if tag in known or "*" in known:
        kept = {name: value for name, value in headers.items() if name != "Content-Encoding"}
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=kept)
    return Response(body, headers=headers)


def _is_signed_in(surface: Surface) -> bool:
    return surface.settings.sign_in == "required"


def _takes_gzip(accept: str) -> bool:
    """Tell whether somebody asks for gzip by name, and does not refuse it."""
    for one in accept.lower().split(","):
        name, *parameters = (part.strip() for part in one.split(";"))
        if name in {"gzip", "x-gzip"}:
            quality = next((part[2:] for part in parameters if part.startswith("q=")), "1")
            return quality.strip("0.") != ""
    return False


def _listed(request: Request, name: str) -> list[str]:
    return ",".join(request.headers.getlist(name)).split(",")


ROUTES: Final = (
    Route(CHECKPOINT_PATH, read_checkpoint, methods=["GET"]),
    Route(TILE_PATH, read_tile, methods=["GET"]),
)
