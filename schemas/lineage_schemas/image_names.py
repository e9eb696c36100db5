"""How container images are called: references of container tools, and package URLs of type oci.

An image is named by its digest; a tag is a label that moves, and names nothing.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple
from urllib.parse import parse_qs, unquote

from lineage_schemas.errors import InvalidIdentifierError
from lineage_schemas.identifiers import normalise_identifier

_DIGEST: Final = re.compile(r"sha256:[0-9a-fA-F]{64}")
_TAG: Final = re.compile(r":[A-Za-z0-9_][A-Za-z0-9_.\-]{0,127}\Z")
_TRANSPORT: Final = re.compile(r"\A(?:docker-pullable|docker|containerd|oci)://")
_PURL: Final = re.compile(
    r"pkg:(?:oci|docker)/(?P<name>[^@?#]+)(?:@(?P<version>[^?#]+))?(?:\?(?P<query>[^#]*))?(?:#.*)?",
    re.IGNORECASE,
)


class ImageName(NamedTuple):
    """An image by its digest. ``identifier`` is its key, ``digest`` is ``sha256:HEXADECIMAL``."""

    identifier: str
    digest: str
    repository: str
    tag: str | None = None


def image_of_reference(text: str) -> ImageName | None:
    """Return the image that a container tool's reference names; ``None`` where it has no digest.

    As the container tools do, a repository without a registry is one of ``docker.io``, and without
    a slash one of ``docker.io/library``.
    """
    bare, _, digest = _TRANSPORT.sub("", text.strip()).partition("@")
    if _DIGEST.fullmatch(digest) is None or not bare:
        return None
    found = _TAG.search(bare)
    repository = bare if found is None else bare[: found.start()]
    tag = None if found is None else found[0][1:]
    return _named(_with_registry(repository), digest.lower(), tag)


def image_of_purl(text: str) -> ImageName | None:
    """Return the image that a package URL names; ``None`` where it is none, or has no digest.

    Without ``repository_url`` nobody knows the registry: the package URL itself is then the key.

    Format: https://github.com/package-url/purl-spec, type ``oci``.
    """
    parts = _PURL.fullmatch(text.strip())
    version = unquote(parts["version"] or "") if parts is not None else ""
    if parts is None or _DIGEST.fullmatch(version) is None:
        return None
    digest, query = version.lower(), parse_qs(parts["query"] or "")
    name = unquote(parts["name"]).lower()
    tag = query.get("tag", [None])[0]
    place = query.get("repository_url", [""])[0].rstrip("/").removeprefix("https://").lower()
    if not place:
        return ImageName(normalise_identifier(f"pkg:oci/{name}@{digest}"), digest, name, tag)
    last = name.rpartition("/")[2]
    repository = place if place.rpartition("/")[2] == last else f"{place}/{name}"
    return _named(_with_registry(repository), digest, tag)


def _with_registry(repository: str) -> str:
    first, slash, _ = repository.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return repository
    return f"docker.io/{repository}" if slash else f"docker.io/library/{repository}"


def _named(repository: str, digest: str, tag: str | None) -> ImageName | None:
    try:
        identifier = normalise_identifier(f"oci:{repository.lower()}@{digest}")
    except InvalidIdentifierError:
        return None
    return ImageName(identifier, digest, repository, tag)
