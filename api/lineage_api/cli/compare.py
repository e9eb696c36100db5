"""``lineage compare``: two runs, or the runs that made two versions, side by side."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import click

from lineage.ledger import CompareQuery
from lineage_api.cli.differing import basis_lines, cut_lines, short
from lineage_api.cli.printing import printable
from lineage_api.cli.session import Session, asks, format_option, pass_session
from lineage_api.cli.valid_time import Interval, valid_options
from lineage_api.cli.walking import print_graph_answer
from lineage_schemas.comparisons import Compared, ComparedSide, ComparisonAnswer, Verdict
from lineage_schemas.values import JsonValue

_WORDS = {
    Verdict.SAME: "same",
    Verdict.DIFFERS: "differs",
    Verdict.PARTLY_KNOWN: "partly known",
    Verdict.ONLY_ONE: "known only of the first",
    Verdict.ONLY_OTHER: "known only of the second",
    Verdict.UNKNOWN: "unknown",
}
_SIGNS = {
    Verdict.SAME: "=",
    Verdict.DIFFERS: "~",
    Verdict.ONLY_ONE: "<",
    Verdict.ONLY_OTHER: ">",
    Verdict.UNKNOWN: "?",
    Verdict.PARTLY_KNOWN: "?",
}


@click.command("compare")
@click.argument("one", metavar="A")
@click.argument("other", metavar="B")
@valid_options
@asks
@format_option("text", "json")
@pass_session
def compare(
    session: Session,
    one: str,
    other: str,
    valid_at: datetime | None,
    valid_during: Interval | None,
    output: str,
) -> None:
    """Compare two runs, or the runs that made two models: code, data, parameters and so on.

    Each aspect is the same, differs, or is known of one side alone or of none; nothing is guessed.
    Below it stand its values: the same (=), different (~), of A alone (<), of B alone (>), or
    nothing that can be told (?). A and B are identifiers or labels; one that the log has never
    heard of is unknown, and the exit code is 1.
    """
    query = CompareQuery(one=one, other=other)
    with session.open() as ledger:
        answer = ledger.graph.compare(
            query,
            as_of=session.as_of,
            valid_at=valid_at,
            valid_during=valid_during,
            namespace=session.namespace,
        )
    print_graph_answer(answer, output, _lines)


def _lines(answer: ComparisonAnswer) -> Iterator[str]:
    yield _side_line("A", answer.one)
    yield _side_line("B", answer.other)
    for aspect in answer.aspects:
        yield ""
        yield f"{aspect.name.value:<12}{_WORDS[aspect.verdict]}"
        for item in aspect.items:
            if item.one is not None or item.other is not None:
                yield printable(_item_line(item))
    yield ""
    if answer.not_begun:
        yield printable("not yet   " + ", ".join(answer.not_begun))
    yield from cut_lines(answer.truncations)
    if answer.undated:
        yield f"undated   {answer.undated:,} of the nodes and edges, counted in"
    yield from basis_lines(answer.basis, answer.redactions)
    if answer.basis.complete:
        yield f"complete  {'yes' if answer.complete else 'no'}"


def _side_line(letter: str, side: ComparedSide) -> str:
    if side.subject is None:
        return printable(f"{letter}  {side.asked}  (unknown)")
    if side.run is None:
        return printable(f"{letter}  {side.subject.key}  (no run is known that made it)")
    if side.run.key == side.subject.key:
        return printable(f"{letter}  {side.run.key}")
    return printable(f"{letter}  {side.subject.key}, made by {side.run.key}")


def _item_line(item: Compared) -> str:
    values = _shown(item.one)
    if item.verdict is not Verdict.SAME:
        values = f"{_shown(item.one)} | {_shown(item.other)}"
    moved = ""
    if item.difference is not None and item.verdict is Verdict.DIFFERS:
        share = "" if item.ratio is None else f", {item.ratio:+.2%}"
        moved = f"  (by {short(item.difference)}{share})"
    note = f"  {item.note}" if item.note else ""
    return f"  {_SIGNS[item.verdict]} {item.name}: {values}{moved}{note}"


def _shown(value: JsonValue) -> str:
    """Return a value, or the key of an input or output with its versions."""
    if not isinstance(value, dict) or value.keys() != {"key", "type", "versions"}:
        return short(value)
    versions = value["versions"]
    told = ", ".join(map(str, versions)) if isinstance(versions, list) else ""
    return f"{value['key']}{f' ({told})' if told else ''}"
