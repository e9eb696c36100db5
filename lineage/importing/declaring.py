"""Takes in what people declare of things, and documents about them.

A subject is named by an identifier or a label. A label is resolved first, once and for all: what
was declared of a version stays with it when the label moves on.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from lineage.connectors.declarations.documents import (
    ATTACHMENT,
    Attachment,
    document_key,
    say_document,
)
from lineage.connectors.declarations.mapping import (
    KEPT,
    VERSION,
    Kept,
    Signed,
    declaration_key,
    kept_body,
    say_approval,
    say_declaration,
)
from lineage.connectors.declarations.reading import SIGNATURE, Declared, Tree, canonical
from lineage.connectors.scanning import subject_of
from lineage.importing.versions import Speaker, Version, take_versions
from lineage.proofs.notes import Declarer, sign_line, verify_line
from lineage.proofs.signing import SigningKey
from lineage.proofs.verifying import format_verifier_key
from lineage.rules.secrets import clean_identifier
from lineage.service import Ledger
from lineage_schemas.declarations import Declaration, SameAs, TakenDeclaration
from lineage_schemas.errors import (
    ForbiddenError,
    InvalidInputError,
    LedgerError,
    NotFoundError,
    PreconditionError,
)
from lineage_schemas.instants import format_instant, instant_us
from lineage_schemas.labels import is_identifier_shaped
from lineage_schemas.mlmd import Kind

SOURCE_DEFAULT: Final = "declarations"
DOCUMENTS_VERSION: Final = "documents/1"


class Subject(Struct, frozen=True):
    """What a declaration is about: its key, its kind, and its type where it was described."""

    key: str
    kind: Kind
    type: str | None = None


def declare(
    ledger: Ledger,
    declared: Sequence[Declared],
    speaker: Speaker,
    now: datetime,
    declarers: Sequence[Declarer] = (),
    key: SigningKey | None = None,
) -> tuple[TakenDeclaration, ...]:
    """Record declarations as one batch: all of them or none.

    With a ``key`` each of them is signed first, dated ``now`` where it has no time of its own. A
    signature must be one of the ``declarers``'.

    Raises:
        InvalidInputError: a declaration that cannot be; names its place in the file.
        AmbiguousLabelError: a subject that may be several things. NotFoundError: one that is
            nothing.
        ProofError: a signature that does not hold, or whose key is not known here.
        PreconditionError: it contradicts what was declared under its id before.
        LedgerError: as ``Ledger.record``.
    """
    told = [_resolved(ledger, one, speaker, key, now) for one in declared]
    versions = [
        _version(one, subject, speaker, declarers, written.declaration.stated)
        for (one, subject), written in zip(told, declared, strict=True)
    ]
    taken = take_versions(ledger, versions, speaker, now)
    return tuple(
        TakenDeclaration(
            id=one.declaration.id,
            subject=subject.key,
            key=declaration_key(speaker.source, one.declaration.id, _kind_of(one.declaration)),
            outcome=became.outcome,
            revision=became.revision,
            position=became.position,
            is_signed=bool(one.declaration.signature),
            secrets_filtered=became.secrets_filtered,
        )
        for (one, subject), became in zip(told, taken, strict=True)
    )


def attach(
    ledger: Ledger, attachment: Attachment, speaker: Speaker, now: datetime
) -> TakenDeclaration:
    """Record that a document is about a subject. The same again appends nothing.

    Raises:
        LedgerError: as ``declare``.
    """

    def is_same(known: bytes, body: bytes) -> bool:
        before, after = ATTACHMENT.decode(known), ATTACHMENT.decode(body)
        return replace(before, attached_by="") == replace(after, attached_by="")

    version = Version(
        name=subject_of("document", attachment.subject, attachment.name),
        body=msgspec.json.encode(attachment),
        stated=None,
        say=lambda body, at: say_document(body, speaker.source, at),
        is_same=is_same,
        mapping=DOCUMENTS_VERSION,
    )
    (taken,) = take_versions(ledger, (version,), speaker, now)
    return TakenDeclaration(
        id=attachment.name,
        subject=attachment.subject,
        key=document_key(speaker.source, attachment),
        outcome=taken.outcome,
        revision=taken.revision,
        position=taken.position,
        secrets_filtered=taken.secrets_filtered,
    )


def find_subject(ledger: Ledger, name: str, kind: Kind | None, speaker: Speaker) -> Subject:
    """Return what a name stands for. A ``kind`` that is given is believed.

    Raises:
        AmbiguousLabelError: a label of several things. NotFoundError: a label of nothing, or an
            identifier of which nothing is known, and no ``kind`` was given.
        ForbiddenError: it must be looked up, and the principal may not read.
    """
    is_identifier = is_identifier_shaped(name)
    try:
        answers = ledger.show(
            name, kind=kind, namespace=speaker.namespace, principal=speaker.principal
        )
    except ForbiddenError:
        if kind is None or not is_identifier:
            raise
        return Subject(clean_identifier(name), kind)  # whoever may only speak is told no type
    label = answers[0].label
    key = clean_identifier(name) if label is None else label.key
    nodes = [node for one in answers for node in one.members]
    nodes = [node for node in nodes if node.key == key] or nodes
    kinds = {node.kind for node in nodes if node.kind is not None}
    if kind is None and len(kinds) != 1:
        what = "Things of several kinds go by" if kinds else "Nothing is known yet of"
        raise NotFoundError(
            f"{what} this subject",
            where=key,
            hint="Say its kind: artifact, execution or context.",
        )
    found = kind or next(iter(kinds))
    types = [node.type for node in nodes if node.key == key and node.kind is found]
    return Subject(key, found, types[0] if types else None)


def _resolved(
    ledger: Ledger, one: Declared, speaker: Speaker, key: SigningKey | None, now: datetime
) -> tuple[Declared, Subject]:
    """Return a declaration with its subject's key and kind in it, and signed if there is a key."""
    declared = one.declaration
    try:
        if declared.signature and key is not None:
            raise _signed_already(declared)
        if declared.signature:
            _check_signable(declared)
            _check_dated(declared)
        subject = find_subject(ledger, declared.subject, declared.kind, speaker)
        _check_kind(declared, subject.kind)
        _check_withdrawal(ledger, declared, speaker)
        for same in declared.same_as:
            clean_identifier(same.identifier if isinstance(same, SameAs) else same)
    except LedgerError as error:
        raise error.at(one.where) from error
    tree: Tree = one.tree | {"subject": subject.key, "kind": subject.kind.value}
    if key is None:
        return Declared(msgspec.convert(tree, Declaration), tree, one.where), subject
    return _signed_by(key, tree, one.where, now), subject


