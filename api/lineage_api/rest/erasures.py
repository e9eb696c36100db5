"""``/api/v1/erasures``: erasures that take two people, one to propose and one to approve.

``GET`` lists what was proposed, ``POST`` proposes, ``POST …/plan`` says what would be erased, and
``POST …/{position}/approve`` or ``/refuse`` decides. Each ``POST`` has a JSON object as its body,
be it an empty one: what a foreign page may send without being asked for leave has another media
type. The namespace is named by the header ``Lineage-Namespace`` or by the query.
"""

from __future__ import annotations

from typing import Annotated, Final, TypeVar

import msgspec
from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lineage_api.bodies import JSON, json_response, read_body, read_parameters
from lineage_api.namespaces import PARAMETER, namespace_of
from lineage_api.surface import principal_of, surface_of
from lineage_schemas.errors import DecodeError, InvalidInputError, NotFoundError
from lineage_schemas.governance import PartsErased
from lineage_schemas.limits import INT_MAX

PATH: Final = "/api/v1/erasures"

BODY_BYTES_MAX: Final = 1_048_576
PAGE_MAX: Final = 1_000
PAGE_DEFAULT: Final = 100

_YES_OR_NO: Final = {"true": True, "false": False}
_INT_DIGITS: Final = len(str(INT_MAX))

_Position = Annotated[int, Meta(ge=0, le=INT_MAX)]


class PlanRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What might be erased: positions, and identifiers of nodes."""

    targets: tuple[_Position | str, ...]
    parts: PartsErased = PartsErased.PERSONAL


class ProposalRequest(PlanRequest, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What somebody asks to be erased, by what right, and why."""

    legal_basis: str
    reason: str = ""


class ApprovalRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing: the address says all."""


class RefusalRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Why it is refused; kept for ever."""

    reason: str


_Asked = TypeVar("_Asked", bound=Struct)


async def list_proposals(request: Request) -> Response:
    """Say what was proposed in a namespace: all of it, or what nobody has decided."""
    surface, principal = surface_of(request), principal_of(request)
    given = read_parameters(request, {PARAMETER, "start", "count", "undecided"})
    namespace = namespace_of(request, given)
    start = _number(given, "start", 0, INT_MAX)
    count = _number(given, "count", PAGE_DEFAULT, PAGE_MAX)
    undecided = _YES_OR_NO.get(given.get("undecided", "false"))
    if undecided is None or not count:
        raise InvalidInputError(
            f"A page has 1 to {PAGE_MAX} proposals; undecided is true or false",
            where=f"count={given.get('count', '')[:16]}, "
            f"undecided={given.get('undecided', '')[:16]}",
        )
    page = await surface.reading.run(
        lambda: surface.ledger.erasures.proposal_page(
            namespace, undecided=undecided, start=start, count=count, principal=principal
        )
    )
    return json_response(page)


async def show_proposal(request: Request) -> Response:
    """Say what was proposed by the entry at a position, and what became of it."""
    surface, principal, position = surface_of(request), principal_of(request), _position(request)
    namespace = namespace_of(request, read_parameters(request, {PARAMETER}))
    found = await surface.reading.run(
        lambda: surface.ledger.erasures.proposal(position, namespace, principal=principal)
    )
    return json_response(found)


async def plan_erasure(request: Request) -> Response:
    """Say what an erasure would erase, what forbids it, and which copies it does not reach."""
    surface, principal = surface_of(request), principal_of(request)
    namespace, asked = await _asked(request, PlanRequest)
    answer = await surface.reading.run(
        lambda: surface.ledger.erasures.plan(
            asked.targets, asked.parts, namespace=namespace, principal=principal
        )
    )
    return json_response(answer)


async def propose_erasure(request: Request) -> Response:
    """Propose an erasure; answer once the proposal is durable."""
    surface, principal = surface_of(request), principal_of(request)
    namespace, asked = await _asked(request, ProposalRequest)
    answer = await surface.governing.run(
        lambda: surface.ledger.erasures.propose(
            asked.targets,
            asked.parts,
            legal_basis=asked.legal_basis,
            reason=asked.reason,
            namespace=namespace,
            principal=principal,
        )
    )
    return json_response(answer)


async def approve_erasure(request: Request) -> Response:
    """Approve what somebody else has proposed; answer once it is erased, or was refused."""
    surface, principal, position = surface_of(request), principal_of(request), _position(request)
    namespace, _ = await _asked(request, ApprovalRequest)
    answer = await surface.governing.run(
        lambda: surface.ledger.erasures.approve(position, namespace=namespace, principal=principal)
    )
    return json_response(answer)


async def refuse_erasure(request: Request) -> Response:
    """Refuse what was proposed, or take it back; answer once that is durable."""
    surface, principal, position = surface_of(request), principal_of(request), _position(request)
    namespace, asked = await _asked(request, RefusalRequest)
    view = await surface.governing.run(
        lambda: surface.ledger.erasures.refuse(
            position, reason=asked.reason, namespace=namespace, principal=principal
        )
    )
    return json_response(view)


async def _asked(request: Request, kind: type[_Asked]) -> tuple[str, _Asked]:
    """Return the namespace that a request means, and what its body says."""
    namespace = namespace_of(request, read_parameters(request, {PARAMETER}))
    body = await read_body(request, {JSON}, BODY_BYTES_MAX)
    try:
        return namespace, msgspec.json.decode(body.content(), type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise DecodeError(
            f"The body is not what this address takes: {error}",
            hint="docs/serving.md says what is sent where; without anything to say, send {}.",
        ) from error


def _position(request: Request) -> int:
    """Return the position in an address.

    Raises:
        NotFoundError: no log has such a position.
    """
    text = str(request.path_params["position"])
    if not _is_number(text) or int(text) > INT_MAX:
        raise NotFoundError(
            "This is no position of a proposal",
            where=text[:32],
            hint=f"GET {PATH} lists the proposals with their positions.",
        )
    return int(text)


def _number(given: dict[str, str], name: str, default: int, most: int) -> int:
    text = given.get(name, str(default))
    if not _is_number(text) or int(text) > most:
        raise InvalidInputError(f"This is a number from 0 to {most}", where=f"{name}={text[:32]}")
    return int(text)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _INT_DIGITS


ROUTES: Final = (
    Route(PATH, list_proposals, methods=["GET"]),
    Route(PATH, propose_erasure, methods=["POST"]),
    Route(f"{PATH}/plan", plan_erasure, methods=["POST"]),
    Route(f"{PATH}/{{position}}", show_proposal, methods=["GET"]),
    Route(f"{PATH}/{{position}}/approve", approve_erasure, methods=["POST"]),
    Route(f"{PATH}/{{position}}/refuse", refuse_erasure, methods=["POST"]),
)
