"""The mapping ``dvc/1``: what the documents of a DVC repository state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

from lineage.connectors.dvc.documents import (
    AnyDocument,
    CommitDocument,
    PipelineDocument,
    RepositoryDocument,
    StageDocument,
    TagDocument,
    TrackedDocument,
    decode_document,
)
from lineage.connectors.dvc.said_commits import (
    say_commit,
    say_commit_back,
    say_commit_gone,
    say_tag,
    say_tag_back,
    say_tag_gone,
    say_tag_left,
)
from lineage.connectors.dvc.said_pipelines import (
    say_pipeline,
    say_repository,
    say_stage,
    say_tracked,
)
from lineage.connectors.dvc.saying import between, exactly, no_later_than
from lineage.connectors.scanning import GONE, Revision, Said
from lineage_schemas.records import AnyRecord, StatedTime

VERSION: Final = "dvc/1"


class DvcMapping:
    """Understands what ``DvcReader`` yields."""

    @property
    def version(self) -> str:
        """The mapping's name and number."""
        return VERSION

    def carry(self, before: bytes | None, body: bytes) -> bytes:  # noqa: ARG002 - the contract's
        """Return the document as it is: git counts its changes itself."""
        return body

    def map(self, revision: Revision) -> tuple[Said, ...]:
        """Say what a revision states.

        Raises:
            InvalidInputError: the document cannot be understood; names the JSON path.
        """
        before = _document(revision.before)
        now = _document(revision.body)
        said: list[Said] = []
        changes = tuple(_changes(before, now, is_back=revision.before == GONE))
        if changes:
            said.append(Said(between(revision.after, revision.at), changes))
        if now is not None:
            records, stated = _told(now, revision.at)
            said.append(Said(stated, tuple(records)))
        return tuple(said)


def _document(body: bytes | None) -> AnyDocument | None:
    return None if body is None or body == GONE else decode_document(body)


def _changes(
    before: AnyDocument | None, now: AnyDocument | None, *, is_back: bool
) -> Iterator[AnyRecord]:
    """Yield what was so and is so no longer, and what is so again."""
    match before, now:
        case TagDocument(), TagDocument() if before.object != now.object:
            yield from say_tag_gone(before)
            yield from say_tag_back(now)
        case TagDocument(), TagDocument() if before.version != now.version:
            yield from say_tag_left(before)
            yield from say_tag_back(now)
        case TagDocument(), None:
            yield from say_tag_gone(before)
        case None, TagDocument() if is_back:
            yield from say_tag_back(now)
        case CommitDocument(), None:
            yield from say_commit_gone(before)
        case None, CommitDocument() if is_back:
            yield from say_commit_back(now)
        case _:
            return


def _told(document: AnyDocument, at: datetime) -> tuple[Iterable[AnyRecord], StatedTime]:
    match document:
        case StageDocument():
            return say_stage(document), no_later_than(document.seen.time)
        case PipelineDocument():
            return say_pipeline(document), no_later_than(document.seen.time)
        case TrackedDocument():
            return say_tracked(document), no_later_than(document.seen.time)
        case CommitDocument():
            time = document.committer.time if document.committer else None
            return say_commit(document), exactly(time)
        case TagDocument():
            return say_tag(document), exactly(document.tagger.time if document.tagger else None)
        case RepositoryDocument():
            return say_repository(document), no_later_than(at)
