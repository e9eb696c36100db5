"""Identity at full size: links are as many as claims, and a search looks at each of them once."""

import pytest

from doubles import FakeClock, SeededRandomness
from lineage.graph.links import LinkIndex
from lineage.ledger import (
    Claim,
    ConflictQuery,
    Kind,
    LinkClass,
    LinkQuery,
    Statement,
    WhyQuery,
)
from lineage.projections.links import LINK, LinkRow
from lineage.service import Ledger
from lineage.stores.memory import MemoryStore
from lineage_schemas.graph import ConflictKind
from lineage_schemas.identity import Relation

NODES, SHARED_BY, CONTRADICTED_EVERY = 100_000, 2, 1_000
HUB_NODES = 10_000
CLAIMS_AT_ONCE = 1_000


def claim(node: int, identifier: str, link_class: LinkClass = LinkClass.ASSERTED) -> Claim:
    return Claim(
        kind=Kind.ARTIFACT,
        node=f"acme:{node}",
        identifier=identifier,
        link_class=link_class,
    )


def told(claims: list[Claim]) -> Ledger:
    ledger = Ledger(MemoryStore("test/scale"), FakeClock(), SeededRandomness())
    statements = [
        Statement(
            id=f"s{start}", source="ci", records=tuple(claims[start : start + CLAIMS_AT_ONCE])
        )
        for start in range(0, len(claims), CLAIMS_AT_ONCE)
    ]
    for start in range(0, len(statements), 10):
        ledger.record(statements[start : start + 10])
    return ledger


def digest(number: int) -> str:
    return f"md5:{number:032x}"


@pytest.mark.long
def test_a_hundred_thousand_nodes_share_fifty_thousand_identifiers() -> None:
    claims = [claim(number, f"acme:x{number // SHARED_BY}") for number in range(NODES)]
    for first in range(0, NODES, CONTRADICTED_EVERY):
        claims += [
            claim(number, digest(number + 1), LinkClass.CONTENT) for number in (first, first + 1)
        ]
    ledger = told(claims)
    with ledger._store.read() as reader:
        assert len(reader.added(LINK, 0)) == len(claims)
    found, pages, cursor = [], 0, None
    while True:
        page = ledger.linking.conflicts(ConflictQuery(), cursor=cursor, count=1_000)
        found += [(one.kind, one.entity[0].key, one.members) for one in page.conflicts]
        pages, cursor = pages + 1, page.cursor
        if cursor is None:
            break
    assert found == [
        (ConflictKind.DIGESTS, f"acme:{first}", SHARED_BY)
        for first in range(0, NODES, CONTRADICTED_EVERY)
    ]
    assert pages == NODES // 20_000
    assert ledger.linking.why(WhyQuery(one="acme:0", other="acme:1")).complete


def test_a_hub_of_ten_thousand_nodes_has_as_many_links(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = 0
    of_hubs = LinkIndex.of_hubs

    def counting(self: LinkIndex, hubs: set[int], size: int) -> dict[int, list[LinkRow]]:
        nonlocal looked
        found = of_hubs(self, hubs, size)
        looked += sum(map(len, found.values()))
        return found

    monkeypatch.setattr(LinkIndex, "of_hubs", counting)
    ledger = told([claim(number, "acme:hub") for number in range(HUB_NODES)])
    with ledger._store.read() as reader:
        assert len(reader.added(LINK, 0)) == HUB_NODES
    answer = ledger.linking.why(WhyQuery(one="acme:0", other=f"acme:{HUB_NODES - 1}"))
    assert (answer.relation, len(answer.steps)) == (Relation.ONE_ENTITY, 1)
    # Once for the chain, once for the entity that may contradict itself.
    assert looked <= 2 * HUB_NODES
    looked = 0
    page = ledger.linking.conflicts(ConflictQuery(node="acme:5"))
    assert (page.conflicts, page.complete) == ((), True)
    assert looked <= 2 * HUB_NODES
    links = ledger.linking.links(LinkQuery(node="acme:5"), count=1)
    assert (len(links.links[0].joined), links.links[0].hidden) == (10, HUB_NODES - 11)
