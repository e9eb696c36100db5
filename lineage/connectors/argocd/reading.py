"""Reads Applications as ``argocd app get -o json`` or ``kubectl get applications -o json`` show.

Kept is an allow-list: what is deployed from where to where, when, by whom, and its state. Never
kept: parameters and values of Helm and Kustomize, plugin variables, resources, messages.

Format: argoproj.io/v1alpha1 as of Argo CD 2.13.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from lineage.connectors.plain_json import (
    Body,
    at,
    bodies_at,
    body_at,
    encode,
    text_at,
    time_at,
    whole_at,
    without_blanks,
)
from lineage.connectors.scanning import Document, Listed, Look, Memory, Unread, subject_of
from lineage_schemas.errors import LimitExceededError
from lineage_schemas.values import JsonValue

TOOL: Final = "argocd"
APPLICATION: Final = "application"
SYNC: Final = "sync"

APPLICATIONS_MAX: Final = 50_000
"""Of one file; what is kept of each is held in memory."""

IMAGES_MAX: Final = 1_000
HISTORY_MAX: Final = 1_000


class ArgoReader:
    """Reads one copy of the Applications of one Argo CD."""

    tool = TOOL
    cursor: JsonValue = None

    def __init__(
        self,
        objects: Iterable[tuple[Body, str]],
        server: str,
        shown_at: datetime,
        *,
        has_all: bool,
    ) -> None:
        """Read these objects as they were shown at a time; ``has_all``: there are no others."""
        self._objects = objects
        self.address = server
        self.shown_at: datetime | None = shown_at
        # Past syncs drop out of an Application's history; they are not gone for that.
        self.listed = (APPLICATION,) if has_all else ()

    def read(self, memory: Memory, cursor: JsonValue, *, is_whole: bool) -> Look:  # noqa: ARG002
        """Yield each Application, and each sync in its history.

        Raises:
            DecodeError: the copy is not JSON.
            LimitExceededError: more than ``APPLICATIONS_MAX``.
        """
        shown: dict[str, Body] = {}
        for plain, where in self._objects:
            if text_at(plain, "kind") != "Application" or not text_at(
                plain, "apiVersion"
            ).startswith("argoproj.io/"):
                continue
            name = text_at(plain, "metadata", "name")
            if not name:
                yield Unread(APPLICATION, subject_of(APPLICATION, where), "it has no metadata.name")
                continue
            shown[subject_of(APPLICATION, text_at(plain, "metadata", "namespace"), name)] = plain
            if len(shown) > APPLICATIONS_MAX:
                raise LimitExceededError(
                    f"Applications are over the limit of {APPLICATIONS_MAX} (APPLICATIONS_MAX)",
                    hint="Import one project after the other.",
                )
        for subject, plain in sorted(shown.items()):
            yield Document(APPLICATION, subject, encode(_application(plain)))
            yield from _syncs(plain)
        if is_whole and self.listed:
            yield Listed(APPLICATION)


def _application(plain: Body) -> Body:
    status = body_at(plain, "status")
    images = at(status, "summary", "images")
    newest = max((whole_at(one, "id") or 0 for one in bodies_at(status, "history")), default=0)
    return without_blanks(
        {
            **_place(plain),
            "created": text_at(plain, "metadata", "creationTimestamp"),
            "sync": text_at(status, "sync", "status"),
            "revision": text_at(status, "sync", "revision"),
            "health": text_at(status, "health", "status"),
            "phase": text_at(status, "operationState", "phase"),
            "finished": text_at(status, "operationState", "finishedAt"),
            "newest": newest if bodies_at(status, "history") else None,
            "images": _images(images),
        }
    )


def _images(images: JsonValue) -> list[JsonValue]:
    found = images[:IMAGES_MAX] if isinstance(images, list) else []
    return [*sorted(text_at({"it": one}, "it") for one in found if isinstance(one, str))]


def _place(plain: Body) -> Body:
    destination = body_at(plain, "spec", "destination")
    return without_blanks(
        {
            "name": text_at(plain, "metadata", "name"),
            "namespace": text_at(plain, "metadata", "namespace"),
            "uid": text_at(plain, "metadata", "uid"),
            "project": text_at(plain, "spec", "project"),
            "destination": text_at(destination, "name") or text_at(destination, "server"),
            "destination_namespace": text_at(destination, "namespace"),
        }
    )


def _syncs(plain: Body) -> Iterable[Document | Unread]:
    place = _place(plain)
    earlier: list[str] = []
    history = sorted(
        bodies_at(plain, "status", "history"), key=lambda one: whole_at(one, "id") or 0
    )
    for one in history[-HISTORY_MAX:]:
        number, deployed = whole_at(one, "id"), time_at(one, "deployedAt")
        names = (text_at(place, "namespace"), text_at(place, "name"))
        if number is None or deployed is None:
            subject = subject_of(SYNC, *names, str(number))
            yield Unread(SYNC, subject, "an entry of its history has no id or no deployedAt")
            continue
        revisions = _revisions(one)
        state = " ".join(str(each.get("revision", "")) for each in revisions)
        # What was deployed before, and is not what was deployed last, is put back.
        is_back = bool(state) and state in earlier and earlier[-1] != state
        earlier.append(state)
        body: Body = {
            **place,
            "id": number,
            "deployed": deployed.isoformat(),
            "started": text_at(one, "deployStartedAt"),
            "by": text_at(one, "initiatedBy", "username"),
            "is_automatic": at(one, "initiatedBy", "automated") is True or None,
            "sources": [*revisions],
            "is_rollback": is_back or None,
        }
        subject = subject_of(SYNC, *names, str(number), text_at(place, "uid"))
        yield Document(SYNC, subject, encode(without_blanks(body)), deployed, is_fixed=True)


def _revisions(entry: Body) -> list[Body]:
    """Return what was deployed from each source. An Application has one, or several."""
    many = at(entry, "revisions")
    revisions = many if isinstance(many, list) and many else [at(entry, "revision")]
    sources = bodies_at(entry, "sources") or [body_at(entry, "source")]
    return [
        without_blanks(
            {
                "revision": text_at({"it": revision}, "it"),
                "repository": text_at(source, "repoURL"),
                "path": text_at(source, "path"),
                "chart": text_at(source, "chart"),
                "target": text_at(source, "targetRevision"),
            }
        )
        for revision, source in zip(revisions, sources, strict=False)
    ]
