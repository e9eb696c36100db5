"""Merged: nodes that asserted links join as the one thing they are, each value with its entry.

Values are those of a size and of the stated time that is asked about, by the rule of observations.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final, NamedTuple

from lineage.projections.nodes import NODE
from lineage.questions.citing import Cited, cite_entity, cite_nodes
from lineage.questions.entities import entities_of
from lineage.questions.graph_asked import GraphAsked
from lineage.questions.nodes import read_identifiers
from lineage.questions.redactions import count_redacted
from lineage.vertices import id_of, node_name
from lineage_schemas.mlmd import Kind
from lineage_schemas.provenance import ThingRef
from lineage_schemas.records import LinkClass
from lineage_schemas.values import JsonValue

_PROPERTY: Final = "properties."
_LABELS: Final = ("properties.display_name", "name")


DATA_TYPES: Final = frozenset(
    f"lineage.{name}" for name in ("DataSet", "Split", "Labelling", "FeatureView")
)
"""Types of bodies of data."""

CODE_SUFFIXES: Final = frozenset(
    f".{name}"
    for name in (
        *("c", "cc", "cpp", "go", "h", "hpp", "ipynb", "java", "jl", "js", "kt", "m", "py"),
        *("r", "rmd", "rs", "scala", "sh", "sql", "ts"),
    )
)
"""Endings of names by which files that are tracked as data are told to be code."""

_DIGESTS: Final = ("content_digest", "weights_digest")


@dataclass(frozen=True, eq=False)
class Merged:
    """One thing: its nodes by vertex, the least of their keys, and what shows of them together."""

    members: tuple[int, ...]
    keys: tuple[str, ...]
    fields: Mapping[str, Cited]
    redacted: int

    @property
    def kind(self) -> Kind:
        """The kind of all of its nodes."""
        return node_name(self.members[0]).kind

    @property
    def ids(self) -> tuple[int, ...]:
        """The ids of its nodes."""
        return tuple(map(id_of, self.members))

    @property
    def key(self) -> str:
        """What it is named by."""
        return self.keys[0] if self.keys else f"{self.kind.value}/{self.ids[0]}"

    @property
    def type(self) -> str | None:
        """The name of its type."""
        cited = self.fields.get("type")
        value = None if cited is None else cited.value
        return str(value[0]) if isinstance(value, list) else None

    @property
    def label(self) -> str | None:
        """What people call it, where anybody said."""
        texts = (self.fields[field].value for field in _LABELS if field in self.fields)
        return next((text for text in texts if isinstance(text, str) and text), None)

    @property
    def is_stub(self) -> bool:
        """Tell whether it is only named, and nothing of it was erased."""
        return not self.fields and not self.redacted

    def cited(self, name: str) -> Cited | None:
        """Return a declared property with the entry that says it."""
        return self.fields.get(_PROPERTY + name)

    def value(self, name: str) -> JsonValue:
        """Return a declared property; ``None`` where nobody said one."""
        cited = self.cited(name)
        return None if cited is None else cited.value

    def text(self, name: str) -> str | None:
        """Return a declared property that is a text."""
        value = self.value(name)
        return value if isinstance(value, str) and value else None


def read_merged(asked: GraphAsked, vertices: Iterable[int]) -> dict[int, Merged]:
    """Return the thing of each of these nodes, and of every node that it consists of."""
    entities = entities_of(asked.links, vertices, asked.size)
    groups = {members[0]: tuple(members) for members in entities.values()}
    every = [one for members in groups.values() for one in members]
    histories = cite_nodes(asked.reader, every, asked.size, asked.valid_us)
    redacted = count_redacted(asked.reader, every, asked.size)
    keys = {row[0]: row[3] for row in asked.reader.find(NODE, "vertex", every)}
    found: dict[int, Merged] = {}
    for members in groups.values():
        merged = Merged(
            members,
            tuple(sorted(key for one in members if (key := keys.get(one)) is not None)),
            cite_entity([histories.get(one, {}) for one in members]),
            sum(redacted.get(one, 0) for one in members),
        )
        found.update(dict.fromkeys(members, merged))
    return found


def is_code_file(thing: Merged) -> bool:
    """Tell whether a data set is a file of code: by what people call it, or by its key."""
    if thing.type != "lineage.DataSet":
        return False
    names = (thing.label or "", *(key.partition("@")[0] for key in thing.keys))
    return any(PurePosixPath(name).suffix.lower() in CODE_SUFFIXES for name in names)


def thing_ref(thing: Merged) -> ThingRef:
    """Return a thing as answers name it."""
    return ThingRef(
        kind=thing.kind, ids=thing.ids, key=thing.key, type=thing.type, label=thing.label
    )


class Versions(NamedTuple):
    """By what the content of a thing is told: digests, and a version in a scheme."""

    digests: frozenset[str]
    version: str | None
    has_scheme: bool = False

    @property
    def texts(self) -> tuple[str, ...]:
        """All of them, for people."""
        return (*sorted(self.digests), *(() if self.version is None else (self.version,)))


def read_versions(asked: GraphAsked, things: Iterable[Merged]) -> dict[Merged, Versions]:
    """Return by what the content of each of these things is told, as far as anybody said."""
    rows = {
        thing: [
            row
            for vertex in thing.members
            for row in asked.links.of_vertex(vertex, asked.size)
            if row.link_class == LinkClass.CONTENT.value
            and (asked.valid is None or asked.valid.time.has_begun(row.stated_us))
        ]
        for thing in things
    }
    identifiers = read_identifiers(asked.reader, {r.hub for found in rows.values() for r in found})
    told: dict[Merged, Versions] = {}
    for thing, found in rows.items():
        claimed = {text for row in found if (text := identifiers.get(row.hub)) is not None}
        said = {digest for name in _DIGESTS if (digest := thing.text(name)) is not None}
        version = thing.text("version")
        scheme = thing.text("version_scheme")
        told[thing] = Versions(
            frozenset(claimed | said),
            f"{scheme}:{version}" if version is not None and scheme is not None else version,
            has_scheme=scheme is not None,
        )
    return told
