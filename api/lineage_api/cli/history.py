"""``lineage history``: who said what of a node, and when; ``lineage late``: what came late."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

import click

from lineage.ledger import HistoryQuery, LateQuery
from lineage_api.cli.durations import Duration, shown_duration
from lineage_api.cli.failures import finding
from lineage_api.cli.pages import page_options
from lineage_api.cli.printing import (
    basis_line,
    counted,
    json_text,
    missing_lines,
    print_json,
    print_lines,
    printable,
    tell_labels,
)
from lineage_api.cli.redactions import redaction_lines
from lineage_api.cli.session import Session, asks, format_option, pass_session
from lineage_api.cli.valid_time import Interval, valid_options
from lineage_schemas.history import (
    LAG_DEFAULT,
    HistoryAnswer,
    HistoryEntry,
    LateAnswer,
    LateRecord,
    NamedNode,
)
from lineage_schemas.mlmd import Kind
from lineage_schemas.values import JsonValue

_KEPT_APART = ("record", "key", "artifact", "execution", "context", "node", "parent", "child")


@click.command("history")
@click.argument("identifier")
@click.option(
    "--kind",
    type=click.Choice([kind.value for kind in Kind]),
    help="Only of a node of this kind.  [default: every kind]",
)
@valid_options
@page_options
@asks
@format_option("text", "json")
@pass_session
def history(  # noqa: PLR0913, PLR0917 - one argument an option
    session: Session,
    identifier: str,
    kind: str | None,
    valid_at: datetime | None,
    valid_during: Interval | None,
    count: int,
    cursor: str | None,
    output: str,
) -> None:
    """Tell who said what of a thing, and when: every entry, oldest first.

    Each stands with when it was recorded and of when it is stated, what it says, and what shows
    since. "late" marks what its source had overtaken before it came, "backdated" what is stated of
    an earlier time than all that came before it, and "superseded" what shows no more.

    In the place of IDENTIFIER a label may stand. One that the log has never heard of stands in the
    answer as unknown, and the exit code is 1.
    """
    query = HistoryQuery(
        node=identifier, kind=None if kind is None else Kind(kind), cursor=cursor, count=count
    )
    with session.open() as ledger:
        answer = ledger.graph.history(
            query,
            valid_at=valid_at,
            valid_during=valid_during,
            as_of=session.as_of,
            namespace=session.namespace,
        )
    if output == "json":
        print_json(answer)
    else:
        if answer.label is not None:
            tell_labels([answer.label])
        print_lines(map(printable, _history_lines(answer)))
        click.echo(basis_line(answer.basis))
        for line in (
            *redaction_lines(answer.redactions, answer.basis.redactions),
            *missing_lines(answer.basis),
        ):
            click.echo(line, err=True)
        _tell_cursor(answer.cursor)
    if answer.unknown:
        raise finding()


@click.command("late")
@click.option(
    "--lag",
    type=Duration(may_be_none=True),
    default=LAG_DEFAULT,
    show_default="1d",
    help="How much later than it was so something is recorded to count: 90s, 15m, 1h, 7d, none.",
)
@click.option("--source", metavar="NAME", help="Only what this source said.")
@valid_options
@page_options
@asks
@format_option("text", "json")
@pass_session
def late(  # noqa: PLR0913, PLR0917 - one argument an option
    session: Session,
    lag: int,
    source: str | None,
    valid_at: datetime | None,
    valid_during: Interval | None,
    count: int,
    cursor: str | None,
    output: str,
) -> None:
    """List what was recorded long after it was so, or after its source had gone on.

    One page looks at a bounded number of entries, and says at which: it may have found nothing and
    still have a next page.
    """
    with session.open() as ledger:
        answer = ledger.graph.late(
            LateQuery(lag=lag, source=source, cursor=cursor, count=count),
            valid_at=valid_at,
            valid_during=valid_during,
            as_of=session.as_of,
            namespace=session.namespace,
        )
    if output == "json":
        print_json(answer)
        return
    print_lines(map(printable, _late_lines(answer)))
    click.echo(basis_line(answer.basis))
    for line in (
        *redaction_lines(answer.redactions, answer.basis.redactions),
        *missing_lines(answer.basis),
    ):
        click.echo(line, err=True)
    _tell_cursor(answer.cursor)


def _tell_cursor(cursor: str | None) -> None:
    if cursor is not None:
        click.echo(f"there is more: --cursor {cursor}", err=True)


def _history_lines(answer: HistoryAnswer) -> Iterator[str]:
    if answer.unknown:
        yield f"? {answer.node}  (unknown)"
        return
    yield ", ".join(map(_name, answer.members))
    for one in answer.entries:
        yield from _entry_lines(one, len(answer.members) > 1)
    parts = [counted(answer.total, "entry", "entries")]
    if answer.left_out:
        parts.append(f"{answer.left_out} left out, which begin later")
    if answer.undated:
        parts.append(f"{answer.undated} that nobody dated")
    yield f"said      {', '.join(parts)}"


def _entry_lines(one: HistoryEntry, names_nodes: bool) -> Iterator[str]:  # noqa: FBT001 - one of two forms
    flags = [name for name in ("late", "backdated", "superseded") if getattr(one, name)]
    if one.erased is not None:
        flags.append(f"erased ({one.erased.value})")
    told = f"  ({', '.join(flags)})" if flags else ""
    yield f"{one.position:>6}  {one.recorded_at}  {one.source}  {one.statement}{told}"
    yield f"        stated {_stated(one)}, said by {_actor(one)}"
    if one.message is not None or one.mapping is not None:
        parts = [] if one.message is None else [f"of the message at {one.message}"]
        parts += [] if one.mapping is None else [f"by the mapping {one.mapping}"]
        yield f"        made {' '.join(parts)}"
    for record in one.records:
        yield f"        {record.what}  {_record(record.record)}"
    for change in one.changes:
        name = f"{change.node} " if names_nodes else ""
        before, after = _value(change.before), _value(change.after)
        yield f"      > {name}{change.field}: {before} -> {after}"


def _stated(one: HistoryEntry) -> str:
    if one.stated_from is None and one.stated_to is None:
        return "of no time"
    end = "" if one.stated_to is None else f" to {one.stated_to}"
    precision = "" if one.stated_precision in {None, "exact"} else f" ({one.stated_precision})"
    return f"{one.stated_from or 'of an unknown start'}{end}{precision}"


def _actor(one: HistoryEntry) -> str:
    known = "" if one.actor_origin is None else f" ({one.actor_origin})"
    return f"{one.actor_name or one.actor}{known}"


def _record(record: JsonValue) -> str:
    if not isinstance(record, dict):
        return "(erased)"
    named = [str(record[name]) for name in _KEPT_APART[1:] if record.get(name)]
    rest = {name: value for name, value in record.items() if name not in _KEPT_APART}
    return " ".join([*named, *([json_text(rest)] if rest else [])])


def _value(value: JsonValue) -> str:
    return "nothing" if value is None else json_text(value)


def _late_lines(answer: LateAnswer) -> Iterator[str]:
    for one in answer.records:
        yield from _late_record(one)
    looked = counted(answer.end - answer.start, "entry", "entries")
    yield f"looked at {looked} from {answer.start} on"
    if answer.unjudged:
        told = counted(answer.unjudged, "entry", "entries")
        yield f"unknown   whether {told} came too late: erased"


def _late_record(one: LateRecord) -> Iterator[str]:
    lag = "" if one.lag_seconds is None else f"  {_lag(one.lag_seconds)} late"
    yield f"{one.position:>6}  {one.recorded_at}  {one.source}  {one.statement}{lag}"
    yield f"        stated {one.stated_from or 'of no time'}"
    if one.overtaken:
        yield f"        after something later of {_names(one.overtaken, one.overtaken_hidden)}"
    else:
        yield f"        about {_names(one.nodes, one.nodes_hidden)}"


def _lag(seconds: float) -> str:
    """Return a lag in the two largest units it has."""
    days, rest = divmod(int(seconds), 86_400)
    hours, rest = divmod(rest, 3_600)
    if days:
        return f"{days}d {hours}h"
    return f"{hours}h {rest // 60}m" if hours else shown_duration(max(rest, 1))


def _names(nodes: Sequence[NamedNode], hidden: int) -> str:
    more = f" and {hidden} more" if hidden else ""
    return (", ".join(map(_name, nodes)) or "no node") + more


def _name(node: NamedNode) -> str:
    return node.key or f"{node.kind.value}/{node.id}"
