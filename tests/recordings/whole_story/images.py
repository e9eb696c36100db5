"""The images that the versions of the model are packed into: manifests, so digests, of true form.

No registry is asked: a manifest names what is in an image by digest, and the image by its own.
"""

from __future__ import annotations

import json
from typing import Final, NamedTuple
from urllib.parse import quote

from recordings.whole_story.moments import FRAUD, HOST, IMAGE, MODEL, SERVER, Release
from recordings.whole_story.tools import digest_of

LABEL: Final = "lineage.model-version"


class Image(NamedTuple):
    """An image by its digest, with the labels that it was built with."""

    digest: str
    tag: str
    labels: dict[str, str]
    size: int

    @property
    def reference(self) -> str:
        """How container tools call it."""
        return f"{IMAGE}@{self.digest}"

    @property
    def purl(self) -> str:
        """How package tools call it."""
        name = IMAGE.rpartition("/")[2]
        where = quote(IMAGE, safe="/")
        return f"pkg:oci/{name}@{quote(self.digest)}?repository_url={where}&tag={self.tag}"


def model_version(number: int) -> str:
    """Return the identifier of a version of the model."""
    return f"mlflow:model-version/{SERVER}/{MODEL}/{number}"


def image_of(release: Release, model: bytes, commit: str) -> Image:
    """Return the image of a version: the model's file is its only layer."""
    labels = {
        LABEL: model_version(release.number),
        "org.opencontainers.image.revision": commit,
        "org.opencontainers.image.source": f"https://{HOST}/{FRAUD}",
        "org.opencontainers.image.version": release.semantic,
    }
    rootfs = {"type": "layers", "diff_ids": [digest_of(model)]}
    config = _json(
        {"architecture": "amd64", "config": {"Labels": labels}, "os": "linux", "rootfs": rootfs}
    )
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": _described("application/vnd.oci.image.config.v1+json", config),
            "layers": [_described("application/vnd.oci.image.layer.v1.tar", model)],
        }
    )
    return Image(digest_of(manifest), release.semantic, labels, len(manifest))


def _described(media_type: str, body: bytes) -> dict[str, str | int]:
    return {"mediaType": media_type, "digest": digest_of(body), "size": len(body)}


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
