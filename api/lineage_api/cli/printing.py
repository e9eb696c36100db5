"""What commands print: JSON for machines, lines for people, and nothing that steers a terminal."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

import click
import msgspec

from lineage_schemas.basis import Basis
from lineage_schemas.codec import encode_answer
from lineage_schemas.graph import Edge, Node, ResolvedLabel, Truncation, TruncationReason
from lineage_schemas.mlmd import Kind
from lineage_schemas.redactions import redacted_position
from lineage_schemas.values import JsonValue

SYMBOLS: Final = {Kind.ARTIFACT: "■", Kind.EXECUTION: "▶", Kind.CONTEXT: "□", None: "?"}

_ROOT_DIGITS: Final = 12
_LINES_PER_WRITE: Final = 1_000
_VALUE_WIDTH: Final = 100
_STEERING: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""Control characters, and those that turn the direction of text: names come from anywhere."""


_HIDDEN: Final = {TruncationReason.FANOUT: "edge", TruncationReason.PATHS: "path"}
"""What a limit hides, where that is no nodes."""


def printable(text: str) -> str:
    """Return a text on one line that cannot steer the terminal it is printed to."""
    return _STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def print_json(answer: object, *, to_error: bool = False) -> None:
    """Print an answer as JSON: on one line for machines, spread out where a person watches.

    ``to_error``: on standard error, where standard output is something else.
    """
    body = encode_answer(answer)
    if (sys.stderr if to_error else sys.stdout).isatty():
        body = msgspec.json.format(body, indent=2)
    click.echo(body, err=to_error)


def print_lines(lines: Iterable[str]) -> None:
    """Print lines as they come, many in one write."""
    waiting = iter(lines)
    while chunk := list(islice(waiting, _LINES_PER_WRITE)):
        click.echo("\n".join(chunk))


def print_rows(rows: Sequence[Sequence[str]]) -> None:
    """Print rows in columns where a person watches, and with tabs between the cells elsewhere."""
    if not sys.stdout.isatty():
        print_lines("\t".join(row) for row in rows)
        return
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    print_lines(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def tell_labels(labels: Iterable[ResolvedLabel]) -> None:
    """Say on standard error what the labels in a command turned out to name."""
    for label in labels:
        click.echo(printable(f"{label.text} is {label.key}"), err=True)


def node_line(node: Node, contexts: Sequence[Node] = ()) -> str:
    """Return a node on one line: symbol, key or name, type, state, and what it belongs to."""
    name = label(node)
    parts = [f"{SYMBOLS[node.kind]} {name}"]
    if node.name is not None and node.name != name:
        parts.append(f'"{node.name}"')
    parts += [part for part in (_type(node), node.state) if part]
    if node.stub:
        parts.append("(unknown)" if node.id is None else "(stub)")
    if node.redacted:
        parts.append("(redacted)")
    if contexts:
        parts.append("in " + ", ".join(map(label, contexts)))
    return printable("  ".join(parts))


def label(node: Node) -> str:
    """Return what a node is called: its key, else its name, else its kind and id."""
    if node.key is not None:
        return node.key
    kind = "node" if node.kind is None else node.kind.value
    return node.name or f"{kind} {node.id}"


def basis_line(basis: Basis) -> str:
    """Return on one line what an answer rests on."""
    asked = "" if basis.asked_size is None else f" (asked: {basis.asked_size}, inside a batch)"
    parts = [
        f"size {basis.size}{asked}",
        f"root {basis.root[:_ROOT_DIGITS]}…",
        f"origin {basis.origin}",
        f"namespace {basis.namespace}",
    ]
    if basis.redactions:
        parts.append(counted(basis.redactions, "redaction"))
    return printable("basis     " + ", ".join(parts))


def missing_lines(basis: Basis) -> Iterator[str]:
    """Yield why an answer is not complete, where something is known to be missing."""
    if not basis.complete:
        yield printable(f"complete  no, because {'; '.join(basis.incomplete_because)}")


def value_lines(name: str, value: JsonValue) -> list[str]:
    """Return a property and its value as JSON, spread over lines where one is too short.

    A value that was erased shows the position of the entry it stood in.
    """
    position = redacted_position(value)
    if position is not None:
        return [printable(f"{name}: redacted (position {position})")]
    return [printable(line) for line in _spread(f"{name}: ", value)]


def _spread(before: str, value: JsonValue) -> list[str]:
    text = json_text(value)
    if len(text) <= _VALUE_WIDTH or not isinstance(value, dict | list):
        return [before + text]
    if isinstance(value, dict):
        opening, closing = "{", "}"
        inner = [_spread(f"{json_text(key)}: ", one) for key, one in value.items()]
    else:
        opening, closing = "[", "]"
        inner = [_spread("", one) for one in value]
    lines = [f"  {line}" for one in inner for line in (*one[:-1], one[-1] + ",")]
    return [before + opening, *lines[:-1], lines[-1].removesuffix(","), closing]


def json_text(value: JsonValue) -> str:
    """Return a value as JSON on one line."""
    return msgspec.json.encode(value).decode()


def counted(count: int, noun: str, plural: str = "") -> str:
    """Return a count with its noun: ``1 node``, ``2 nodes``."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def _type(node: Node) -> str:
    if node.type is None:
        return ""
    return node.type if node.type_version is None else f"{node.type}@{node.type_version}"


def cut_text(truncation: Truncation) -> str:
    """Say which limit cut an answer, and what it hides."""
    limit = f"by the limit of {truncation.limit:,} for {truncation.reason.value}"
    if not truncation.hidden:
        return f"{limit}: there may be more"
    noun = _HIDDEN.get(truncation.reason, "node")
    return f"{limit}: at least {counted(truncation.hidden, noun)} hidden"


def event_text(edge: Edge) -> str:
    """Say by which kind of Event, and at which place of it, an artifact and an execution met."""
    path = "".join(f"[{one}]" if isinstance(one, int) else f".{one}" for one in edge.path)
    return f"{edge.kind.value} {path.removeprefix('.')}" if path else edge.kind.value
