"""What tags mean that MLflow itself does not know: DVC, CI runs and images.

| tag | means |
| --- | --- |
| ``dvc.md5.PATH`` = HEX or HEX.dir | the run read this version of a file or folder of DVC's |
| ``dvc.rev``, ``lineage.dvc.rev`` = COMMIT | ... at this commit |
| ``dvc.stage``, ``lineage.dvc.stage`` = NAME | the stage of DVC inside which the run ran |
| any = ``dvc:data/...`` | the run read this version, told by its key |
| any = ``dvc:stage/...`` | the run is this execution of a stage |
| any = ``md5:HEX``, ``sha256:HEX`` | the run read something with these contents |
| ``lineage.git.commit`` = COMMIT | the commit that CI had checked out |
| ``lineage.ci.`` and ``host``, ``repository``, ``run_id``, ... | the CI run inside which it ran |
| ``lineage.image.digest`` = [PLACE@]sha256:HEX | the container image inside which it ran |
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Final

from lineage.connectors.mlflow.keys import key_of
from lineage.connectors.mlflow.saying import Saying
from lineage_schemas.errors import LedgerError
from lineage_schemas.identifiers import is_content_digest, is_empty_content, normalise_identifier
from lineage_schemas.mlmd import Artifact, Association, Context, Event, EventKind, Kind
from lineage_schemas.records import AnyRecord, Claim, LinkClass

CODE_TYPE: Final = "lineage.CodeRevision"
DATA_TYPE: Final = "lineage.DataSet"
IMAGE_TYPE: Final = "lineage.ContainerImage"
CI_RUN_TYPE: Final = "lineage.PipelineRun"

CI: Final = "lineage.ci."
IMAGE_DIGEST: Final = "lineage.image.digest"
DVC_FILE: Final = "dvc.md5."
DVC_STAGE_TAGS: Final = ("lineage.dvc.stage", "dvc.stage")
CI_COMMIT: Final = "lineage.git.commit"

_FURTHER_COMMITS: Final = {CI_COMMIT: "ci", "lineage.dvc.rev": "dvc", "dvc.rev": "dvc"}
"""Tags that name a further commit, and what the run read it for."""

_COMMIT: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}", re.IGNORECASE)
_DVC_FILE: Final = re.compile(r"[0-9a-f]{32}(\.dir)?", re.IGNORECASE)
_IMAGE: Final = re.compile(
    r"(?:(?P<place>[^@\s]+)@)?sha256:(?P<digest>[0-9a-f]{64})", re.IGNORECASE
)
_COMMIT_TAGS: Final = ("mlflow.source.git.commit", "mlflow.git.commit", CI_COMMIT)


def commit_of(tags: Mapping[str, str]) -> str | None:
    """Return the commit that a run or a model names, if it is a whole one."""
    for name in _COMMIT_TAGS:
        commit = tags.get(name, "").strip()
        if _COMMIT.fullmatch(commit):
            return commit.lower()
    return None


def say_commit(
    execution: str, commit: str, repository: str | None, role: str
) -> Iterator[AnyRecord]:
    """Yield the commit that an execution ran."""
    saying = Saying(f"git:commit/{commit}", CODE_TYPE)
    saying.put(commit=commit, repository=repository)
    yield Artifact(**saying.fields())
    yield _input(saying.key, execution, role)


def say_tags(server: str, execution: str, tags: Mapping[str, str]) -> Iterator[AnyRecord]:
    """Yield what the tags of an execution mean."""
    for name, role in _FURTHER_COMMITS.items():
        revision = tags.get(name, "").strip().lower()
        if _COMMIT.fullmatch(revision) and revision != commit_of(tags):
            yield from say_commit(execution, revision, None, role)
    yield from say_ci_run(execution, tags)
    yield from _image(server, execution, tags.get(IMAGE_DIGEST, "").strip())
    for name, text in sorted(tags.items()):
        value = text.strip()
        if name.startswith(DVC_FILE) and _DVC_FILE.fullmatch(value):
            yield from _dvc_file(server, execution, name, value.lower())
        elif value.startswith("dvc:"):
            yield from _named(execution, name, value)
        elif is_content_digest(value) and name != IMAGE_DIGEST:
            yield from _content(server, execution, name, value.lower())


def image_digest(tags: Mapping[str, str]) -> str | None:
    """Return the digest of the image that the tags name."""
    found = _IMAGE.fullmatch(tags.get(IMAGE_DIGEST, "").strip())
    return f"sha256:{found['digest'].lower()}" if found else None


def say_ci_run(execution: str, tags: Mapping[str, str]) -> Iterator[AnyRecord]:
    """Yield the CI run inside which an execution ran, if the tags tell of a whole one."""
    words = {name: tags.get(f"{CI}{name}", "").strip() for name in ("host", "repository", "run_id")}
    if not all(words.values()):
        return
    attempt = tags.get(f"{CI}run_attempt", "").strip() or "1"
    try:
        key = normalise_identifier(
            f"ci:run/{words['host']}/{words['repository']}/{words['run_id']}/{attempt}"
        )
    except LedgerError:
        return
    number = tags.get(f"{CI}run_number", "").strip()
    saying = Saying(key, CI_RUN_TYPE)
    saying.put(
        display_name=f"{words['repository']} #{number or words['run_id']}",
        run_number=number,
        source_url=tags.get(f"{CI}url"),
    )
    saying.keep({"ci_provider": tags.get(f"{CI}provider")})
    yield Context(**saying.fields())
    yield Association(context=key, execution=execution)


def _image(server: str, execution: str, text: str) -> Iterator[AnyRecord]:
    found = _IMAGE.fullmatch(text)
    if found is None:
        return
    digest = f"sha256:{found['digest'].lower()}"
    key = key_of("image", server, digest)
    if found["place"]:
        # A place without a registry names nothing outside of the machine it is from.
        with suppress(LedgerError):
            key = normalise_identifier(f"oci:{text}")
    saying = Saying(key, IMAGE_TYPE)
    saying.put(display_name=text, image_digest=digest)
    yield Artifact(**saying.fields())
    yield _content_claim(key, digest, IMAGE_DIGEST)
    yield _input(key, execution, "image")


def _dvc_file(server: str, execution: str, tag: str, digest: str) -> Iterator[AnyRecord]:
    path = tag.removeprefix(DVC_FILE)
    scheme = "dvc-dir" if digest.endswith(".dir") else "md5"
    key = key_of("tagged-data", server, path, f"{scheme}:{digest}")
    saying = Saying(key, DATA_TYPE)
    saying.put(display_name=path, content_digest=f"{scheme}:{digest}")
    yield Artifact(**saying.fields())
    if not is_empty_content(f"{scheme}:{digest}"):
        yield _content_claim(key, f"{scheme}:{digest}", tag)
    yield _input(key, execution, path)


def _content(server: str, execution: str, tag: str, digest: str) -> Iterator[AnyRecord]:
    key = key_of("tagged-data", server, tag, digest)
    saying = Saying(key, DATA_TYPE)
    saying.put(display_name=tag, content_digest=digest)
    yield Artifact(**saying.fields())
    if not is_empty_content(digest):
        yield _content_claim(key, digest, tag)
    yield _input(key, execution, tag)


def _named(execution: str, tag: str, identifier: str) -> Iterator[AnyRecord]:
    try:
        key = normalise_identifier(identifier)
    except LedgerError:
        return
    if key.startswith("dvc:data/"):
        yield Artifact(key=key, type=DATA_TYPE)
        yield _input(key, execution, tag)
    elif key.startswith("dvc:stage/"):
        yield Claim(
            kind=Kind.EXECUTION,
            node=execution,
            identifier=key,
            link_class=LinkClass.ASSERTED,
            evidence={"tag": tag},
        )


def _content_claim(node: str, digest: str, tag: str) -> Claim:
    return Claim(
        kind=Kind.ARTIFACT,
        node=node,
        identifier=digest,
        link_class=LinkClass.CONTENT,
        evidence={"tag": tag},
    )


def _input(artifact: str, execution: str, role: str) -> Event:
    return Event(artifact=artifact, execution=execution, kind=EventKind.INPUT, path=(role,))
