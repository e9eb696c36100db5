"""All views together: load what entries touch, fold them in order, write what changed.

Folding is the same whether an entry was just written or is read again by a rebuild, and does not
depend on how entries are cut into runs, so a rebuild reaches the identical digest.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Final, NamedTuple

from lineage.projections.access import ACCESS_CHANGE, API_KEY, GRANT, Grants
from lineage.projections.catalog import COUNTER, NAMESPACE, SOURCE, TYPE, Catalog
from lineage.projections.edges import EDGE, EdgeEnds, Edges
from lineage.projections.erasures import ERASED, ERASING, PROPOSAL, REDACTED, Erasures
from lineage.projections.governance import (
    DISCLOSURE,
    HANDOVER,
    KEY,
    RECOVERY,
    RESTRAINT,
    Governance,
)
from lineage.projections.handles import HANDLE, Handles
from lineage.projections.links import HUB, LINK, LINK_SAID, Links
from lineage.projections.memberships import MEMBERSHIP, Memberships
from lineage.projections.nodes import NODE, NODE_EARLIER, Nodes
from lineage.projections.retellings import RETOLD, Retellings
from lineage.projections.sources import EXPECTED, HEARD, LOOK, WATCHED, Sources
from lineage.projections.statements import ACTOR, SERIES, STATEMENT, Statements
from lineage.projections.states import STATE, STATE_PAST, States
from lineage.projections.unfolding import Unfolded, unfold
from lineage.projections.words import DETAIL_WORD, WORD, Words, words_of_node
from lineage.stores.base import Reader, Writer
from lineage.stores.scanning import scan_rows
from lineage.stores.tables import BOOKMARK_ID, BOOKMARK_TABLE, Bound, Column, Table
from lineage_schemas.codec import encode_json
from lineage_schemas.entry import Entry
from lineage_schemas.errors import StoreError
from lineage_schemas.governance import GOVERNANCE_TYPES, Erasure, ErasureRefusal, Release

BOOKMARK: Final = Table(
    BOOKMARK_TABLE,
    (Column("id", int), Column("version", str), Column("size", int), Column("turn", int)),
    key=("id",),
    bound=(Bound.PUBLIC, "id"),
)
"""How far the views have come, and which version of the projections made them. One row, and a
second one (``BEHIND_ID``) where ``lineage.anchoring.behind`` has said something of the store.

