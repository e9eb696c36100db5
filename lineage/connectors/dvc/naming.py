"""Keys of what DVC and git hold, each derived from what the thing is called there.

A repository stands in a key as one segment, percent-encoded, and so do the ``@`` and the control
characters of a path; its slashes stay.
"""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Callable
from functools import lru_cache
from typing import Final
from urllib.parse import quote

from lineage.connectors.scanning import subject_of
from lineage_schemas.dvc_names import (
    dvc_data_identifier,
    dvc_lock_identifier,
    dvc_stage_identifier,
)
from lineage_schemas.errors import LimitExceededError
from lineage_schemas.identifiers import (
    is_content_digest,
    is_empty_content,
    normalise_identifier,
)
from lineage_schemas.limits import IDENTIFIER_BYTES_MAX, STATEMENT_ID_BYTES_MAX
from lineage_schemas.outside.dvc import DIRECTORY, DVC_MD5, MD5
from lineage_schemas.uris import ascii_lower

UNKNOWN_STATE: Final = "unknown"
"""Of a path whose state the file does not name; scoped by who says it, so nothing meets there."""

LOCK: Final = "dvc.lock"
DEFINITION: Final = "dvc.yaml"

_REMEMBERED: Final = 65_536
_LONG_NAME_BYTES: Final = 512  # its percent-encoding and what stands around it fit as well
_ROOM: Final = 64
_SUBJECT_BYTES_MAX: Final = STATEMENT_ID_BYTES_MAX - _ROOM


def commit_key(sha: str) -> str:
    """Return the key of a commit, as an artifact and as a context."""
    return f"git:commit/{sha}"


def tag_key(repository: str, tag: str, object_id: str) -> str:
    """Return the key of what one tag object did; a tag that is made anew is another object."""
    return _key("git:tag", repository, tag, object_id)


@lru_cache(maxsize=_REMEMBERED)
def data_key(repository: str, path: str, state: str) -> str:
    """Return the key of a path in one state, ``ALGORITHM:VALUE``: where it lies, and what it is."""
    algorithm, _, value = state.partition(":")
    return _fitting(lambda fit: dvc_data_identifier(repository, fit, algorithm, value), path)


@lru_cache(maxsize=_REMEMBERED)
def stage_key(repository: str, lock: str, name: str, digest: str) -> str:
    """Return the key of a stage of the pipeline at ``lock`` that ran with one content."""
    place = posixpath.join(posixpath.dirname(lock), DEFINITION) if _is_lock(lock) else lock
    return _fitting(lambda fit: dvc_stage_identifier(repository, place, fit, digest), name)


def lock_key(repository: str, path: str, blob: str) -> str:
    """Return the key of a dvc.lock in one state."""
    return _fitting(lambda fit: dvc_lock_identifier(repository, fit, blob), path)


def pipeline_key(repository: str, path: str) -> str:
    """Return the key of the pipeline that a lock file is of."""
    return _key("dvc:pipeline", repository, path)


def locked_pipeline_key(repository: str, path: str, lock: str, definition: str | None) -> str:
    """Return the key of a pipeline in one state: of its lock, and of its dvc.yaml."""
    return _key("dvc:locked", repository, path, f"{lock}.{definition or 'none'}")


def import_key(repository: str, path: str, blob: str) -> str:
    """Return the key of the import that a ``.dvc`` file describes."""
    return _key("dvc:import", repository, path, blob)


def model_key(repository: str, model: str) -> str:
    """Return the key of a model of the registry."""
    return _key("dvc:model", repository, model)


def model_version_key(repository: str, model: str, version: str) -> str:
    """Return the key of a model's version in the registry."""
    return _key("dvc:model-version", repository, model, version)


def project_key(repository: str) -> str:
    """Return the key of a repository as a context."""
    return _key("git:repository", repository)


def content_identifier(state: str) -> str | None:
    """Return the identifier of a state's bytes; ``None`` where none is known, or there are none.

    An entity tag that is an MD5 is that of an object stored in one part. A folder's ``md5`` is that
    of its listing.
    """
    algorithm, _, value = state.partition(":")
    scheme = {MD5: MD5, DVC_MD5: DVC_MD5, "etag": MD5}.get(algorithm)
    if scheme == MD5 and value.endswith(DIRECTORY):
        scheme = "dvc-dir"
    identifier = ascii_lower(f"{scheme}:{value}")
    if not is_content_digest(identifier) or is_empty_content(identifier):
        return None
    return identifier


def subject(kind: str, *parts: str) -> str:
    """Return what a document's thing is called. A name that is too long is cut and told apart."""
    return _shortened(subject_of(kind, *parts), _SUBJECT_BYTES_MAX)


def _key(start: str, repository: str, *parts: str) -> str:
    whole = f"{start}/{quote(repository, safe='')}"
    if parts:
        whole += f"/{'@'.join(_segment(part) for part in parts)}"
    return normalise_identifier(_shortened(whole, IDENTIFIER_BYTES_MAX))


def _segment(text: str) -> str:
    return quote(text, safe="/:+=!#~,; ()").replace(" ", "%20")


def _shortened(whole: str, bytes_max: int) -> str:
    size = len(whole.encode())
    if size <= bytes_max:
        return whole
    digest = hashlib.sha256(whole.encode()).hexdigest()
    return f"{whole.encode()[: bytes_max - len(digest) - 1].decode(errors='ignore')}!{digest}"


def _is_lock(path: str) -> bool:
    return posixpath.basename(path) == LOCK


def _fitting(build: Callable[[str], str], text: str) -> str:
    """Build an identifier; of a name too long for one, the beginning and a digest stand in it."""
    try:
        return build(text)
    except LimitExceededError:
        return build(_shortened(text, _LONG_NAME_BYTES))
