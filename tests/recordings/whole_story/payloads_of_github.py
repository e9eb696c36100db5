"""What GitHub delivers, in payloads of the form its documentation gives.

Of the addresses that a payload has for each of its things, those are here that people open.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final, NamedTuple
from uuid import NAMESPACE_URL, uuid5

from lineage_schemas.instants import instant_of, parse_instant
from recordings.whole_story import moments
from recordings.whole_story.images import LABEL, Image
from recordings.whole_story.moments import FRAUD, HOST, MODEL, PRODUCTION, Release

WEB: Final = f"https://{HOST}/{FRAUD}"
API: Final = f"https://{HOST}/api/v3/repos/{FRAUD}"

Payload = dict[str, Any]


class Delivered(NamedTuple):
    """A delivery: what it is of, its id, when it was sent, and what."""

    event: str
    delivery: str
    at: str
    payload: Payload

    def line(self) -> bytes:
        """Return it as a line; the body to the byte."""
        body = json.dumps(self.payload, separators=(",", ":"))
        line = {"event": self.event, "delivery": self.delivery, "at": self.at, "body": body}
        return json.dumps(line).encode() + b"\n"


class Made(NamedTuple):
    """What the story's releases came to: by their numbers, images and commits."""

    images: dict[int, Image]
    tried: dict[int, str]
    locked: dict[int, str]


def account(login: str, number: int) -> Payload:
    """Return a user."""
    return {
        "login": login,
        "id": number,
        "node_id": f"U_{number}",
        "url": f"https://{HOST}/api/v3/users/{login}",
        "html_url": f"https://{HOST}/{login}",
        "type": "User",
        "site_admin": False,
    }


ADA: Final = account("ada-example", 41)
GRACE: Final = account("grace-example", 42)
BOT: Final = account("delivery-example", 43)

REPOSITORY: Final[Payload] = {
    "id": 5150,
    "node_id": "R_5150",
    "name": "fraud",
    "full_name": FRAUD,
    "private": True,
    "owner": {**account("risk", 7), "type": "Organization"},
    "html_url": WEB,
    "description": "Tells how likely a card transaction is a fraud",
    "fork": False,
    "url": API,
    "clone_url": f"{WEB}.git",
    "default_branch": "main",
    "created_at": "2026-01-05T08:30:00Z",
}


def later(at: str, **spans: int) -> str:
    """Return a time after another."""
    moment = instant_of(parse_instant(at)) + timedelta(**spans)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def deliveries(made: Made) -> list[Delivered]:
    """Return every delivery, in the order of their times."""
    told = [one for release in moments.RELEASES for one in _release(release, made)]
    told += _deployments(made)
    return sorted(told, key=lambda one: one.at)


def _delivered(event: str, at: str, name: str, **payload: object) -> Delivered:
    delivery = str(uuid5(NAMESPACE_URL, f"{WEB}/{event}/{name}/{at}"))
    shared = {"repository": REPOSITORY, "organization": {"login": "risk", "id": 7}}
    sender = payload.pop("s", ADA)
    return Delivered(event, delivery, at, {**payload, **shared, "sender": sender})


def _commit(sha: str, at: str, message: str) -> Payload:
    person = {"name": "Ada Example", "email": "ada@example.org", "username": "ada-example"}
    return {
        "id": sha,
        "tree_id": sha,
        "distinct": True,
        "message": message,
        "timestamp": at,
        "url": f"{WEB}/commit/{sha}",
        "author": person,
        "committer": person,
        "added": [],
        "removed": [],
        "modified": ["dvc.lock"],
    }


def workflow_run(number: int, name: str, sha: str, at: str, *, ended: str | None) -> Payload:
    """Return a run of a workflow."""
    return {
        "id": number,
        "name": name,
        "node_id": f"WFR_{number}",
        "head_branch": "main",
        "head_sha": sha,
        "path": f".github/workflows/{name}.yml",
        "display_title": f"{name} {sha[:7]}",
        "run_number": number % 1_000,
        "event": "push",
        "status": "completed" if ended else "in_progress",
        "conclusion": "success" if ended else None,
        "workflow_id": 31 if name == "train" else 32,
        "url": f"{API}/actions/runs/{number}",
        "html_url": f"{WEB}/actions/runs/{number}",
        "pull_requests": [],
        "created_at": at,
        "updated_at": ended or at,
        "actor": ADA,
        "run_attempt": 1,
        "run_started_at": at,
        "triggering_actor": ADA,
        "repository": {"id": 5150, "name": "fraud", "full_name": FRAUD},
        "head_repository": {"id": 5150, "name": "fraud", "full_name": FRAUD},
    }