def sign_declarations(
    declared: Sequence[Declared], key: SigningKey, now: datetime
) -> tuple[Tree, ...]:
    """Return declarations signed, as they are sent to a ledger that is elsewhere.

    One that says no time of its own is dated ``now``.

    Raises:
        InvalidInputError: one that is signed already, or does not name its subject by identifier
            and kind: what they are is not known without the ledger.
    """
    signed: list[Tree] = []
    for one in declared:
        try:
            if one.declaration.signature:
                raise _signed_already(one.declaration)
            _check_signable(one.declaration)
        except LedgerError as error:
            raise error.at(one.where) from error
        signed.append(_signed_by(key, one.tree, one.where, now).tree)
    return tuple(signed)


def _signed_by(key: SigningKey, tree: Tree, where: str, now: datetime) -> Declared:
    dated: Tree = {"stated": format_instant(instant_us(now))}
    dated |= tree
    signed = dated | {SIGNATURE: sign_line(key, canonical(dated) + b"\n")}
    return Declared(msgspec.convert(signed, Declaration), signed, where)


def _signed_already(declared: Declaration) -> InvalidInputError:
    return InvalidInputError(
        "This declaration is signed already",
        where=declared.id,
        hint="Leave --key out, or take the signature out of the file.",
    )


def _check_dated(declared: Declaration) -> None:
    """Refuse a signature that would hold at any time: sent again, it would undo a withdrawal."""
    if declared.stated is None:
        raise InvalidInputError(
            "A signed declaration says since when it is so",
            where=declared.id,
            hint="Add stated: with the time at which it is signed, and sign it again.",
        )


