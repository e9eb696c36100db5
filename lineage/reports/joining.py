"""Read how the things of a report are joined, and the entries that it cites."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from lineage.graph.crossing import WalkedLinks
from lineage.graph.links import Crossing, LinkIndex, crossings_between
from lineage.projections.edges import EDGE, read_detail
from lineage.projections.links import LinkRow, read_evidence
from lineage.projections.memberships import MEMBERSHIP
from lineage.projections.unfolding import KEY_CLASS
from lineage.questions.nodes import read_identifiers
from lineage.reports.gathered import Belonging, Crossed, Joint, Thing, ThingId
from lineage.reports.things import Things
from lineage.stores.base import Reader
from lineage.stores.tables import is_visible
from lineage.vertices import KIND_CODES, kind_code
from lineage_schemas.codec import decode_envelope
from lineage_schemas.instants import format_instant
from lineage_schemas.mlmd import EventKind, Kind
from lineage_schemas.reports import CitedEntry, Correction
from lineage_schemas.serving import ServingInterval

LATE_AFTER_DAYS: Final = 7
"""Entries recorded so long after what they state are told of as late."""
CLAIMS_PAIRED_MAX: Final = 200
"""Claims of one identifier that are set against each other, by kind and id of their nodes."""
CORRECTIONS_MAX: Final = 1_000
"""Replaced values that a report lists."""

_LATE_AFTER_US: Final = LATE_AFTER_DAYS * 86_400_000_000
_EXECUTION: Final = KIND_CODES[Kind.EXECUTION]


def read_joints(
    reader: Reader, things: Things, kept: Collection[ThingId], size: int
) -> tuple[Joint, ...]:
    """Return the Events between things, each with the first entry that says it.

    An Event that was dated later has a row for each date; the first that says so is cited.
    """
    executions = {one for one in things.members(kept) if kind_code(one) == _EXECUTION}
    found: dict[tuple[ThingId, ThingId, str, tuple[str | int, ...]], int] = {}
    shown: set[tuple[ThingId, ThingId, str, tuple[str | int, ...]]] = set()
    for column in ("tail", "head"):
        for tail, head, kind, since, until, body, _ in reader.find(EDGE, column, executions):
            if since >= size:
                continue
            artifact, execution = (tail, head) if head in executions else (head, tail)
            ends = [one for vertex in (artifact, execution) for one in things.ids([vertex])]
            if len(ends) == 2 and all(one in kept for one in ends):  # noqa: PLR2004 - both ends
                detail = read_detail(body)
                key = ends[0], ends[1], str(kind), () if detail is None else tuple(detail.path)
                found[key] = min(since, found.get(key, since))
                if is_visible(since, until, size):
                    shown.add(key)
    return tuple(
        Joint(artifact, execution, EventKind(kind), path, found[artifact, execution, kind, path])
        for artifact, execution, kind, path in sorted(
            shown, key=lambda key: (*key[:3], str(key[3]))
        )
    )


def read_belongings(
    reader: Reader, things: Things, kept: Collection[ThingId], size: int
) -> tuple[Belonging, ...]:
    """Return which of these things belong to which."""
    found: dict[tuple[ThingId, ThingId], int] = {}
    for member, context, since in reader.find(MEMBERSHIP, "member", things.members(kept)):
        ends = [one for vertex in (member, context) for one in things.ids([vertex])]
        if since < size and len(ends) == 2 and all(one in kept for one in ends):  # noqa: PLR2004
            key = ends[0], ends[1]
            found[key] = min(since, found.get(key, since))
    return tuple(Belonging(*key, found[key]) for key in sorted(found))


def find_crossings(links: LinkIndex, walked: WalkedLinks, size: int) -> tuple[list[Crossing], int]:
    """Return the links of a walk, of several by one class between two nodes the first by key.

    Each claim of an identifier is set against each other one, so of more than
    ``CLAIMS_PAIRED_MAX`` only the first are; how many are left out comes with the links.
    """
    near = set(walked.near.vertex.tolist())
    by_hub: dict[int, list[LinkRow]] = {}
    for row in links.rows_of(walked.joining(), size):
        by_hub.setdefault(row.hub, []).append(row)
    paired = {hub: rows[:CLAIMS_PAIRED_MAX] for hub, rows in by_hub.items()}
    claims: dict[int, list[LinkRow]] = {}
    for row in sorted(row for rows in paired.values() for row in rows):
        if row.vertex in near:
            claims.setdefault(row.vertex, []).append(row)
    found: list[Crossing] = []
    for mine in claims.values():
        others = sorted(far for hub in {row.hub for row in mine} for far in paired[hub])
        found += crossings_between(mine, others, walked.crossed)
    hidden = sum(len(rows) - len(paired[hub]) for hub, rows in by_hub.items())
    return found, hidden


def read_crossed(
    reader: Reader,
    things: Things,
    kept: Collection[ThingId],
    listed: Collection[Crossing],
    valid_us: int | None,
) -> tuple[Crossed, ...]:
    """Return the links that were crossed, those inside a thing too, each once.

    One that somebody claims later than the valid time was not known to be so by then.
    """
    identifiers = read_identifiers(reader, [one.near.hub for one in listed])
    found: set[Crossed] = set()
    for near, far, link_class in listed:
        ends = [one for row in (near, far) for one in things.ids([row.vertex])]
        if len(ends) == 2 and all(one in kept for one in ends):  # noqa: PLR2004
            claims = [row for row in (near, far) if row.link_class != KEY_CLASS]
            if any(
                valid_us is not None and row.stated_us is not None and row.stated_us > valid_us
                for row in claims
            ):
                continue
            found.add(
                Crossed(
                    near=min(ends),
                    far=max(ends),
                    identifier=identifiers.get(near.hub) or "",
                    link_class=link_class.value,
                    sources=tuple(sorted({row.source for row in claims})),
                    evidence=tuple(
                        text for row in claims if (text := _evidence_text(read_evidence(row)))
                    ),
                    positions=tuple(sorted({row.since for row in claims})),
                )
            )
    return tuple(sorted(found))


def _evidence_text(evidence: Mapping[str, object]) -> str:
    return ", ".join(f"{name}: {value}" for name, value in sorted(evidence.items()))


def list_corrections(things: Things, kept: Iterable[ThingId]) -> tuple[tuple[Correction, ...], int]:
    """Return the values that others took the place of, and how many more there are."""
    found = [
        Correction(
            of=one[1],
            field=replaced.field,
            before=replaced.before.value,
            said_at=replaced.before.position,
            replaced_at=replaced.after.position,
        )
        for one in sorted(kept)
        for replaced in things.replaced(one)
    ]
    found.sort(key=lambda one: (one.replaced_at, one.of, one.field, one.said_at))
    return tuple(found[:CORRECTIONS_MAX]), max(0, len(found) - CORRECTIONS_MAX)


def positions_of(
    things: Iterable[Thing],
    joints: Iterable[Joint | Belonging],
    crossed: Iterable[Crossed],
    intervals: Iterable[ServingInterval],
) -> set[int]:
    """Return every entry that may be cited of these."""
    found = {one.position for one in joints}
    for thing in things:
        found.add(thing.since)
        found.update(cited.position for cited in thing.fields.values())
        found.update(name.position for name in thing.names)
    for link in crossed:
        found.update(link.positions)
    for interval in intervals:
        found.update(interval.positions)
    return found


def read_entries(reader: Reader, positions: Iterable[int]) -> dict[int, CitedEntry]:
    """Return these entries as a report lists them."""
    return {position: _read_entry(reader, position) for position in sorted(set(positions))}


def _read_entry(reader: Reader, position: int) -> CitedEntry:
    (stored,) = reader.entries(position, 1)
    envelope = decode_envelope(stored.envelope)
    stated = envelope.stated
    start_us = None if stated is None else stated.start_us
    end_us = None if stated is None else stated.end_us
    latest_us = end_us if end_us is not None else start_us
    return CitedEntry(
        position=position,
        leaf=stored.leaf.hex(),
        statement=envelope.statement,
        source=envelope.source,
        actor=envelope.actor,
        recorded=format_instant(envelope.recorded_us),
        stated_from=None if start_us is None else format_instant(start_us),
        stated_to=None if end_us is None else format_instant(end_us),
        stated_precision=None if stated is None else stated.precision.value,
        message=envelope.message,
        late=latest_us is not None and envelope.recorded_us - latest_us > _LATE_AFTER_US,
    )