def _workflow(number: int, name: str, sha: str, at: str, minutes: int) -> Delivered:
    ended = later(at, minutes=minutes)
    run = workflow_run(number, name, sha, at, ended=ended)
    workflow = {
        "id": run["workflow_id"],
        "name": name,
        "path": run["path"],
        "state": "active",
        "html_url": f"{WEB}/blob/main/{run['path']}",
    }
    return _delivered(
        "workflow_run", ended, str(number), action="completed", workflow_run=run, workflow=workflow
    )


def _release(release: Release, made: Made) -> Iterator[Delivered]:
    tried, locked = made.tried[release.number], made.locked[release.number]
    for at, sha in ((release.tried, tried), (release.locked, locked)):
        commit = _commit(sha, at, "Try it" if sha == tried else "Keep what came of it")
        yield _delivered(
            "push",
            later(at, seconds=30),
            sha,
            ref="refs/heads/main",
            before=tried if sha == locked else "0" * 40,
            after=sha,
            created=False,
            deleted=False,
            forced=False,
            compare=f"{WEB}/commit/{sha}",
            commits=[commit],
            head_commit=commit,
            pusher={"name": "ada-example", "email": "ada@example.org"},
        )
    yield _workflow(release.training_run, "train", tried, later(release.tried, minutes=3), 20)
    yield _workflow(release.build_run, "build", locked, release.built, 11)
    yield _package(release, made)
    yield _released(release, locked)


def _package(release: Release, made: Made) -> Delivered:
    image = made.images[release.number]
    at = later(release.built, minutes=10)
    version = {
        "id": 8_000 + release.number,
        "version": image.digest,
        "name": image.digest,
        "description": "",
        "html_url": f"{WEB}/pkgs/container/{MODEL}/{8_000 + release.number}",
        "target_commitish": "main",
        "target_oid": made.locked[release.number],
        "created_at": at,
        "updated_at": at,
        "metadata": [],
        "container_metadata": {
            "tag": {"name": release.semantic, "digest": image.digest},
            "labels": {
                "description": "",
                "source": image.labels["org.opencontainers.image.source"],
                "revision": image.labels["org.opencontainers.image.revision"],
                "image_url": "",
                "licenses": "",
                "all_labels": image.labels,
            },
            "manifest": {"digest": image.digest, "size": image.size},
        },
        "package_files": [],
        "author": BOT,
        "package_url": f"{moments.IMAGE}:{release.semantic}",
        "installation_command": f"docker pull {moments.IMAGE}:{release.semantic}",
    }
    package = {
        "id": 60,
        "name": MODEL,
        "namespace": "risk",
        "description": "",
        "ecosystem": "CONTAINER",
        "package_type": "CONTAINER",
        "html_url": f"{WEB}/pkgs/container/{MODEL}",
        "created_at": later(moments.RELEASES[0].built, minutes=10),
        "updated_at": at,
        "owner": REPOSITORY["owner"],
        "package_version": version,
        "registry": {
            "about_url": "",
            "name": "GitHub CONTAINER registry",
            "type": "CONTAINER",
            "url": f"https://{moments.REGISTRY}",
            "vendor": "GitHub Inc",
        },
    }
    name = f"package-{release.semantic}"
    return _delivered("package", at, name, action="published", package=package, s=BOT)


def _released(release: Release, locked: str) -> Delivered:
    at = later(release.registered, minutes=5)
    tag = f"{MODEL}@v{release.semantic}"
    told = {
        "id": 70 + release.number,
        "url": f"{API}/releases/{70 + release.number}",
        "html_url": f"{WEB}/releases/tag/{tag}",
        "node_id": f"RE_{70 + release.number}",
        "tag_name": tag,
        "target_commitish": locked,
        "name": f"{MODEL} {release.semantic}",
        "draft": False,
        "prerelease": False,
        "author": ADA,
        "created_at": release.registered,
        "published_at": at,
        "assets": [],
        "body": "",
    }
    return _delivered("release", at, tag, action="published", release=told)


class Rollout(NamedTuple):
    """A deployment that is asked for, agreed to, and made."""

    number: int
    release: int
    task: str
    at: str
    payload: Payload
    approved_by: Payload | None
    comment: str
    ended: str | None


