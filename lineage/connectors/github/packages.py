"""Packages that are container images, by their digests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from lineage.connectors.deployments.saying import (
    CONTAINER_IMAGE,
    RUN_LABELS,
    say_image,
    say_packing,
)
from lineage.connectors.github.naming import Naming
from lineage.connectors.github.telling import (
    RUN,
    Told,
    is_commit,
    moment_of,
    say_code,
    say_project,
    shown_url,
    stated_at,
    time_of,
    without_empty,
)
from lineage_schemas.errors import InvalidInputError, LedgerError
from lineage_schemas.identifiers import is_content_digest, normalise_identifier
from lineage_schemas.image_names import ImageName, image_of_reference
from lineage_schemas.mlmd import Artifact, Association, Event, EventKind, Execution, ExecutionState
from lineage_schemas.outside.github import Package, PackageMessage, PackageVersion
from lineage_schemas.records import AnyRecord
from lineage_schemas.values import JsonValue

REVISION_LABEL: Final = "org.opencontainers.image.revision"
CREATED_LABEL: Final = "org.opencontainers.image.created"

_IMAGES: Final = frozenset({"container", "docker"})
_REGISTRIES: Final = {"github.com": "ghcr.io"}


def tell_package(message: PackageMessage, naming: Naming) -> Told:
    """Say that an image was published; of any other package, nothing.

    Raises:
        InvalidInputError: there is no version of it, or no digest.
    """
    package = message.package or message.registry_package
    version = package.package_version if package is not None else None
    if package is None or version is None:
        raise InvalidInputError("The message names no version of a package", where="$.package")
    at = time_of(version.updated_at, version.created_at, package.updated_at, package.created_at)
    if not _is_image(package, version):
        return Told(stated_at(at), (), is_empty=True)
    image = _image(package, version, naming)
    return Told(stated_at(at), tuple(_published(message, version, image, naming)))


def _is_image(package: Package, version: PackageVersion) -> bool:
    # ``ecosystem`` says docker of npm's packages as well.
    registry = package.registry.type if package.registry else None
    words = {(package.package_type or "").lower(), (registry or "").lower()}
    return version.container_metadata is not None or bool(words & _IMAGES)


def _image(package: Package, version: PackageVersion, naming: Naming) -> ImageName:
    metadata = version.container_metadata
    tag = metadata.tag if metadata is not None else None
    url = (version.package_url or "").strip()
    head, colon, _ = url.rpartition(":")
    repository = head if colon and "/" in head else url
    if not repository:
        registry = _REGISTRIES.get(naming.host, f"containers.{naming.host}")
        owner = package.owner.shown if package.owner else None
        if owner is None:
            raise InvalidInputError("A package names no owner", where="$.package.owner")
        repository = f"{registry}/{owner}/{package.name}"
    label = f":{tag.name}" if tag is not None and tag.name else ""
    for digest in (version.version, version.name, tag.digest if tag else None):
        image = image_of_reference(f"{repository.lower()}{label}@{digest}")
        if image is not None:
            return image
    raise InvalidInputError("An image has no digest", where="$.package.package_version.version")


def _published(
    message: PackageMessage, version: PackageVersion, image: ImageName, naming: Naming
) -> Iterator[AnyRecord]:
    labels = _labels(version)
    key = naming.own("package-version", version.id)
    by = version.author or message.sender
    yield from say_image(image, {"github": "package version"})
    yield Artifact(
        key=image.identifier,
        type=CONTAINER_IMAGE,
        properties=without_empty(
            {
                "registry": image.repository.partition("/")[0],
                "image_labels": {**labels} if labels else None,
                "built_time": moment_of(labels.get(CREATED_LABEL)),
                "source_type": "github.PackageVersion",
                "source_url": shown_url(version.html_url),
            }
        ),
        custom_properties=without_empty({"github.target_oid": version.target_oid}),
    )
    properties: dict[str, JsonValue] = {
        "display_name": f"publication of {image.repository}",
        "source_type": "github.PackageVersion",
        "source_url": shown_url(version.html_url),
        "ended_time": moment_of(version.created_at),
        "started_by": by.shown if by else None,
    }
    yield Execution(
        key=key, type=RUN, state=ExecutionState.COMPLETE, properties=without_empty(properties)
    )
    yield _made(image, key)
    if naming.named is not None:
        yield say_project(naming)
        yield Association(context=naming.project, execution=key)
        commit = labels.get(REVISION_LABEL, "").strip()
        if is_commit(commit):
            yield from say_code(commit, key, naming.address)
    for run in _runs(labels):
        yield _made(image, run)
    yield from say_packing(image, labels, "image label")


def _made(image: ImageName, execution: str) -> Event:
    return Event(
        artifact=image.identifier, execution=execution, kind=EventKind.OUTPUT, path=("image",)
    )


def _labels(version: PackageVersion) -> dict[str, str]:
    metadata = version.container_metadata
    labels = metadata.labels if metadata is not None else None
    if labels is None:
        return {}
    found = {name: one for name, one in (labels.all_labels or {}).items() if isinstance(one, str)}
    if labels.revision:
        found.setdefault(REVISION_LABEL, labels.revision)
    return found


def _runs(labels: dict[str, str]) -> Iterator[str]:
    """Yield the runs that labels name as those that made the image."""
    for name in RUN_LABELS:
        try:
            run = normalise_identifier(labels[name].strip()) if labels.get(name) else ""
        except LedgerError:
            continue  # the label itself is kept among the image's own
        if run and not is_content_digest(run):
            yield run
