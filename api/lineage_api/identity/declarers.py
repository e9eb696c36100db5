"""Whose signatures on declarations are believed: names of people, and their verifier keys."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Final

from msgspec import Meta, Struct

from lineage.proofs.notes import Declarer
from lineage.proofs.verifying import parse_verifier_key
from lineage_schemas.errors import InvalidInputError, LedgerError

DECLARERS_MAX: Final = 10_000


class KnownDeclarer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody whose signature is believed."""

    name: Annotated[
        str, Meta(description="What they are called as `approver` and `declared_by`.", min_length=1)
    ]
    key: Annotated[
        str, Meta(description="Their verifier key, as `lineage key make` prints it.", min_length=1)
    ]


def believed_declarers(known: Iterable[KnownDeclarer]) -> tuple[Declarer, ...]:
    """Return whose signatures are believed, their keys read.

    Raises:
        InvalidInputError: a key that is none, or that two of them share.
    """
    found: dict[str, Declarer] = {}
    for one in known:
        try:
            key = parse_verifier_key(one.key)
        except LedgerError as error:
            raise InvalidInputError(
                "A declarer has no verifier key",
                where=one.name[:256],
                hint="`lineage key make` prints it: NAME+ID+KEY.",
            ) from error
        if one.key in found:
            raise InvalidInputError(
                "Two declarers have one key",
                where=one.name[:256],
                hint="Whose signature is it? Give each a key of their own.",
            )
        found[one.key] = Declarer(one.name, key)
        if len(found) > DECLARERS_MAX:
            raise InvalidInputError(
                f"There are more than {DECLARERS_MAX} declarers (DECLARERS_MAX)"
            )
    return tuple(found.values())


def trusted(text: str) -> KnownDeclarer:
    """Read ``NAME=KEY``, or a verifier key alone, whose own name is then the person's."""
    name, equals, key = text.partition("=")
    try:
        return KnownDeclarer(name=parse_verifier_key(text).name, key=text)
    except LedgerError:
        if not equals or not name:
            raise
    return KnownDeclarer(name=name, key=key)