def _rollouts() -> tuple[Rollout, ...]:
    champion = {"role": "champion", "traffic_ratio": 1.0}
    challenger = {"role": "challenger", "traffic_ratio": 0.1}
    passed = "The validation report is in, the smoke tests pass."
    fewer = "Catches more frauds than 1.0.0 on a tenth of the traffic."
    return (
        Rollout(901, 1, "deploy", moments.FIRST_SERVED, champion, GRACE, passed, moments.CROWNED),
        Rollout(
            *(902, 2, "deploy:challenger", moments.CHALLENGED, challenger, GRACE),
            *("For a tenth of the traffic.", moments.CROWNED),
        ),
        Rollout(903, 2, "deploy", moments.CROWNED, champion, GRACE, fewer, moments.ROLLED_BACK),
        Rollout(904, 1, "deploy", moments.ROLLED_BACK, champion, None, "", moments.SUCCEEDED),
        Rollout(905, 3, "deploy", moments.SUCCEEDED, champion, GRACE, "Go.", None),
    )


def _deployments(made: Made) -> Iterator[Delivered]:
    for rollout in _rollouts():
        asked = later(rollout.at, minutes=-30 if rollout.approved_by else -4)
        image, sha = made.images[rollout.release], made.locked[rollout.release]
        deployment = {
            "url": f"{API}/deployments/{rollout.number}",
            "id": rollout.number,
            "node_id": f"DE_{rollout.number}",
            "task": rollout.task,
            "original_environment": PRODUCTION,
            "environment": PRODUCTION,
            "description": f"{MODEL} {image.tag}",
            "created_at": asked,
            "updated_at": asked,
            "creator": BOT,
            "sha": sha,
            "ref": "main",
            "payload": {"image": image.reference, LABEL: image.labels[LABEL], **rollout.payload},
            "transient_environment": False,
            "production_environment": True,
            "performed_via_github_app": None,
        }
        run_number = 8_000 + rollout.number
        run = workflow_run(run_number, "deploy", sha, asked, ended=None)
        yield _delivered(
            *("deployment", asked, str(rollout.number)),
            action="created",
            deployment=deployment,
            workflow_run=run,
            s=BOT,
        )
        if rollout.approved_by is not None:
            yield _reviewed(rollout, run, later(rollout.at, minutes=-15))
        statuses = [("in_progress", later(rollout.at, minutes=-3)), ("success", rollout.at)]
        if rollout.ended is not None:
            statuses.append(("inactive", rollout.ended))
        for number, (state, at) in enumerate(statuses):
            yield _status(rollout, deployment, 10 * rollout.number + number, state, at)
        yield _workflow(run_number, "deploy", sha, asked, 35)


def _status(rollout: Rollout, deployment: Payload, number: int, state: str, at: str) -> Delivered:
    status = {
        "url": f"{API}/deployments/{rollout.number}/statuses/{number}",
        "id": number,
        "node_id": f"DES_{number}",
        "state": state,
        "creator": BOT,
        "description": "",
        "environment": PRODUCTION,
        "target_url": f"{WEB}/actions/runs/{8_000 + rollout.number}",
        "created_at": at,
        "updated_at": at,
        "deployment_url": f"{API}/deployments/{rollout.number}",
        "repository_url": API,
        "environment_url": "https://shop.example.org",
        "log_url": f"{WEB}/actions/runs/{8_000 + rollout.number}",
        "performed_via_github_app": None,
    }
    return _delivered(
        *("deployment_status", at, str(number)),
        action="created",
        deployment_status=status,
        deployment=deployment,
        s=BOT,
    )


def _reviewed(rollout: Rollout, run: Payload, at: str) -> Delivered:
    job = {
        "id": 90 + rollout.number,
        "name": "deploy",
        "status": "queued",
        "conclusion": None,
        "environment": PRODUCTION,
        "html_url": f"{WEB}/actions/runs/{run['id']}/job/{90 + rollout.number}",
        "created_at": at,
        "updated_at": at,
    }
    return _delivered(
        *("deployment_review", at, str(rollout.number)),
        action="approved",
        workflow_run=run,
        workflow_job_run=job,
        workflow_job_runs=[job],
        reviewers=[{"type": "User", "reviewer": GRACE}],
        approver=rollout.approved_by,
        comment=rollout.comment,
        since=at,
        s=GRACE,
    )
