"""Messages of GitHub's webhooks, made by hand after its documentation."""

from __future__ import annotations

from github_deliveries import Object
from lineage_schemas.values import JsonValue

SHA, OLD_SHA = "5a" * 20, "c3" * 20

IMAGE = f"ghcr.io/acme/fraud@sha256:{'1f' * 32}"
MODEL = "mlflow:model-version/tracking.example.org/fraud/7"
INCIDENT = "pager:incident/42"
PLACE = "github:place/github.com/17/production/deploy"
PRODUCTION = "github:environment/github.com/17/production"
REPOSITORY: Object = {
    "id": 17,
    "full_name": "acme/fraud",
    "html_url": "https://github.com/acme/fraud",
}


def minute(number: int) -> str:
    return f"2026-01-31T12:{number:02}:00Z"


def deployment(number: int, payload: JsonValue = None, **more: JsonValue) -> Object:
    """Return a deployment that was asked for in the minute of its number."""
    return {
        "id": number,
        "sha": SHA,
        "ref": "v1.2.0",
        "task": "deploy",
        "environment": "production",
        "payload": {} if payload is None else payload,
        "creator": {"login": "ada"},
        "created_at": minute(number),
        "updated_at": minute(number),
        "production_environment": True,
        **more,
    }


def asked(of: Object, **more: JsonValue) -> tuple[str, Object]:
    body: Object = {"action": "created", "deployment": of, "repository": REPOSITORY, **more}
    return ("deployment", body)


def status(number: int, state: str, of: Object, **more: JsonValue) -> tuple[str, Object]:
    """Return a status that came in the minute of its number."""
    told: Object = {
        "id": 1_000 + number,
        "state": state,
        "environment": of["environment"],
        "creator": {"login": "bot"},
        "created_at": minute(number),
        "updated_at": minute(number),
        **more,
    }
    body: Object = {"action": "created", "deployment": of, "deployment_status": told}
    body["repository"] = REPOSITORY
    return ("deployment_status", body)


def workflow_run(**more: JsonValue) -> Object:
    return {
        "id": 99,
        "run_attempt": 2,
        "run_number": 5,
        "name": "deploy",
        "head_sha": SHA,
        "head_branch": "main",
        "path": ".github/workflows/deploy.yml",
        "status": "completed",
        "conclusion": "success",
        "run_started_at": minute(1),
        "created_at": minute(0),
        "updated_at": minute(9),
        "triggering_actor": {"login": "ada"},
        **more,
    }


def ran(run: Object, repository: Object = REPOSITORY) -> tuple[str, Object]:
    body: Object = {"action": "x", "workflow_run": run, "repository": repository}
    return ("workflow_run", body)
