"""What was read for a report: things with cited values, and how they are joined.

Nothing here depends on the order in which the log learned of it but positions: things are named by
their keys, and every list is in the order of these.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from lineage.questions.citing import Cited
from lineage.serving.holdings import Held
from lineage_schemas.basis import Basis
from lineage_schemas.graph import Redaction, Truncation
from lineage_schemas.mlmd import EventKind, Kind
from lineage_schemas.registry_views import ApprovalView
from lineage_schemas.reports import CitedEntry, Correction, ScopedSource
from lineage_schemas.serving import ServingInterval
from lineage_schemas.values import JsonValue

ThingId = tuple[Kind, str]
"""Names a thing: its kind and the least of its keys."""

_PROPERTY = "properties."
_LABELS = ("properties.display_name", "name")


class Name(NamedTuple):
    """An identifier that a thing goes by, by whose claim and of which class."""

    identifier: str
    link_class: str
    source: str
    stated_us: int | None
    position: int


class Thing(NamedTuple):
    """A node, or the nodes that asserted links join, with the values of a stated time.

    ``also`` are other values of fields: of nodes among these that say otherwise.
    """

    id: ThingId
    keys: tuple[str, ...]
    fields: Mapping[str, Cited]
    names: tuple[Name, ...]
    since: int
    redacted: int = 0
    also: tuple[tuple[str, Cited], ...] = ()

    @property
    def key(self) -> str:
        """The least of its keys, by which it is named."""
        return self.id[1]

    @property
    def type(self) -> str | None:
        """The name of its type."""
        cited = self.fields.get("type")
        value = None if cited is None else cited.value
        return str(value[0]) if isinstance(value, list) else None

    @property
    def is_stub(self) -> bool:
        """Tell whether it is only named, and nothing of it was erased."""
        return not self.fields and not self.redacted

    @property
    def label(self) -> str:
        """What people call it; its key where nobody said."""
        for field in _LABELS:
            cited = self.fields.get(field)
            if cited is not None and isinstance(cited.value, str) and cited.value:
                return cited.value
        return self.key

    def cited(self, name: str) -> Cited | None:
        """Return a declared property as it was cited."""
        return self.fields.get(_PROPERTY + name)

    def value(self, name: str) -> JsonValue:
        """Return the value of a declared property; ``None`` where nobody said one."""
        cited = self.cited(name)
        return None if cited is None else cited.value


class Joint(NamedTuple):
    """An Event between two things, and the entry that says it."""

    artifact: ThingId
    execution: ThingId
    kind: EventKind
    path: tuple[str | int, ...]
    position: int

    @property
    def is_input(self) -> bool:
        """Tell whether data flows into the execution."""
        return self.kind.is_input


class Belonging(NamedTuple):
    """A thing belongs to a context."""

    member: ThingId
    context: ThingId
    position: int


class Crossed(NamedTuple):
    """A link between two things that the walk crossed: by which identifier, and on whose word."""

    near: ThingId
    far: ThingId
    identifier: str
    link_class: str
    sources: tuple[str, ...]
    evidence: tuple[str, ...]
    positions: tuple[int, ...]


class Gathered(NamedTuple):
    """All that a dossier is judged by.

    ``origins`` are the things upstream of the subject, itself among them; ``carriers`` its
    deployments and what lies between them and it, ``commits`` what these were made of, ``foreign``
    what was said of things that are not here. ``others`` is what else was made of the same data,
    ``same_run`` what else came of the runs that made the subject. ``versions`` are those of its
    registered model, ``held`` the stages and aliases that it had, ``decided`` what was decided.
    ``entries`` are read for whatever is cited, by position.
    """

    basis: Basis
    valid_at: str | None
    subject: ThingId
    things: Mapping[ThingId, Thing]
    origins: frozenset[ThingId]
    carriers: frozenset[ThingId]
    commits: frozenset[ThingId]
    foreign: frozenset[ThingId]
    joints: tuple[Joint, ...]
    belongings: tuple[Belonging, ...]
    crossed: tuple[Crossed, ...]
    intervals: tuple[ServingInterval, ...]
    others: tuple[Thing, ...]
    same_run: frozenset[ThingId]
    versions: tuple[Thing, ...]
    held: tuple[Held, ...]
    decided: tuple[ApprovalView, ...]
    left_out: int
    unplaced: int
    truncations: tuple[Truncation, ...]
    redactions: tuple[Redaction, ...]
    corrections: tuple[Correction, ...]
    corrections_hidden: int
    entries: Mapping[int, CitedEntry]
    sources: tuple[ScopedSource, ...] = ()


class Story:
    """What was gathered, with ways through it: who took what in, and what belongs where."""

    def __init__(self, gathered: Gathered) -> None:
        self.gathered = gathered
        self.subject = gathered.things[gathered.subject]
        self._by_key = {
            (one[0], key): thing for one, thing in gathered.things.items() for key in thing.keys
        }
        self._of_execution: dict[ThingId, list[Joint]] = {}
        self._of_artifact: dict[ThingId, list[Joint]] = {}
        self._contexts: dict[ThingId, list[Belonging]] = {}
        self._members: dict[ThingId, list[Belonging]] = {}
        for one in gathered.joints:
            self._of_execution.setdefault(one.execution, []).append(one)
            self._of_artifact.setdefault(one.artifact, []).append(one)
        for two in gathered.belongings:
            self._contexts.setdefault(two.member, []).append(two)
            self._members.setdefault(two.context, []).append(two)
        self._links: dict[ThingId, list[tuple[ThingId, Crossed]]] = {}
        for link in gathered.crossed:
            self._links.setdefault(link.near, []).append((link.far, link))
            self._links.setdefault(link.far, []).append((link.near, link))
        self.registered = frozenset(
            one.context
            for one in self.contexts_of(self.subject.id)
            if one.context in gathered.things
            and self.thing(one.context).type == "lineage.RegisteredModel"
        )
        self.places = frozenset(
            thing.id
            for one in gathered.intervals
            for key in (one.place, one.environment)
            if key is not None and (thing := self.find(Kind.CONTEXT, key)) is not None
        )

    def thing(self, one: ThingId) -> Thing:
        """Return a thing."""
        return self.gathered.things[one]

    def find(self, kind: Kind, key: str) -> Thing | None:
        """Return the thing that has a key, if it is here."""
        return self._by_key.get((kind, key))

    def of(self, execution: ThingId) -> list[Joint]:
        """Return what went into an execution, and came out of it."""
        return self._of_execution.get(execution, [])

    def of_type(self, *names: str, within: Iterable[ThingId] | None = None) -> list[Thing]:
        """Return the things of these types, by kind and key."""
        wanted = {f"lineage.{name}" for name in names}
        ids = self.gathered.things if within is None else within
        return [thing for one in sorted(ids) if (thing := self.thing(one)).type in wanted]

    def origins(self, kind: Kind) -> list[Thing]:
        """Return the things of a kind that are upstream of the subject, by key."""
        return [self.thing(one) for one in sorted(self.gathered.origins) if one[0] is kind]

    def into(self, execution: ThingId) -> list[Joint]:
        """Return what went into an execution."""
        return [one for one in self._of_execution.get(execution, ()) if one.is_input]

    def out_of(self, execution: ThingId) -> list[Joint]:
        """Return what came out of an execution."""
        return [one for one in self._of_execution.get(execution, ()) if not one.is_input]

    def made(self, artifact: ThingId) -> list[Joint]:
        """Return the edges from the executions that made an artifact."""
        return [one for one in self._of_artifact.get(artifact, ()) if not one.is_input]

    def taken(self, artifact: ThingId) -> list[Joint]:
        """Return the edges to the executions that took an artifact in."""
        return [one for one in self._of_artifact.get(artifact, ()) if one.is_input]

    def contexts_of(self, member: ThingId) -> list[Belonging]:
        """Return what a thing belongs to."""
        return self._contexts.get(member, [])

    def members_of(self, context: ThingId) -> list[Belonging]:
        """Return what belongs to a context."""
        return self._members.get(context, [])

    def linked(self, one: ThingId) -> list[ThingId]:
        """Return the things that a link that was crossed joins to one."""
        return sorted({far for far, _ in self._links.get(one, ()) if far != one})

    def links_of(self, one: ThingId) -> list[tuple[ThingId, Crossed]]:
        """Return the links that were crossed at a thing, each with what it joins it to."""
        return self._links.get(one, [])

    def deploying(self) -> list[ThingId]:
        """Return the executions that deployed the subject, or took it out again."""
        carriers = self.gathered.carriers
        found = {one.execution for one in self.gathered.joints if one.artifact in carriers}
        return sorted(found)

    def models(self) -> list[Thing]:
        """Return the subject and the models that it was registered of, by key."""
        found, waiting = {self.subject.id}, [self.subject.id]
        while waiting:
            one = waiting.pop()
            registers = [made.execution for made in self.made(one)]
            sources = [
                joint.artifact
                for register in registers
                if self.thing(register).type == "lineage.Register"
                for joint in self.into(register)
            ]
            for far in (*sources, *self.linked(one)):
                is_model = self.thing(far).type in {"lineage.Model", "lineage.ModelVersion"}
                if is_model and far not in found and far in self.gathered.origins:
                    found.add(far)
                    waiting.append(far)
        return [self.thing(one) for one in sorted(found)]

    def runs(self) -> list[Thing]:
        """Return the executions that made the model itself, by key."""
        found = {made.execution for model in self.models() for made in self.made(model.id)}
        things = [self.thing(one) for one in sorted(found)]
        return [one for one in things if one.type not in {"lineage.Register", "lineage.Promote"}]
