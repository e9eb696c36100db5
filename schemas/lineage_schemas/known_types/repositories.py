"""What a repository of code and data has at its commits: the commits, and locked pipelines."""

from __future__ import annotations

from typing import Final

from lineage_schemas.known_types.spec import SHARED, KnownType, text
from lineage_schemas.mlmd import Kind

_COMMIT = (
    text("commit", "The commit, all of its hexadecimal digits."),
    text("repository", "Address of the repository, without credentials."),
    text("message", "The first line of its message."),
    text("committed_time", "When it was committed, as it says itself."),
)

_LOCK = (
    text("path", "Where the lock file lies, from the top of the repository."),
    text("repository", "Address of the repository, without credentials."),
    text("blob", "Its object id in git, all of its hexadecimal digits."),
)

_LOCKED_PIPELINE = (
    text("path", "Where the lock file lies, from the top of the repository."),
    text("repository", "Address of the repository, without credentials."),
    text("lock_blob", "The lock file's object id in git."),
    text("definition_blob", "The object id in git of the file that defines the pipeline."),
)

REPOSITORY_TYPES: Final[tuple[KnownType, ...]] = (
    KnownType(
        kind=Kind.CONTEXT,
        name="lineage.Commit",
        description="What a repository holds at one commit.",
        properties=(*SHARED, *_COMMIT),
    ),
    KnownType(
        kind=Kind.CONTEXT,
        name="lineage.LockedPipeline",
        description="A pipeline in one state: its definition, and what its lock file says of it.",
        properties=(*SHARED, *_LOCKED_PIPELINE),
    ),
    KnownType(
        kind=Kind.ARTIFACT,
        name="lineage.PipelineLock",
        description="A file that says what the stages of a pipeline last read and made.",
        properties=(*SHARED, *_LOCK),
    ),
)
