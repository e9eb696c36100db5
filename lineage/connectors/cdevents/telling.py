"""A message as its mapping reads it, and the step that it tells of."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from msgspec import Struct

from lineage.connectors.deployments.convention import Convention
from lineage_schemas.cdevents_names import cdevents_identifier
from lineage_schemas.mlmd import Association, Context, Execution, ExecutionState, ParentContext
from lineage_schemas.outside.cdevents import CDEvent, Content, Reference
from lineage_schemas.records import AnyRecord
from lineage_schemas.uris import without_passwords
from lineage_schemas.values import JsonValue

RUN: Final = "lineage.Run"
ENVIRONMENT: Final = "lineage.Environment"
PROJECT: Final = "lineage.Project"

_NOTHING: Final = Content()


class Telling(Struct, frozen=True):
    """One message, what it is about, and when it was so: ``at``, and ``moment`` as text."""

    event: CDEvent
    subject: str
    predicate: str
    at: datetime
    moment: str
    data: Convention
    triggers: tuple[str, ...] = ()
    """The messages that set this one off, by their keys."""

    @property
    def content(self) -> Content:
        """What is said of the subject."""
        return self.event.subject.content or _NOTHING

    @property
    def id(self) -> str:
        """What the subject is called in its source."""
        return self.event.subject.id

    @property
    def source(self) -> str:
        """Where the subject is called so."""
        return self.event.subject.source or self.event.context.source

    @property
    def key(self) -> str:
        """The subject's key."""
        return cdevents_identifier(self.subject, self.source, self.id)

    @property
    def step(self) -> str:
        """The key of the step, where only the message gives it a name."""
        return self.key_of_message(f"{self.subject}.{self.predicate}")

    @property
    def url(self) -> str | None:
        """Where a person can look at the subject."""
        found = self.content.uri or self.content.url
        return None if found is None else without_passwords(found)

    def key_of_message(self, kind: str) -> str:
        """Return the key of something that only this message gives a name."""
        return cdevents_identifier(kind, self.event.context.source, self.event.context.id)

    def source_of(self, other: Reference) -> str:
        """Return the source of another thing: the message's own, where none is named."""
        return other.source or self.event.context.source

    def key_of(self, kind: str, other: Reference) -> str:
        """Return the key of another thing."""
        return cdevents_identifier(kind, self.source_of(other), other.id)


class Step(Struct):
    """What a message says happened: an execution, and all that goes with it."""

    key: str
    type: str = RUN
    properties: dict[str, JsonValue] = {}
    custom: dict[str, JsonValue] = {}
    personal: tuple[str, ...] = ()
    state: ExecutionState | None = None
    records: list[AnyRecord] = []
    cleared: tuple[str, ...] = ()
    """Properties of which it is said that they have no value any more."""

    is_later: bool = False
    """Whether the step began before this message, so that what led to the message need not have led
    to the step."""

    names_signal: str | None = None
    """The key of an artifact that the message stands for where it sets something off."""

    def execution(self) -> Execution:
        """Return the record of the execution."""
        return Execution(
            key=self.key,
            type=self.type,
            state=self.state,
            properties={**without_none(self.properties), **dict.fromkeys(self.cleared)},
            custom_properties=without_none(self.custom),
            personal=self.personal,
        )


def without_none(properties: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """Leave out what is not said; a property that is null would be cleared."""
    return {name: value for name, value in properties.items() if value is not None}


def say_environment(telling: Telling, step: str) -> Iterator[AnyRecord]:
    """Yield the environment that a message names, to which its step belongs."""
    environment = telling.content.environment
    if environment is not None:
        key = telling.key_of("environment", environment)
        yield Context(key=key, type=ENVIRONMENT, properties={"display_name": environment.id})
        yield Association(context=key, execution=step)


def say_repository(telling: Telling, child: str | None) -> Iterator[AnyRecord]:
    """Yield the repository that a message names, and that a context lies in it."""
    repository = telling.content.repository
    if repository is not None:
        key = telling.key_of("repository", repository)
        yield Context(key=key, type=PROJECT, properties={"display_name": repository.id})
        if child is not None:
            yield ParentContext(child=child, parent=key)
