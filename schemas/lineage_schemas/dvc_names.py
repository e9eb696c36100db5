"""What DVC's things are called: the keys that a repository's readers share.

    dvc:data/REPOSITORY/PATH@ALGORITHM:HASH  a file or directory, in one state
    dvc:stage/REPOSITORY/PATH/NAME@HASH      a stage of the file at PATH, with one content
    dvc:lock/REPOSITORY/PATH@BLOB            a lock file, in one state

The repository is its canonical remote, such as ``github.com/org/repo``, as one segment. Whoever
imports data from another repository can build the key it has there, without having read it.

A path keeps its slashes. ``@`` and ``:`` in it are percent-encoded, so the last ``@`` is always the
one before the state. Passwords of URIs are gone before that.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote

from lineage_schemas.errors import InvalidIdentifierError
from lineage_schemas.identifiers import normalise_identifier
from lineage_schemas.openlineage_names import BLANK
from lineage_schemas.uris import ascii_lower, shown, without_passwords

MD5: Final = "md5"
DVC_MD5: Final = "dvc-md5"

_IN_PATHS: Final = re.compile(rf"[%@:\x00-\x1f\x7f-\x9f]|\A[{BLANK}]+|[{BLANK}]+\Z")
_ALGORITHM: Final = re.compile(r"[a-z][a-z0-9_.\-]*")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def dvc_data_identifier(repository: str, path: str, algorithm: str, digest: str) -> str:
    """Return the key of a file or directory that DVC tracks, in one state.

    ``algorithm`` is ``md5``, ``dvc-md5`` (an entry without ``hash: md5``, as DVC 2 wrote them),
    ``etag``, ``checksum``, or what else a remote counts by; ``digest`` is kept as DVC has it, the
    ``.dir`` of a directory too.

    Raises:
        InvalidIdentifierError: one is empty, an algorithm with other characters than those of
            identifiers' schemes, or a lone surrogate.
        LimitExceededError: longer than ``IDENTIFIER_BYTES_MAX``.
    """
    algorithm = ascii_lower(algorithm)
    if _ALGORITHM.fullmatch(algorithm) is None:
        raise InvalidIdentifierError(
            "A digest's algorithm has no such name", where=shown(algorithm)
        )
    if algorithm in {MD5, DVC_MD5}:
        digest = ascii_lower(digest)
    state = f"{algorithm}:{_segment(digest, 'digest')}"
    return normalise_identifier(f"dvc:data/{_place(repository, path)}@{state}")


def dvc_stage_identifier(repository: str, path: str, name: str, digest: str) -> str:
    """Return the key of a stage with one content: one execution.

    ``path`` is that of the file which declares it, ``name`` its whole name (``build@eu`` of a
    stage that was written once for many), ``digest`` that of what makes it another execution.

    Raises:
        InvalidIdentifierError: one is empty, or holds a lone surrogate.
        LimitExceededError: longer than ``IDENTIFIER_BYTES_MAX``.
    """
    place = f"{_place(repository, path)}/{_segment(name, 'name of a stage')}"
    return normalise_identifier(f"dvc:stage/{place}@{_segment(digest, 'digest')}")


def dvc_lock_identifier(repository: str, path: str, blob: str) -> str:
    """Return the key of a lock file in one state, by the id that git gives its bytes.

    Raises:
        InvalidIdentifierError: one is empty, or holds a lone surrogate.
        LimitExceededError: longer than ``IDENTIFIER_BYTES_MAX``.
    """
    state = _segment(ascii_lower(blob), "blob")
    return normalise_identifier(f"dvc:lock/{_place(repository, path)}@{state}")


def _place(repository: str, path: str) -> str:
    # Before the quoting, which would hide a password from whoever looks for one later.
    repository, path = without_passwords(repository), without_passwords(path)
    _check(path, "path")
    quoted = _IN_PATHS.sub(lambda found: quote(found[0], safe=""), path)
    return f"{_segment(repository, 'repository')}/{quoted}"


def _segment(text: str, what: str) -> str:
    _check(text, what)
    return quote(text, safe="")


def _check(text: str, what: str) -> None:
    if not text:
        raise InvalidIdentifierError(f"A {what} of DVC is empty")
    if _SURROGATE.search(text) is not None:
        raise InvalidIdentifierError(
            f"A {what} of DVC holds a lone surrogate",
            where=shown(text),
            hint="Name bytes that are no UTF-8 by an encoding of your own, such as %FF.",
        )
