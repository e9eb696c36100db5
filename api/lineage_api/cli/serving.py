"""``lineage serving``: which deployment served where, in what role, from when to when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

import click

from lineage.ledger import ServingQuery
from lineage_api.cli.pages import page_options
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
from lineage_schemas.graph import Truncation
from lineage_schemas.serving import Certainty, Served, ServingAnswer, ServingInterval


@click.command("serving")
@click.argument("subject", required=False)
@click.option(
    "--environment",
    metavar="NAME",
    help="Only in this environment, by key, or in all that go by this name.",
)
@click.option("--service", metavar="NAME", help="Only in this place, or these, by key or name.")
@valid_options
@page_options
@asks
@format_option("text", "json")
@pass_session
def serving(  # noqa: PLR0913, PLR0917 - one argument an option
    session: Session,
    subject: str | None,
    environment: str | None,
    service: str | None,
    valid_at: datetime | None,
    valid_during: Interval | None,
    count: int,
    cursor: str | None,
    output: str,
) -> None:
    """List who served where and when, by environment, place and start.

    SUBJECT is an identifier or a label of anything a deployment is made of: a model version, a
    model, a data set, an image, a deployment; left out, all that served is listed. An interval
    stands with its role and share, how it ended, who said so, and the model versions it serves.

    With --valid-at or --valid-during, "perhaps" marks what is only known to have begun or ended
    around that time.
    """
    with session.open() as ledger:
        answer = ledger.registry.serving(
            ServingQuery(of=subject, service=service, environment=environment),
            valid_at=valid_at,
            valid_during=valid_during,
            cursor=cursor,
            count=count,
            as_of=session.as_of,
            namespace=session.namespace,
        )
    if output == "json":
        print_json(answer)
        return
    if answer.label is not None:
        tell_labels([answer.label])
    print_lines(_lines(answer))
    click.echo(basis_line(answer.basis))
    for line in (
        *redaction_lines(answer.redactions, answer.basis.redactions),
        *incomplete_lines(answer.truncations, answer.unplaced),
        *missing_lines(answer.basis),
    ):
        click.echo(line, err=True)
    if answer.cursor is not None:
        click.echo(f"there is more: --cursor {answer.cursor}", err=True)


def incomplete_lines(truncations: Sequence[Truncation], unplaced: int) -> Iterator[str]:
    """Yield what an answer about serving leaves out."""
    for one in truncations:
        yield f"truncated {one.hidden} or more {one.reason.value}, by the limit {one.limit}"
    if unplaced:
        yield f"unplaced  {counted(unplaced, 'move')} that cannot be read, or was erased"


def _lines(answer: ServingAnswer) -> Iterator[str]:
    place: tuple[str | None, str] | None = None
    for one in answer.intervals:
        if (one.environment, one.place) != place:
            place = one.environment, one.place
            name = one.environment_name or "no known environment"
            yield printable(f"{name}: {one.place}")
        yield from interval_lines(one, "  ")
    if not answer.intervals:
        yield f"nothing served, as of size {answer.basis.size}{valid_words(answer.basis)}"


def interval_lines(one: ServingInterval, before: str) -> Iterator[str]:
    """Yield an interval: its times and role, and below it what it serves and rests on."""
    parts = [span(one.start, one.start_after, one.end, one.end_after), _role(one)]
    parts.append(one.deployment)
    if one.certainty is Certainty.POSSIBLE:
        parts.append("perhaps")
    if one.ending is not None:
        parts.append(f"{one.ending.value.replace('_', ' ')}")
    yield before + printable("  ".join(parts))
    if one.is_rollback:
        cause = "" if one.trigger is None else f", set off by {one.trigger}"
        yield before + printable(f"  put back by a roll-back{cause}")
    for served in one.serves:
        yield before + printable(f"  serves {_served(served)}")
    if not one.serves:
        yield before + "  serves no model version that is known"
    yield before + printable(f"  said by {one.source}, entries {_numbers(one.positions)}")


def span(start: str | None, start_after: str | None, end: str | None, end_after: str | None) -> str:
    """Return an interval's times: half-open, and with the bounds of what is not known exactly."""
    begun = _bounded(start, start_after, "an unknown start")
    return f"{begun} to {_bounded(end, end_after, 'now')}"


def _bounded(moment: str | None, after: str | None, otherwise: str) -> str:
    if moment is None:
        return otherwise
    return moment if after is None else f"{moment} (after {after})"


def _role(one: ServingInterval) -> str:
    share = "" if one.traffic_ratio is None else f" {one.traffic_ratio:.0%}"
    return f"{one.role.value}{share}"


def _served(served: Served) -> str:
    link = "" if served.link_class is None else f", by a link that is {served.link_class}"
    name = "" if served.label == served.key else f"{served.label} "
    bare = "" if served.is_described else ", which nobody describes"
    return f"{name}({served.key}{link}{bare})" if name else f"{served.key}{link}{bare}"


def _numbers(positions: Sequence[int]) -> str:
    return ", ".join(map(str, positions))