``turn`` goes up each time they are folded anew: whoever keeps something made from them in memory
sees by it that rows may have changed or gone.
"""

PROJECTION_VERSION: Final = "views/6"
"""Changes whenever the same entries would fold into other rows."""

VIEW_TABLES: Final = (
    NAMESPACE,
    SOURCE,
    HEARD,
    WATCHED,
    LOOK,
    EXPECTED,
    TYPE,
    COUNTER,
    NODE,
    NODE_EARLIER,
    STATE,
    STATE_PAST,
    EDGE,
    MEMBERSHIP,
    HUB,
    LINK,
    LINK_SAID,
    RETOLD,
    HANDLE,
    WORD,
    DETAIL_WORD,
    STATEMENT,
    ACTOR,
    SERIES,
    ERASED,
    ERASING,
    REDACTED,
    PROPOSAL,
    KEY,
    HANDOVER,
    RESTRAINT,
    DISCLOSURE,
    RECOVERY,
    GRANT,
    API_KEY,
    ACCESS_CHANGE,
)
TABLES: Final = (*VIEW_TABLES, BOOKMARK)

BEHIND_ID: Final = 2
_GOVERNANCE: Final = frozenset[type](GOVERNANCE_TYPES)


class Views:
    """One run of folding over all views, inside one writing transaction."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.nodes = Nodes()
        self.retellings = Retellings()
        self.states = States(catalog, self.retellings)
        self.edges = Edges(self.retellings)
        self.memberships = Memberships(self.retellings)
        self.links = Links(self.retellings)
        self.handles = Handles()
        self._words = Words()
        self._statements = Statements()
        self._sources = Sources(catalog)
        self._erasures = Erasures()
        self._governance = Governance()
        self._grants = Grants()

    def unfold(self, entry: Entry) -> Unfolded:
        """Take an entry apart, numbering its namespace when it is new."""
        number = self.catalog.number_of(entry.envelope.namespace, entry.position)
        return unfold(entry, number)

    def load(self, reader: Reader, said: Sequence[Unfolded]) -> None:
        """Load the rows that these entries may change."""
        mentioned = {vertex for one in said for vertex, _ in one.mentions}
        self.nodes.load(reader, mentioned - self.nodes.known)
        self.load_known(
            reader,
            described=[vertex for one in said for vertex, _ in one.described],
            joined=[edge[:2] for one in said for edge in one.edges],
            members=[member for one in said for _, member in one.members],
            linked=[link.vertex for one in said for link in one.links],
            hubs=[link.hub for one in said for link in one.links],
        )
        self.load_governance(reader, (record for one in said for record in one.governance))

    def load_governance(self, reader: Reader, records: Iterable[object]) -> None:
        """Load what these records release, revoke or decide."""
        records = [one for one in records if type(one) in _GOVERNANCE]
        if not records:
            return
        self._grants.load(reader, records)
        decided = [
            record.proposal
            for record in records
            if isinstance(record, Erasure | ErasureRefusal) and record.proposal is not None
        ]
        if decided:
            self._erasures.load(reader, decided)
        released = [record.position for record in records if isinstance(record, Release)]
        if released:
            self._governance.load(reader, released)

    def load_known(
        self,
        reader: Reader,
        *,
        described: Iterable[int],
        joined: Iterable[EdgeEnds],
        members: Iterable[int],
        linked: Iterable[int],
        hubs: Iterable[int],
    ) -> None:
        """Load what is stored of these vertices, leaving out those that are not nodes yet."""
        known = self.nodes.known
        if wanted := known.intersection(described):
            self.states.load(reader, wanted)
        if ends := [pair for pair in joined if known.issuperset(pair)]:
            self.edges.load(reader, ends)
        if wanted := known.intersection(members):
            self.memberships.load(reader, wanted)
        if hubs := set(hubs):
            self.links.load(reader, known.intersection(linked), hubs)

    def fold(self, said: Unfolded) -> None:
        """Fold one entry into every view."""
        position = said.entry.position
        self.catalog.fold(said)
        fresh = dict(self.nodes.fold(said))
        again = {
            vertex for vertex, _ in said.mentions if self.nodes.known_since(vertex) != position
        }
        for vertex in fresh:
            self.catalog.use_id(said.namespace, vertex)
        for vertex, before, after in self.states.fold(said):
            known = None if vertex in fresh else words_of_node(after.key, before)
            fresh.pop(vertex, None)
            self._words.fold_node(position, vertex, words_of_node(after.key, after), known)
            self.handles.fold(said, vertex, before, after)
        for vertex, key in fresh.items():
            self._words.fold_node(position, vertex, words_of_node(key, None))
        self.edges.fold(said)
        self.memberships.fold(said)
        self._words.fold_hubs(position, self.links.fold(said))
        self._statements.fold(said)
        self._sources.fold(said)
        if again:
            self.retellings.moved.update(said.redacted)
            self.retellings.moved.update(one for one, _, series in said.series if series)
        self.retellings.fold(position, again)
        if said.erasures or said.redacted or said.governance:
            self._erasures.fold(said)
        if said.governance:
            self._governance.fold(said)
            self._grants.fold(said)

    def flush(self, writer: Writer, size: int) -> None:
        """Write what changed, and move the bookmark to ``size``.

        Raises:
            StoreError: another version of this software has folded the views meanwhile.
        """
        self.catalog.flush(writer)
        for view in (
            self.nodes,
            self.states,
            self.edges,
            self.memberships,
            self.links,
            self.retellings,
            self.handles,
            self._words,
            self._statements,
            self._sources,
            self._erasures,
            self._governance,
            self._grants,
        ):
            view.flush(writer)
        _move_bookmark(writer, size)


class Bookmark(NamedTuple):
    """How far the views have come: see ``BOOKMARK``."""

    version: str
    size: int
    turn: int


def read_bookmark(reader: Reader) -> Bookmark:
    """Return which version of the projections made the views, and the size they have reached."""
    for _, version, size, turn in reader.find(BOOKMARK, "id", [BOOKMARK_ID]):
        return Bookmark(version, size, turn)
    return Bookmark(PROJECTION_VERSION, 0, 0)


def begin_turn(writer: Writer, turn: int) -> None:
    """Note, once the views were emptied, that they are about to be folded anew."""
    writer.insert(BOOKMARK, [(BOOKMARK_ID, PROJECTION_VERSION, 0, turn)])


def digest_views(reader: Reader) -> str:
    """Return SHA-256 in hexadecimal over every row of every view, in the order of their keys."""
    digest = sha256()
    for table in VIEW_TABLES:
        digest.update(table.name.encode())
        for row in scan_rows(reader, table):
            digest.update(encode_json(row))
    return digest.hexdigest()


def _move_bookmark(writer: Writer, size: int) -> None:
    found = writer.find(BOOKMARK, "id", [BOOKMARK_ID])
    if found and found[0][1] != PROJECTION_VERSION:
        raise StoreError(
            f"Another version of this software keeps the views now ({found[0][1]}, this one "
            f"{PROJECTION_VERSION}); nothing was written",
            hint="Stop this process, and start it with the version that the others run.",
        )
    turn = found[0][3] if found else 0
    row = (BOOKMARK_ID, PROJECTION_VERSION, size, turn)
    if found:
        writer.replace(BOOKMARK, [row])
    else:
        writer.insert(BOOKMARK, [row])
