"""What commands about the lineage graph share: how far to walk, and how their answers end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from typing import Any, Final, Protocol, TypeVar

import click

from lineage.graph.links import CROSSABLE, CROSSED_BY_DEFAULT
from lineage.questions.trace import DEPTH_MAX, FANOUT_MAX, NODES_DEFAULT, NODES_MAX, TraceQuery
from lineage_api.cli.failures import finding
from lineage_api.cli.printing import (
    basis_line,
    counted,
    cut_text,
    label,
    missing_lines,
    print_json,
    print_lines,
    printable,
    tell_labels,
)
from lineage_api.cli.redactions import redaction_lines
from lineage_schemas.basis import Basis
from lineage_schemas.filters import NodeFilter, parse_filter
from lineage_schemas.graph import Direction, Node, Redaction, ResolvedLabel, Truncation
from lineage_schemas.records import LinkClass

NONE: Final = "none"

Command = TypeVar("Command", bound=Callable[..., Any])

depth_option = click.option(
    "--depth",
    type=click.IntRange(0, DEPTH_MAX),
    default=DEPTH_MAX,
    show_default="to the end",
    help="How many edges to walk; an artifact and the run that made it are one apart.",
)


direction_option = click.option(
    "--direction",
    type=click.Choice([direction.value for direction in Direction]),
    default=Direction.UPSTREAM.value,
    show_default=True,
    help="Which way to walk.",
)


def nodes_option(default: int, most: int = NODES_MAX) -> Callable[[Command], Command]:
    """Return the option ``--nodes``, of which there may be ``most``."""
    return click.option(
        "--nodes",
        type=click.IntRange(1, most),
        default=default,
        show_default=True,
        help="How many nodes to find at most.",
    )


def _crossed(_: click.Context, __: click.Parameter, names: tuple[str, ...]) -> object:
    if NONE not in names:
        return tuple(dict.fromkeys(LinkClass(name) for name in names))
    if set(names) != {NONE}:
        raise click.BadParameter("'none' goes with no class")
    return ()


def _terms(_: click.Context, __: click.Parameter, text: str | None) -> NodeFilter | None:
    return None if text is None else parse_filter(text)


cross_option = click.option(
    "--cross",
    type=click.Choice([*(link_class.value for link_class in CROSSABLE), NONE]),
    multiple=True,
    default=[link_class.value for link_class in CROSSED_BY_DEFAULT],
    show_default=True,
    callback=_crossed,
    help="A class of links to cross; may be given several times.",
)


_fanout_option = click.option(
    "--fanout",
    type=click.IntRange(1, FANOUT_MAX),
    help="How many edges of one node to follow each way.  [default: all]",
)

_filter_option = click.option(
    "--filter",
    "filtered",
    metavar="TERMS",
    callback=_terms,
    help="Show only what fulfils these, and the start.",
)

_stop_at_option = click.option(
    "--stop-at", metavar="TERMS", callback=_terms, help="Do not walk on from what fulfils these."
)


def trace_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of a trace of its ``identifiers``; it gets them as ``query``."""

    @wraps(command)
    def traced(  # noqa: PLR0913 - one argument an option
        *,
        identifiers: tuple[str, ...],
        direction: str,
        depth: int,
        nodes: int,
        cross: tuple[LinkClass, ...],
        fanout: int | None,
        filtered: NodeFilter | None,
        stop_at: NodeFilter | None,
        **others: object,
    ) -> None:
        query = TraceQuery(
            start=identifiers,
            direction=Direction(direction),
            depth=depth,
            nodes=nodes,
            cross=cross,
            fanout=fanout,
            filter=filtered,
            stop_at=stop_at,
        )
        command(query=query, **others)

    options = (
        *(direction_option, depth_option, nodes_option(NODES_DEFAULT)),
        *(cross_option, _fanout_option, _filter_option, _stop_at_option),
    )
    found: Callable[..., Any] = traced
    for option in reversed(options):
        found = option(found)
    return found


class Named(Protocol):
    """An answer to names that somebody gave."""

    @property
    def labels(self) -> tuple[ResolvedLabel, ...]:
        """What the labels among them turned out to name."""
        ...

    @property
    def unknown(self) -> tuple[str, ...]:
        """What the log has not heard of."""
        ...


class Ending(Protocol):
    """What the answers about the graph have in common."""

    @property
    def basis(self) -> Basis:
        """What it rests on."""
        ...

    @property
    def truncations(self) -> tuple[Truncation, ...]:
        """What cut it."""
        ...

    @property
    def unknown(self) -> tuple[str, ...]:
        """What the log has not heard of."""
        ...

    @property
    def not_begun(self) -> tuple[str, ...]:
        """What is stated to have been there only after the valid time."""
        ...

    @property
    def stubs(self) -> int:
        """How many nodes nobody describes."""
        ...

    @property
    def unresolved(self) -> int:
        """How many of them are not described elsewhere either."""
        ...

    @property
    def undated(self) -> int:
        """What counts for a valid time though nobody dated it."""
        ...

    @property
    def redactions(self) -> tuple[Redaction, ...]:
        """What was erased of it."""
        ...

    @property
    def complete(self) -> bool:
        """Whether nothing is known to be missing."""
        ...


def ending_lines(answer: Ending, contexts: Sequence[Node] = ()) -> Iterator[str]:
    """Yield what an answer hides, and what it rests on."""
    if answer.unknown:
        yield printable("unknown   " + ", ".join(answer.unknown))
    if answer.not_begun:
        yield printable("not yet   " + ", ".join(answer.not_begun))
    if contexts:
        names = ", ".join(map(label, contexts))
        yield printable(f"context   no data flows through {names}: name its members")
    for truncation in answer.truncations:
        yield f"cut       {cut_text(truncation)}"
    if not answer.truncations:
        yield "cut       nothing"
    if answer.stubs:
        stubs = counted(answer.stubs, "stub")
        yield f"open      {answer.unresolved:,} of {stubs}, which nobody describes elsewhere either"
    if answer.undated:
        yield f"undated   {answer.undated:,} of the nodes and edges, counted in"
    yield from redaction_lines(answer.redactions, answer.basis.redactions)
    yield basis_line(answer.basis)
    if answer.basis.complete:
        yield f"complete  {'yes' if answer.complete else 'no'}"
    yield from missing_lines(answer.basis)


def print_graph_answer(answer: Named, output: str, lines: Callable[[Any], Iterator[str]]) -> None:
    """Print an answer about the graph, as JSON or as ``lines`` tells it, with what labels meant.

    Raises:
        click.exceptions.Exit: it names something that the log has never heard of: exit code 1.
    """
    tell_labels(answer.labels)
    if output == "json":
        print_json(answer)
    else:
        print_lines(lines(answer))
    if answer.unknown:
        raise finding()
