"""Registered models and their versions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import quote

from msgspec import Struct

from lineage.connectors.mlflow.documents import PROMPT_TAG
from lineage.connectors.mlflow.keys import (
    artifact_key,
    key_of,
    logged_model_key,
    registered_model_key,
    run_key,
    version_key,
)
from lineage.connectors.mlflow.saying import Saying, moment
from lineage.connectors.mlflow.tags import say_ci_run
from lineage_schemas.errors import LedgerError
from lineage_schemas.identifiers import normalise_identifier
from lineage_schemas.mlflow_names import (
    LoggedModel,
    NumberedVersion,
    RunArtifact,
    parse_model_uri,
)
from lineage_schemas.mlmd import (
    Artifact,
    ArtifactState,
    Association,
    Attribution,
    Context,
    Event,
    EventKind,
    Execution,
    ExecutionState,
)
from lineage_schemas.outside.mlflow import ModelVersion, RegisteredModel
from lineage_schemas.records import AnyRecord
from lineage_schemas.values import JsonValue

REGISTERED_TYPE: Final = "lineage.RegisteredModel"
VERSION_TYPE: Final = "lineage.ModelVersion"
REGISTER_TYPE: Final = "lineage.Register"
MODEL_TYPE: Final = "lineage.Model"

STAGES: Final = {"Staging": "staging", "Production": "production", "Archived": "archived"}

SEMANTIC_VERSION_TAGS: Final = ("semantic_version", "semver", "model_version", "version")
"""Tags in which people write it; the first that holds one counts."""

_SEMANTIC: Final = re.compile(r"v?(\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]+)?)")
_IN_RUN: Final = re.compile(r"/(?P<run>[0-9a-f]{32})/artifacts/(?P<path>.+)")
_NO_ADDRESS: Final = frozenset({"mlflow-artifacts", "runs", "models", "dbfs"})
_USER: Final = "mlflow.user"


class _Source(Struct, frozen=True):
    """What a version was made from: an artifact here, and the run that is said to have made it."""

    artifact: str
    made_by: str | None = None
    uri: str | None = None
    is_version: bool = False


def say_registered_model(
    server: str, shown: RegisteredModel, before: Mapping[str, str] | None
) -> Iterator[AnyRecord]:
    """Yield a registered model, and to each of its versions the aliases that point to it.

    ``before``: the aliases of the revision before this one, if there was any.
    """
    key = registered_model_key(server, shown.name)
    saying = Saying(key, REGISTERED_TYPE, before is not None)
    is_prompt = shown.tags.get(PROMPT_TAG) == "true"
    saying.put(
        display_name=shown.name,
        description=shown.description,
        source_type="prompt" if is_prompt else "registered model",
        source_state="active",
        registry=server,
        aliases=dict(shown.aliases),
    )
    saying.put_texts("tags", dict(shown.tags))
    saying.keep(
        {
            "creation_time": moment(shown.creation_timestamp),
            "last_updated_time": moment(shown.last_updated_timestamp),
            "is_prompt": is_prompt or None,
        }
    )
    yield Context(**saying.fields())
    for number in sorted({*shown.aliases.values(), *(before or {}).values()}):
        yield _aliases_of_version(server, shown, number)


def _aliases_of_version(server: str, shown: RegisteredModel, number: str) -> Artifact:
    names: list[JsonValue] = [name for name, to in sorted(shown.aliases.items()) if to == number]
    return Artifact(
        key=version_key(server, shown.name, number),
        type=VERSION_TYPE,
        properties={"aliases": {"items": names} if names else None},
    )


def say_version_structure(server: str, shown: ModelVersion) -> Iterator[AnyRecord]:
    """Yield how a version came to be: what was registered, out of what, by which run."""
    key = version_key(server, shown.name, shown.version)
    model = registered_model_key(server, shown.name)
    register = key_of("register", server, shown.name, shown.version)
    saying = Saying(register, REGISTER_TYPE)
    at = moment(shown.creation_timestamp)
    saying.put(
        display_name=f"register {shown.name} v{shown.version}",
        source_type="model version",
        model_name=shown.name,
        version_number=_number(shown.version),
        registry=server,
        started_time=at,
        ended_time=at,
        registered_by=shown.user_id,
    )
    yield Context(key=model, type=REGISTERED_TYPE)
    yield Artifact(key=key, type=VERSION_TYPE)
    yield Execution(**saying.fields(), state=ExecutionState.COMPLETE)
    yield Event(artifact=key, execution=register, kind=EventKind.OUTPUT)
    yield Attribution(context=model, artifact=key)
    yield Association(context=model, execution=register)
    yield from _source_records(server, shown, register)
    yield from say_ci_run(register, shown.tags)


def say_version(server: str, shown: ModelVersion, *, was_known: bool) -> Iterator[AnyRecord]:
    """Yield what a version shows now."""
    saying = Saying(version_key(server, shown.name, shown.version), VERSION_TYPE, was_known)
    is_prompt = shown.tags.get(PROMPT_TAG) == "true"
    saying.put(
        display_name=f"{shown.name} v{shown.version}",
        description=shown.description,
        source_type="prompt version" if is_prompt else "model version",
        source_state=shown.status,
        model_name=shown.name,
        number=_number(shown.version),
        semantic_version=_semantic(shown.tags),
        stage=STAGES.get(shown.current_stage or ""),
        registry=server,
        model_uri=shown.source,
        registered_time=moment(shown.creation_timestamp),
        registered_by=shown.user_id or shown.tags.get(_USER),
    )
    saying.put_texts("tags", {name: text for name, text in shown.tags.items() if name != _USER})
    saying.keep(
        {
            "current_stage": shown.current_stage,
            "last_updated_time": moment(shown.last_updated_timestamp),
            "run": run_key(server, shown.run_id) if shown.run_id else None,
            "run_link": shown.run_link,
            "status_message": shown.status_message,
            "is_prompt": is_prompt or None,
        }
    )
    yield Artifact(**saying.fields(), uri=shown.source, state=ArtifactState.LIVE)


def _source_records(server: str, shown: ModelVersion, register: str) -> Iterator[AnyRecord]:
    source = _source(server, shown)
    if source is None:
        return
    known = VERSION_TYPE if source.is_version else MODEL_TYPE
    yield Artifact(key=source.artifact, type=known, uri=source.uri)
    yield Event(
        artifact=source.artifact, execution=register, kind=EventKind.INPUT, path=("source",)
    )
    if source.made_by is not None:
        yield Event(
            artifact=source.artifact,
            execution=run_key(server, source.made_by),
            kind=EventKind.DECLARED_OUTPUT,
        )


def _source(server: str, shown: ModelVersion) -> _Source | None:
    text = shown.source or ""
    if shown.model_id:
        return _Source(logged_model_key(server, shown.model_id))
    match parse_model_uri(text, server):
        case LoggedModel(model=model):
            return _Source(model)
        case NumberedVersion(version=version):
            return _Source(version, is_version=True)
        case RunArtifact(run_id=run_id, path=path) if path:
            return _Source(artifact_key(server, run_id, path), made_by=run_id)
        case _:
            pass
    in_run = _IN_RUN.search(text)
    if in_run and in_run["run"] == shown.run_id:
        path = in_run["path"].rstrip("/")
        return _Source(artifact_key(server, in_run["run"], path), made_by=in_run["run"])
    return _elsewhere(server, text, shown.run_id)


def _elsewhere(server: str, text: str, run_id: str | None) -> _Source | None:
    """Return a model that lies at an address outside of what MLflow keeps."""
    scheme, colon, _ = text.partition(":")
    if colon and scheme.lower() not in _NO_ADDRESS and "/" in text:
        uri = text
    elif text.startswith("/"):
        # A path on the machine of whoever registered it: the server's own, as far as is known.
        return _Source(key_of("path", server, text), made_by=run_id)
    else:
        return None
    try:
        return _Source(normalise_identifier(f"uri:{uri}"), made_by=run_id, uri=uri)
    except LedgerError:
        return _Source(key_of("path", server, quote(text)), made_by=run_id)


def _semantic(tags: Mapping[str, str]) -> str | None:
    for name in SEMANTIC_VERSION_TAGS:
        found = _SEMANTIC.fullmatch(tags.get(name, "").strip())
        if found:
            return found[1]
    return None


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() else None
