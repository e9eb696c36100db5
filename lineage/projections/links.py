"""The view of links: which nodes go by which identifiers, by whose claim, and since when.

The identifier is a hub, so n nodes that share it need n links. Each source's claim of one class is
a register of its own: of a claim and a retraction the later stated one counts, and at the same
stated time the retraction; so the order in which they arrive does not matter.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from msgspec import json

from lineage.projections.retellings import Retellings, is_overtaken
from lineage.projections.unfolding import KEY_CLASS, LinkSaid, Unfolded
from lineage.stores.base import Reader, Writer
from lineage.stores.tables import Bound, Column, Row, Table
from lineage.vertices import name_hash, realm
from lineage_schemas.codec import encode_json
from lineage_schemas.records import Claim, Retraction
from lineage_schemas.values import JsonValue

HUB: Final = Table(
    "hub",
    (
        Column("hub", int),
        Column("since", int),
        Column("identifier_hash", int, optional=True),
        Column("identifier", str, optional=True),
        Column("realm", int),
    ),
    key=("hub",),
    indexes=(("identifier_hash",),),
    bound=(Bound.VERTEX, "hub"),
)

LINK: Final = Table(
    "link",
    (
        Column("vertex", int),
        Column("hub", int),
        Column("class", str),
        Column("source", str),
        Column("since", int),
        Column("until", int, optional=True),
        Column("active", int),
        Column("stated_us", int, optional=True),
        Column("evidence", bytes, optional=True),
    ),
    key=("vertex", "hub", "class", "source", "since"),
    indexes=(("hub",), ("since",)),
    bound=(Bound.VERTEX, "vertex"),
)
"""``active`` is 1 for a claim and 0 for a retraction; ``evidence`` is a JSON object."""

LINK_SAID: Final = Table(
    "link_said",
    LINK.columns,
    key=LINK.key,
    indexes=(("hub",),),
    bound=(Bound.VERTEX, "vertex"),
)
"""Every claim and retraction that said something new when it arrived, whether it counts in ``LINK``
or came too late to: what stood at a stated time is read from it (``lineage.projections.standing``).
Only ever added to, so ``until`` stays empty. Keys are not said, and are not here."""


class LinkRow(NamedTuple):
    """A row of ``LINK``."""

    vertex: int
    hub: int
    link_class: str
    source: str
    since: int
    until: int | None
    active: int
    stated_us: int | None
    evidence: bytes | None

    @property
    def register(self) -> tuple[int, int, str, str]:
        """What tells one source's claim of one class from every other."""
        return self[:4]

    @property
    def order(self) -> tuple[bool, int, bool, bytes]:
        """Later stated first, a retraction before a claim, then by evidence."""
        stated = self.stated_us
        return stated is not None, stated or 0, not self.active, self.evidence or b""

    @property
    def value(self) -> tuple[int, bytes | None]:
        """What the register holds."""
        return self.active, self.evidence