def _check_signable(declared: Declaration) -> None:
    is_named = is_identifier_shaped(declared.subject)
    if not is_named or clean_identifier(declared.subject) != declared.subject:
        raise InvalidInputError(
            "A signed declaration names its subject by its identifier in normal form",
            where=declared.subject[:256],
            hint="What a label stands for may change; `lineage show` tells the key behind it.",
        )
    if declared.kind is None:
        raise InvalidInputError(
            "A signed declaration says of what kind its subject is",
            where=declared.id,
            hint="Add kind: artifact, execution or context, and sign it again.",
        )


def _check_kind(declared: Declaration, kind: Kind) -> None:
    is_of_things = declared.incident is not None or declared.approval is not None
    if is_of_things and kind is Kind.EXECUTION:
        raise InvalidInputError(
            "An approval or incident is about a thing or a place, and not about a step",
            where=declared.subject[:256],
            hint="Name what the step made, or the service it changed.",
        )


def _check_withdrawal(ledger: Ledger, declared: Declaration, speaker: Speaker) -> None:
    """Refuse to withdraw as a declaration what was an approval: it would stand."""
    if not declared.withdraw or declared.approval is not None:
        return
    approvals = ledger.looks.revisions(
        speaker.source,
        subject_of("approval", declared.id),
        namespace=speaker.namespace,
        principal=speaker.principal,
    )
    if approvals:
        raise PreconditionError(
            "Under this id there is an approval",
            where=declared.id,
            hint="Keep `approval` in the declaration that withdraws it.",
        )


def _kind_of(declared: Declaration) -> str:
    return "declaration" if declared.approval is None else "approval"


def _version(
    one: Declared,
    subject: Subject,
    speaker: Speaker,
    declarers: Sequence[Declarer],
    stated: datetime | None,
) -> Version:
    """Return a version. ``stated`` is the time that its author gave: none that we added."""
    is_approval = one.declaration.approval is not None
    say = say_approval if is_approval else say_declaration
    return Version(
        name=subject_of(_kind_of(one.declaration), one.declaration.id),
        body=kept_body(one.tree, subject.type, _signed(one, declarers)),
        stated=stated,
        say=lambda body, at: say(body, speaker.source, at),
        is_approval=is_approval,
        is_same=lambda known, body: _is_same(known, body, is_dated=stated is not None),
        mapping=VERSION,
        where=one.where,
        is_whole=bool(one.declaration.signature),
    )


def _signed(one: Declared, declarers: Sequence[Declarer]) -> Signed | None:
    """Return whose signature this is; ``None`` where there is none.

    Raises:
        ProofError: it does not hold, or nobody who is known here made it.
    """
    if not one.declaration.signature:
        return None
    text = canonical(one.tree) + b"\n"
    try:
        key = verify_line(one.declaration.signature, text, [each.key for each in declarers])
    except LedgerError as error:
        raise error.at(one.where) from error
    name = next(each.name for each in declarers if each.key == key)
    verifier = format_verifier_key(key)
    return Signed(name=name, verifier=verifier, signature=one.declaration.signature)


def _is_same(known: bytes, body: bytes, *, is_dated: bool) -> bool:
    """Tell whether a declaration says nothing new after one of the same id.

    What its author has not dated says nothing new at another time.

    Raises:
        PreconditionError: it is about another subject.
    """
    before, after = KEPT.decode(known), KEPT.decode(body)
    old, new = before.read(), after.read()
    if (old.subject, old.kind) != (new.subject, new.kind):
        raise PreconditionError(
            f"Under this id something was declared of another subject: {old.subject}",
            where=new.id,
            hint=f"Of {new.subject} declare under another id.",
        )
    if is_dated:
        return old == new and after.signed in (None, before.signed)
    by, by_now = _verifier(before), _verifier(after)
    return replace(old, stated=None) == replace(new, stated=None) and by_now in (None, by)


def _verifier(kept: Kept) -> str | None:
    return None if kept.signed is None else kept.signed.verifier
