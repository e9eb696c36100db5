"""``lineage why``: why two names mean one thing, or what comes nearest to that."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

import click

from lineage.ledger import WhyQuery
from lineage_api.cli.claims import claim_lines, evidence_text, node_name, step_lines
from lineage_api.cli.failures import finding
from lineage_api.cli.printing import (
    basis_line,
    counted,
    missing_lines,
    print_json,
    print_lines,
    printable,
    tell_labels,
)
from lineage_api.cli.redactions import redaction_lines
from lineage_api.cli.session import Session, asks, format_option, pass_session
from lineage_api.cli.valid_time import Interval, valid_options, valid_words
from lineage_schemas.graph import Direction
from lineage_schemas.identity import (
    Apart,
    ApartBecause,
    NameFound,
    Relation,
    ResolvedNode,
    WhyAnswer,
)

_RELATIONS: Final = {
    Relation.SAME_NODE: "one node: both names mean it",
    Relation.ONE_ENTITY: "one entity: asserted links join them",
    Relation.LINKED: "linked, and not as one thing: the weakest claim is",
    Relation.APART: "apart: nothing that a trace may cross joins them",
    Relation.UNKNOWN: "unknown: nothing that the log has heard of goes by what is named",
}
_REASONS: Final = {
    ApartBecause.KINDS: "they are of different kinds, and links join only what is of one kind",
    ApartBecause.RETRACTED: "a claim that would join them was taken back",
    ApartBecause.ONE_SOURCE: "equal contents, and one source alone says so of both",
    ApartBecause.CONTENT_CHAIN: "equal contents never chain: after such a link an edge must follow",
    ApartBecause.GUESS: "only a guess joins them, and no trace crosses one",
    ApartBecause.LINEAGE: "data flows between them, which makes them no one thing",
}


@click.command("why")
@click.argument("one")
@click.argument("other")
@valid_options
@asks
@format_option("text", "json")
@pass_session
def why(
    session: Session,
    one: str,
    other: str,
    valid_at: datetime | None,
    valid_during: Interval | None,
    output: str,
) -> None:
    """Tell why two names mean one thing, or why they do not.

    ONE and OTHER are identifiers or labels. Prints how each was resolved, and the strongest chain
    of links between what they mean, each with its claims: who says so, since which entry, on what
    evidence. Where there is none, it prints what comes nearest: a claim that was taken back, a
    guess, equal contents that do not link, or lineage.

    At a valid time names mean what they meant then, and claims count that stood.

    The exit code is 1 where the log has not heard of one of the two.
    """
    with session.open() as ledger:
        query = WhyQuery(one=one, other=other)
        answer = ledger.linking.why(
            query,
            valid_at=valid_at,
            valid_during=valid_during,
            as_of=session.as_of,
            namespace=session.namespace,
        )
    tell_labels(named.label for named in (answer.one, answer.other) if named.label is not None)
    if output == "json":
        print_json(answer)
    else:
        print_lines(why_lines(answer))
    if answer.relation is Relation.UNKNOWN:
        raise finding()


def why_lines(answer: WhyAnswer) -> Iterator[str]:
    """Yield an answer line by line."""
    for named in (answer.one, answer.other):
        yield from _name_lines(named)
    link_class = "" if answer.relation is not Relation.LINKED else f" {answer.link_class}"
    yield _RELATIONS[answer.relation] + link_class + valid_words(answer.basis)
    yield from step_lines(answer.steps, "  ")
    for reason in answer.apart:
        yield from _reason_lines(reason)
    if answer.conflicts:
        kinds = ", ".join(answer.conflicts)
        yield f"  what is said of them contradicts itself ({kinds}): see `lineage conflicts`"
    yield ""
    for truncation in answer.truncations:
        yield (
            f"cut       by the limit of {truncation.limit:,}: "
            f"at least {counted(truncation.hidden, 'node')} not looked at"
        )
    if not answer.truncations:
        yield "cut       nothing"
    yield from redaction_lines(answer.redactions, answer.basis.redactions)
    yield basis_line(answer.basis)
    yield from missing_lines(answer.basis)


def _name_lines(named: ResolvedNode) -> Iterator[str]:
    if named.found is NameFound.UNKNOWN:
        yield printable(f"{named.identifier}  is unknown")
        return
    by = "is the key of" if named.found is NameFound.KEY else "is claimed of"
    yield printable(f"{named.identifier}  {by} {', '.join(map(node_name, named.nodes))}")
    if named.hidden:
        yield f"    and of {named.hidden:,} more"
    yield from claim_lines(named.claims, "    ")


def _reason_lines(reason: Apart) -> Iterator[str]:
    line = f"  {_REASONS[reason.reason]}"
    if reason.distance is not None:
        way = "upstream" if reason.direction is Direction.UPSTREAM else "downstream"
        line += f": {counted(reason.distance, 'edge')} {way}"
    if reason.evidence:
        line += f": {evidence_text(reason.evidence)}"
    yield printable(line)
    yield from step_lines(reason.steps, "    ")
    yield from claim_lines(reason.claims, "    ")
    if reason.hidden:
        yield f"    {reason.hidden:,} more"
