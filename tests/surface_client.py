"""A client of the application in this very process: no network, a running lifespan."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from anyio.from_thread import BlockingPortal, start_blocking_portal
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from lineage_api.surface import Surface
from lineage_schemas.values import JsonValue

Object = dict[str, JsonValue]


class SurfaceClient:
    """Sends requests and waits for their answers."""

    def __init__(self, portal: BlockingPortal, http: httpx.AsyncClient, surface: Surface) -> None:
        self.portal = portal
        self.surface = surface
        self._http = http

    def get(self, path: str, **headers: str) -> httpx.Response:
        """Ask."""
        return self.send("GET", path, headers=headers)

    def post(self, path: str, body: object, media_type: str = "application/json") -> httpx.Response:
        """Send bytes as they are, and anything else as JSON."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.send("POST", path, content=content, headers={"Content-Type": media_type})

    def send(
        self,
        method: str,
        path: str,
        *,
        content: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        """Send any request."""

        async def send() -> httpx.Response:
            return await self._http.request(method, path, content=content, headers=headers)

        return self.portal.call(send)

    def ask(self, query: str, **variables: JsonValue) -> Object:
        """Ask in GraphQL, and return ``data``; no error is expected."""
        answer = self.post("/graphql", {"query": query, "variables": variables}).json()
        assert "errors" not in answer, answer["errors"]
        assert isinstance(answer["data"], dict)
        return answer["data"]

    def refused(self, query: str, **variables: JsonValue) -> Object:
        """Ask in GraphQL, and return the one error that is expected."""
        answer = self.post("/graphql", {"query": query, "variables": variables}).json()
        (error,) = answer["errors"]
        assert isinstance(error, dict)
        return error


@contextmanager
def running(app: Starlette) -> Iterator[SurfaceClient]:
    """Run an application's lifespan, and hand out a client of it."""
    with start_blocking_portal() as portal:
        lifespan = app.router.lifespan_context(app)
        with portal.wrap_async_context_manager(lifespan) as state:
            assert state is not None

            async def stateful(scope: Scope, receive: Receive, send: Send) -> None:
                scope["state"] = dict(state)
                await app(scope, receive, send)

            transport = httpx.ASGITransport(stateful, raise_app_exceptions=False)
            http = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8470")
            with portal.wrap_async_context_manager(http):
                yield SurfaceClient(portal, http, state["surface"])


def problem(response: httpx.Response, status: int, code: str) -> Object:
    """Demand a problem document of that status and code, and return it."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    document = response.json()
    assert document["status"] == status
    assert document["code"] == code
    assert document["type"] == f"urn:lineage-ledger:error:{code}"
    assert document["title"]
    assert document["detail"]
    assert isinstance(document, dict)
    return document


def dig(value: JsonValue, *path: str | int) -> JsonValue:
    """Return what lies inside an answer."""
    for step in path:
        value = value[step]  # type: ignore[index]
    return value


def code(error: Object) -> JsonValue:
    """Return the code of an error of GraphQL."""
    return dig(error, "extensions", "code")
