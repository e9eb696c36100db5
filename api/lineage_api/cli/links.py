"""``lineage links``: who claims that things are the same, and what nobody has joined yet."""

from __future__ import annotations

from collections.abc import Iterator

import click

from lineage.ledger import LinkQuery
from lineage_api.cli.claims import evidence_text, named
from lineage_api.cli.pages import page_options
from lineage_api.cli.printing import (
    missing_lines,
    print_json,
    print_lines,
    printable,
    tell_labels,
)
from lineage_api.cli.redactions import redaction_lines
from lineage_api.cli.session import Session, asks, format_option, pass_session
from lineage_schemas.linking import Guess, LinkPage, ListedLink, Unresolved, UnresolvedPage
from lineage_schemas.records import LinkClass


@click.command("links")
@click.argument("node", required=False)
@click.option(
    "--class",
    "classes",
    type=click.Choice([link_class.value for link_class in LinkClass]),
    multiple=True,
    help="Only links of this class; may be given several times.  [default: every class]",
)
@click.option("--source", metavar="NAME", help="Only links that this source claims.")
@click.option(
    "--unresolved",
    is_flag=True,
    help="List instead what is referred to and described by nobody, and data sets without a link "
    "that another source may have too.",
)
@page_options
@asks
@format_option("text", "json")
@pass_session
def links(  # noqa: PLR0913, PLR0917 - one argument an option
    session: Session,
    node: str | None,
    classes: tuple[str, ...],
    source: str | None,
    count: int,
    cursor: str | None,
    output: str,
    *,
    unresolved: bool,
) -> None:
    """List links: which node goes by which identifier, and what that joins it to.

    NODE is an identifier or a label; left out, the links of the whole namespace are listed. Each
    stands with its class, who claims it, the evidence, and the other nodes of that identifier.

    With --unresolved each thing stands with who refers to it, and with guesses: what it may be the
    same as, and why. A guess is only ever listed, and no trace crosses it.
    """
    if unresolved and (classes or source is not None):
        raise click.UsageError("--unresolved goes with neither --class nor --source.")
    with session.open() as ledger:
        if unresolved:
            left = ledger.linking.unresolved(
                node,
                cursor=cursor,
                count=count,
                as_of=session.as_of,
                namespace=session.namespace,
            )
            _print(left, _unresolved_lines(left), output)
            return
        query = LinkQuery(node=node, classes=tuple(map(LinkClass, classes)), source=source)
        page = ledger.linking.links(
            query,
            cursor=cursor,
            count=count,
            as_of=session.as_of,
            namespace=session.namespace,
        )
        _print(page, _link_lines(page), output)


def _print(page: LinkPage | UnresolvedPage, lines: Iterator[str], output: str) -> None:
    """Print a page; where it is not the last, say on standard error how to get the next."""
    if output == "json":
        print_json(page)
        return
    if page.label is not None:
        tell_labels([page.label])
    listed = list(lines)
    if not listed:
        click.echo(f"nothing found as of size {page.basis.size}", err=True)
    print_lines(listed)
    for line in redaction_lines(page.redactions, page.basis.redactions):
        click.echo(line, err=True)
    for line in missing_lines(page.basis):
        click.echo(line, err=True)
    if page.cursor is not None:
        click.echo(f"there is more: --cursor {page.cursor}", err=True)


def _link_lines(page: LinkPage) -> Iterator[str]:
    for link in page.links:
        yield _link_line(link)
        for one in link.joined:
            yield printable(f"    = {named(one.kind, one.id, one.key)}  {one.link_class}")
        if link.hidden:
            yield f"    = {link.hidden} more"


def _link_line(link: ListedLink) -> str:
    parts = [
        named(link.kind, link.id, link.key),
        f"goes by {link.identifier or '(erased)'}",
        f"{link.link_class} by {link.source}",
    ]
    if link.stated_at is not None:
        parts.append(f"stated {link.stated_at}")
    if link.evidence:
        parts.append(evidence_text(link.evidence))
    return printable("  ".join(parts))


def _unresolved_lines(page: UnresolvedPage) -> Iterator[str]:
    for thing in page.things:
        yield from _thing_lines(thing)


def _thing_lines(thing: Unresolved) -> Iterator[str]:
    node = thing.node
    assert node.kind is not None
    assert node.id is not None
    yield printable(
        "  ".join(
            part for part in (named(node.kind, node.id, node.key), thing.reason, node.type) if part
        )
    )
    for reference in thing.references:
        times = "" if reference.count == 1 else f" x {reference.count}"
        yield printable(f"    {reference.kind} by {reference.source}{times}")
    if thing.uncounted:
        yield f"    {thing.uncounted} more references"
    for guess in thing.guesses:
        yield _guess_line(guess)
    if thing.hidden:
        yield f"    ? {thing.hidden} more"


def _guess_line(guess: Guess) -> str:
    name = named(guess.kind, guess.id, guess.key)
    return printable(f"    ? {name}  {evidence_text(guess.evidence)}")
