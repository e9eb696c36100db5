"""``GET /``: what is served here, for whoever opens the address that ``serve`` prints."""

from __future__ import annotations

from typing import Final

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lineage.questions.as_of import SOFTWARE
from lineage_api.bodies import json_response
from lineage_api.surface import surface_of

ADDRESSES: Final = {
    "POST /graphql": "ask (GraphQL)",
    "POST /api/v1/lineage": "one OpenLineage event",
    "POST /api/v1/lineage/batch": "a JSON array of OpenLineage events",
    "POST /api/v1/cloudevents": "a CloudEvent, structured or binary, or a batch; CDEvents are read",
    "POST /api/v1/statements": "statements: a JSON object or array, or NDJSON; one batch",
    "POST /api/v1/declarations": "what people declare of things: YAML or JSON; one batch",
    "POST /api/v1/attachments": "a document about a thing: its bytes, or its digest and URI",
    "POST /api/v1/namespaces/{namespace}/declarations": "the same, into a namespace",
    "POST /api/v1/namespaces/{namespace}/attachments": "the same, into a namespace",
    "POST /api/v1/namespaces/{namespace}/lineage": "the same, into a namespace",
    "POST /api/v1/namespaces/{namespace}/lineage/batch": "the same, into a namespace",
    "POST /api/v1/namespaces/{namespace}/cloudevents": "the same, into a namespace",
    "POST /api/v1/namespaces/{namespace}/statements": "the same, into a namespace",
    "POST /webhooks/github": "what GitHub delivers, signed by it",
    "POST /webhooks/mlflow": "what an MLflow server delivers, signed by it",
    "GET /api/v1/erasures": "erasures that were proposed, and what became of them",
    "POST /api/v1/erasures": "propose an erasure: targets and a legal basis, as JSON",
    "POST /api/v1/erasures/plan": "what an erasure would erase, and what forbids it",
    "GET /api/v1/erasures/{position}": "one that was proposed",
    "POST /api/v1/erasures/{position}/approve": "approve it, as another privacy officer",
    "POST /api/v1/erasures/{position}/refuse": "refuse it, or take it back",
    "GET /reports/dossier/{key}": "all that is known of a model version, as JSON or a page",
    "GET /log/checkpoint": "the log's signed checkpoint (C2SP tlog-checkpoint)",
    "GET /log/tile/{path}": "its tree and entries as files (C2SP tlog-tiles)",
    "GET /metrics": "what the server counts (Prometheus)",
    "GET /healthz": "whether the process is alive",
    "GET /readyz": "whether it can read and write, and where the log stands",
}


class Index(Struct, frozen=True):
    """Which ledger this is, by which software, and what can be sent where."""

    software: str
    origin: str
    addresses: dict[str, str]


async def index(request: Request) -> Response:
    """Say what is served here."""
    return json_response(Index(SOFTWARE, surface_of(request).ledger.origin, ADDRESSES))


ROUTES: Final = (Route("/", index, methods=["GET"]),)