class Links:
    """The hubs and links that one run of folding touches."""

    def __init__(self, retellings: Retellings) -> None:
        self._retellings = retellings
        self.hubs: dict[tuple[int, str], int] = {}
        """(realm, identifier) of the hubs that were looked up, to their vertices."""
        self._known_hubs: set[int] = set()
        self._nameless: dict[int, Row] = {}
        """Hubs whose claims so far were erased: the next one that tells an identifier names it."""
        self._new_hubs: dict[int, Row] = {}
        self._named_hubs: list[Row] = []
        self._open: dict[tuple[int, int, str, str], LinkRow] = {}
        self._new: dict[Row, Row] = {}
        self._changed: dict[Row, Row] = {}
        self._said: dict[Row, LinkRow] = {}

    def load_identifiers(self, reader: Reader, hashes: Iterable[int]) -> None:
        """Look up hubs by the hashes of their identifiers."""
        for hub, _, _, identifier, of_realm in reader.find(HUB, "identifier_hash", hashes):
            self.hubs[of_realm, identifier] = hub
            self._known_hubs.add(hub)

    def load(self, reader: Reader, vertices: Iterable[int], hubs: Iterable[int]) -> None:
        """Load the links of nodes that were there before, and which hubs are."""
        for row in reader.find(HUB, "hub", hubs):
            self._known_hubs.add(row[0])
            if row[3] is None:
                self._nameless[row[0]] = row
        for row in map(LinkRow._make, reader.find(LINK, "vertex", vertices)):
            if row.until is None:
                self._open[row.register] = row

    def fold(self, said: Unfolded) -> list[tuple[int, str]]:
        """Add or change the links of one entry; return the hubs that it named first."""
        named: list[tuple[int, str]] = []
        for link in said.links:
            if link.hub not in self._known_hubs or link.hub in self._nameless:
                self._put_hub(said, link)
                if link.record is not None:
                    named.append((link.hub, link.record.identifier))
            self._fold_link(said, link)
        return named

    def flush(self, writer: Writer) -> None:
        """Write what was added and changed."""
        writer.replace(HUB, self._named_hubs)
        writer.insert(HUB, list(self._new_hubs.values()))
        writer.replace(LINK, list(self._changed.values()))
        writer.insert(LINK, list(self._new.values()))
        self._new_hubs, self._named_hubs = {}, []
        writer.insert(LINK_SAID, list(self._said.values()))
        self._new, self._changed, self._said = {}, {}, {}

    def _put_hub(self, said: Unfolded, link: LinkSaid) -> None:
        """Add a hub, or name one that had no name."""
        identifier = link.record.identifier if link.record else None
        of_realm = realm(link.vertex)
        old = self._nameless.pop(link.hub, None)
        since = said.entry.position if old is None else old[1]
        if identifier is None:
            row = old or (link.hub, since, None, None, of_realm)
            self._nameless[link.hub] = row
        else:
            row = (link.hub, since, name_hash(of_realm, identifier), identifier, of_realm)
            self.hubs[of_realm, identifier] = link.hub
        if link.hub not in self._known_hubs or link.hub in self._new_hubs:
            self._new_hubs[link.hub] = row
        elif row is not old:
            self._named_hubs.append(row)
        self._known_hubs.add(link.hub)

    def _fold_link(self, said: Unfolded, link: LinkSaid) -> None:
        row = _row_of(said, link)
        old = self._open.get(row.register)
        if link.link_class is not None and (old is None or row.order != old.order):
            self._say(row)
        if old is not None and is_overtaken(row.stated_us, old.stated_us):
            self._retellings.overtaken.add(row.vertex)
        if old is not None and row.order <= old.order:
            return
        if old is not None and (row.since == old.since or row.value == old.value):
            self._put(row._replace(since=old.since))
            return
        if old is not None:
            self._put(old._replace(until=row.since))
        self._retellings.moved.add(row.vertex)
        self._new[row[:5]] = row
        self._put(row)

    def _say(self, row: LinkRow) -> None:
        """Keep what was said; of one register, what counts most of one entry."""
        said = self._said.get(row[:5])
        if said is None or said.order < row.order:
            self._said[row[:5]] = row

    def _put(self, row: LinkRow) -> None:
        if row.until is None:
            self._open[row.register] = row
        (self._new if row[:5] in self._new else self._changed)[row[:5]] = row


def read_evidence(row: LinkRow) -> dict[str, JsonValue]:
    """Return the evidence of a link."""
    return {} if row.evidence is None else json.decode(row.evidence, type=dict[str, JsonValue])


def _row_of(said: Unfolded, link: LinkSaid) -> LinkRow:
    envelope = said.entry.envelope
    position = said.entry.position
    if link.link_class is None:
        return LinkRow(link.vertex, link.hub, KEY_CLASS, "", position, None, 1, None, None)
    return LinkRow(
        link.vertex,
        link.hub,
        link.link_class.value,
        envelope.source,
        position,
        None,
        int(link.active),
        envelope.stated.start_us if envelope.stated else None,
        _evidence_of(link.record),
    )


def _evidence_of(record: Claim | Retraction | None) -> bytes | None:
    match record:
        case Claim():
            return encode_json(record.evidence) if record.evidence else None
        case Retraction():
            return encode_json({"reason": record.reason}) if record.reason else None
        case None:
            return None
