"""What a verified proof or checkpoint shows, for machines and as lines for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec
from msgspec import Struct

from lineage.proofs.growth import Growth
from lineage.proofs.verifying import ProvenEntry, SignedCheckpoint
from lineage_api.cli.printing import counted, printable
from lineage_schemas.codec import decode_envelope
from lineage_schemas.entry import Envelope
from lineage_schemas.errors import LedgerError
from lineage_schemas.instants import format_instant
from lineage_schemas.values import JsonValue

SHOWN: Final = "shown"
NOT_SHOWN: Final = "not shown"
NONE: Final = "none"

RECORD_WIDTH: Final = 160
"""Characters of a record that are printed where it is not wanted whole."""


class EntryFacts(Struct, frozen=True, kw_only=True):
    """What the proven envelope says of its entry."""

    statement: str
    source: str
    namespace: str
    actor: str
    mode: str
    recorded_at: str


class ProofView(Struct, frozen=True, kw_only=True):
    """An entry that is proved. ``entry`` is ``None`` where this software cannot read its envelope.

    ``facts`` and ``personal`` say of each payload part whether it is shown, not shown, or none.
    ``records`` are those of the facts as they were hashed; ``personal_values`` what was kept apart
    from them: (index of the record, its values).
    """

    file: str
    proof: int
    position: int
    origin: str
    size: int
    root: str
    signed_by: str
    entry: EntryFacts | None
    envelope: str
    facts: str
    records: list[JsonValue] | None
    personal: str
    personal_values: list[JsonValue] | None


class CheckpointView(Struct, frozen=True, kw_only=True):
    """A checkpoint whose signature holds, and the timestamp over it, if one was given."""

    file: str
    origin: str
    size: int
    root: str
    signed_by: str
    stamped_at: str | None = None
    authority: str | None = None


class GrowthView(Struct, frozen=True, kw_only=True):
    """A log that was proved to begin with an older one of its checkpoints."""

    file: str
    origin: str
    old_size: int
    size: int
    root: str
    signed_by: str


class ExportView(Struct, frozen=True, kw_only=True):
    """An export in which everything holds.

    ``signed_size`` is up to which size ``signed_by`` vouch for it (``None``: nobody does);
    ``by_given_keys``: on the word of a key that was given, and not of the log itself.
    ``erased_parts`` are not there, each stated to be erased by an entry.
    """

    file: str
    origin: str
    size: int
    root: str
    final: bool
    signed_size: int | None
    signed_by: tuple[str, ...]
    by_given_keys: bool
    erased_parts: int


View = ProofView | CheckpointView | GrowthView


class _Part(Struct, frozen=True):
    records: list[JsonValue]


_PART: Final = msgspec.json.Decoder(_Part)


def view_of(file: str, number: int, proven: ProvenEntry) -> ProofView:
    """Return what the proof of that number in a file proves."""
    checkpoint, key, _ = proven.checkpoint
    envelope = _envelope(proven.envelope)
    return ProofView(
        file=file,
        proof=number,
        position=proven.position,
        origin=checkpoint.origin,
        size=checkpoint.size,
        root=checkpoint.root.hex(),
        signed_by=str(key),
        entry=None if envelope is None else _facts_of(envelope),
        envelope=proven.envelope.decode(),
        facts=_shown(proven.facts, committed=proven.facts_committed),
        records=_records(proven.facts),
        personal=_shown(proven.personal, committed=proven.personal_committed),
        personal_values=_records(proven.personal),
    )


def view_checkpoint(
    file: str,
    signed: SignedCheckpoint,
    *,
    stamped_at: str | None = None,
    authority: str | None = None,
) -> CheckpointView:
    """Return what a checkpoint says."""
    return CheckpointView(
        file=file,
        origin=signed.checkpoint.origin,
        size=signed.checkpoint.size,
        root=signed.checkpoint.root.hex(),
        signed_by=str(signed.key),
        stamped_at=stamped_at,
        authority=authority,
    )


def view_growth(file: str, growth: Growth) -> GrowthView:
    """Return what a growth proof proves."""
    checkpoint, key, _ = growth.new
    return GrowthView(
        file=file,
        origin=checkpoint.origin,
        old_size=growth.old.checkpoint.size,
        size=checkpoint.size,
        root=checkpoint.root.hex(),
        signed_by=str(key),
    )


def proof_lines(view: View, *, full: bool = False) -> Iterator[str]:
    """Yield the lines that tell what holds; records are cut short unless they are wanted whole."""
    if isinstance(view, GrowthView):
        old = counted(view.old_size, "entry", "entries")
        yield printable(f"growth in {view.file}: the log still begins with the {old} of then")
        yield from _log_lines(view)
        return
    if isinstance(view, CheckpointView):
        yield printable(f"checkpoint in {view.file}: the signature holds")
        yield from _log_lines(view)
        if view.stamped_at is not None:
            yield printable(f"stamped   {view.stamped_at} by {view.authority}")
        return
    yield printable(f"proof {view.proof} in {view.file}: it holds")
    yield f"position  {view.position}"
    yield from _log_lines(view)
    yield from _entry_lines(view)
    yield f"facts     {_told(view.facts, view.records, 'record')}"
    for record in view.records or ():
        yield f"  {_json(record, full=full)}"
    yield f"personal  {_told(view.personal, view.personal_values, 'record')}"
    for value in view.personal_values or ():
        yield f"  {_json(value, full=full)}"


def _log_lines(view: View) -> Iterator[str]:
    yield printable(f"origin    {view.origin}")
    yield f"size      {counted(view.size, 'entry', 'entries')}"
    yield f"root      {view.root}"
    yield printable(f"signed    by {view.signed_by}")


def _entry_lines(view: ProofView) -> Iterator[str]:
    entry = view.entry
    if entry is None:
        yield printable(f"envelope  (of a form that is not known here) {view.envelope}")
        return
    yield printable(f"statement {entry.statement}")
    yield printable(f"source    {entry.source}")
    yield printable(f"namespace {entry.namespace}")
    yield printable(f"actor     {entry.actor}")
    yield printable(f"recorded  {entry.recorded_at}")


def _told(state: str, records: list[JsonValue] | None, noun: str) -> str:
    if state == NOT_SHOWN:
        return "not shown: the entry has such a part, and this file leaves it out"
    if state == SHOWN:
        return "shown" if records is None else f"shown, {counted(len(records), noun)}"
    return "none: the entry has no such part"


def _json(value: JsonValue, *, full: bool) -> str:
    text = printable(msgspec.json.encode(value).decode())
    if full or len(text) <= RECORD_WIDTH:
        return text
    return f"{text[:RECORD_WIDTH]} … ({len(text)} characters; --full prints them)"


def _shown(part: bytes | None, *, committed: bool) -> str:
    if part is not None:
        return SHOWN
    return NOT_SHOWN if committed else NONE


def _records(part: bytes | None) -> list[JsonValue] | None:
    """Return the items of a part; a part of a form that is not known here stands as one text."""
    if part is None:
        return None
    try:
        return _PART.decode(part).records
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return [part.decode(errors="backslashreplace")]


def _envelope(body: bytes) -> Envelope | None:
    try:
        return decode_envelope(body)
    except LedgerError:
        return None


def _facts_of(envelope: Envelope) -> EntryFacts:
    return EntryFacts(
        statement=envelope.statement,
        source=envelope.source,
        namespace=envelope.namespace,
        actor=envelope.actor,
        mode=envelope.mode.value,
        recorded_at=format_instant(envelope.recorded_us),
    )


def export_lines(view: ExportView) -> Iterator[str]:
    """Yield what an export is, and who vouches for it."""
    if view.signed_size is None:
        signed = "nothing of it: the entries fit one another, and nobody vouches for them"
    else:
        signed = f"up to size {view.signed_size} by {', '.join(view.signed_by)}"
        if not view.by_given_keys:
            signed += ", by the word of the log itself: give a key that you trust with --key"
    erased = counted(view.erased_parts, "payload part")
    yield from map(
        printable,
        (
            f"export    {view.file}: everything in it holds",
            f"origin    {view.origin}",
            f"size      {counted(view.size, 'entry', 'entries')}",
            f"root      {view.root}",
            f"signed    {signed}",
            f"erased    {erased}{', each stated by an entry' if view.erased_parts else ''}",
            f"final     {'yes' if view.final else 'no'}",
        ),
    )
