"""Deliveries of GitHub's webhooks as tests send them, and the graph that they make."""

from __future__ import annotations

import hmac
import json
from hashlib import sha256
from typing import Final

import httpx
from msgspec import Struct

from doubles import FakeClock, SeededRandomness
from lineage.connectors.base import ReceivedMessage
from lineage.connectors.github.mapping import GithubMapping
from lineage.projections.views import TABLES
from lineage.service import Ledger
from lineage.stores.opening import open_store
from lineage_schemas.values import JsonValue
from peers import peer_file
from surface_client import SurfaceClient

Object = dict[str, JsonValue]

PATH: Final = "/webhooks/github"
SECRET: Final = "It's a Secret to Everybody"
HOST: Final = "github.com"

NAMED: Final = (
    "workflow_run",
    "workflow_job",
    "deployment",
    "deployment_status",
    "deployment_review",
    "package",
    "push",
    "release",
    "ping",
)
"""The events that are known here, and of which there are examples."""

SERVERS: Final = ("api.github.com", "ghes-31", "ghes-32", "ghes-33", "ghes-34", "ghes-35")


class Example(Struct, frozen=True):
    """One payload that GitHub, or a GitHub Enterprise Server of some version, delivers."""

    server: str
    event: str
    number: int
    body: Object

    @property
    def name(self) -> str:
        """What it is called in tests."""
        return f"{self.server}/{self.event}/{self.number}"


def examples() -> tuple[Example, ...]:
    """Return every example there is; skip the test where they are not installed."""
    return tuple(
        Example(server, one["name"], number, body)
        for server in SERVERS
        for one in json.loads(
            peer_file(
                "github", f"node_modules/@octokit/webhooks-examples/{server}/index.json"
            ).read_bytes()
        )
        for number, body in enumerate(one["examples"])
    )


def signature(body: bytes, secret: str = SECRET) -> str:
    """Sign as GitHub's documentation says: HMAC-SHA256 of the body, in hexadecimal."""
    return "sha256=" + hmac.digest(secret.encode(), body, sha256).hex()


def headers(event: str, delivery: str, signed: str) -> dict[str, str]:
    """Return the headers of a delivery."""
    return {
        "Content-Type": "application/json",
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": delivery,
        "X-Hub-Signature-256": signed,
    }


def deliver(
    client: SurfaceClient,
    event: str,
    body: object,
    delivery: str = "72d3162e-cc78-11e3-81ab-4c9367dc0958",
    path: str = PATH,
    **more: str,
) -> httpx.Response:
    """Deliver something, rightly signed."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = headers(event, delivery, signature(content)) | more
    return client.send("POST", path, content=content, headers=sent)


def new_ledger() -> Ledger:
    """Return an empty ledger in memory."""
    return Ledger(open_store("memory:", TABLES, "test/origin"), FakeClock(), SeededRandomness())


def receive(ledger: Ledger, *messages: tuple[str, Object], first: int = 0) -> None:
    """Take in messages, each an event and its payload, as if they were delivered in this order."""
    for number, (event, body) in enumerate(messages, first):
        delivery = ledger.prepare_message(
            ReceivedMessage(json.dumps(body).encode(), "application/json"),
            GithubMapping(HOST, event, f"delivery-{number}"),
            source="github:github.com",
        )
        for outcome in ledger.commit([delivery]):
            assert isinstance(outcome, list), outcome
