"""Search: ask for nodes by words, types, kinds and filters, one page at a time."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import NamedTuple, TypedDict

from lineage.asking import Asked, Asking
from lineage.questions.as_of import AsOf
from lineage.questions.cursors import open_cursor, question_of
from lineage.questions.filtering import prepare_filter
from lineage.questions.finding import find_words
from lineage.questions.search import (
    PAGE_NODES_DEFAULT,
    PageAsked,
    check_page,
    list_filtered,
    list_type,
)
from lineage.writing.submission import DEFAULT_NAMESPACE, LOCAL_PRINCIPAL, Principal
from lineage_schemas.filters import NodeFilter, format_filter
from lineage_schemas.graph import NodePage


class Page(TypedDict, total=False):
    """Which page is asked for, of which past, in which namespace, and by whom.

    ``cursor`` goes on where an earlier page ended, of the past that one was of.
    """

    cursor: str | None
    count: int
    as_of: AsOf
    namespace: str
    principal: Principal


class _Question(NamedTuple):
    asked: Asked
    page: PageAsked


def find(asking: Asking, text: str, wanted: NodeFilter | None, page: Page) -> NodePage:
    """Find nodes by words and a filter: ``Ledger.find``."""
    with _question(asking, ("find", text), wanted, page) as (asked, one):
        if one.prepared is not None and not text.strip():
            found = list_filtered(asked.reader, asked.number, one.prepared, one, asked.basis)
        else:
            found = find_words(asked.reader, asked.number, text, one, asked.basis)
        asked.count = len(found.nodes)
        return found


def list_nodes(asking: Asking, name: str, wanted: NodeFilter | None, page: Page) -> NodePage:
    """List the nodes of a type or kind: ``Ledger.list_nodes``."""
    with _question(asking, ("list", name), wanted, page) as (asked, one):
        found = list_type(asked.reader, asked.number, name, one, asked.basis)
        asked.count = len(found.nodes)
        return found


@contextmanager
def _question(
    asking: Asking, call: tuple[str, str], wanted: NodeFilter | None, page: Page
) -> Generator[_Question]:
    """Open a question of one page; its cursor serves only what was asked in the same words."""
    cursor, count = page.get("cursor"), page.get("count", PAGE_NODES_DEFAULT)
    namespace = page.get("namespace", DEFAULT_NAMESPACE)
    check_page(count)
    named = call if wanted is None else (*call, format_filter(wanted))
    question = question_of(namespace, *named)
    after, as_of = open_cursor(cursor, question, page.get("as_of"))
    where = namespace, page.get("principal", LOCAL_PRINCIPAL), as_of
    with asking.question(where, *named, cursor, count) as asked:
        prepared = None
        if wanted is not None:
            prepared = prepare_filter(asked.reader, asked.number, wanted, asked.basis.size)
        yield _Question(asked, PageAsked(question, after, count, prepared))
