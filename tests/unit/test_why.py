"""Why two names mean one thing, told by hand: every relation, and every reason for none."""

import pytest

from erasing import ALL, asked, tell
from lineage.ledger import (
    Artifact,
    Claim,
    Context,
    Direction,
    Event,
    EventKind,
    Execution,
    Kind,
    Ledger,
    LinkClass,
    Retraction,
    StatedTime,
    Statement,
    WhyQuery,
)
from lineage.questions import why as why_module
from lineage_schemas.errors import AmbiguousLabelError, InvalidInputError, NotFoundError
from lineage_schemas.graph import TruncationReason
from lineage_schemas.identity import ApartBecause, NameFound, Relation, WhyAnswer
from lineage_schemas.records import AnyRecord
from strategies import DAWN

MD5, OTHER_MD5 = "md5:" + "ab" * 16, "md5:" + "cd" * 16
A, B, C, D = (f"acme:{name}" for name in "abcd")


def said(ledger: Ledger, source: str, *records: AnyRecord) -> int:
    """Say something, and return where it stands."""
    number = ledger.head().size
    stated = StatedTime(start=DAWN)
    statement = Statement(id=f"s{number}", source=source, records=records, stated=stated)
    (receipt,) = ledger.record([statement])
    assert receipt.position is not None
    return receipt.position


def claim(node: str, identifier: str, link_class: LinkClass, **evidence: str) -> Claim:
    return Claim(
        kind=Kind.ARTIFACT,
        node=node,
        identifier=identifier,
        link_class=link_class,
        evidence=dict(evidence),
    )


def why(ledger: Ledger, one: str, other: str) -> WhyAnswer:
    return ledger.linking.why(WhyQuery(one=one, other=other))


def keys(answer: WhyAnswer) -> list[tuple[str | None, str | None, LinkClass]]:
    return [(one.near.node.key, one.far.node.key, one.link_class) for one in answer.steps]


def test_two_names_of_one_node(ledger: Ledger) -> None:
    at = said(ledger, "ci", claim(A, "acme:alias", LinkClass.ASSERTED, file="one"))
    answer = why(ledger, A, "acme:alias")
    assert (answer.relation, answer.steps, answer.apart) == (Relation.SAME_NODE, (), ())
    assert (answer.one.found, answer.other.found) == (NameFound.KEY, NameFound.CLAIM)
    assert answer.one.nodes == answer.other.nodes
    (by,) = answer.other.claims
    assert (by.source, by.link_class, by.evidence, by.position) == (
        "ci",
        "asserted",
        {"file": "one"},
        at,
    )
    assert by.stated_at == "2026-01-01T00:00:00.000000Z"


def test_a_label_stands_for_what_it_names(ledger: Ledger) -> None:
    said(ledger, "ci", Artifact(key=A, name="churn data"), Artifact(key=B, name="twice"))
    said(ledger, "ci", claim(A, B, LinkClass.ASSERTED), Artifact(key=C, name="twice"))
    answer = why(ledger, "Churn Data", B)
    assert (answer.relation, answer.one.identifier) == (Relation.ONE_ENTITY, A)
    assert answer.one.label is not None
    with pytest.raises(AmbiguousLabelError):
        why(ledger, A, "twice")
    with pytest.raises(NotFoundError):
        why(ledger, A, "no such thing")
    with pytest.raises(InvalidInputError):
        why(ledger, A, "git:commit/short")


def test_the_strongest_chain_is_told_and_then_the_shortest(ledger: Ledger) -> None:
    said(ledger, "x", Artifact(key=B), Artifact(key=C))
    said(ledger, "ci", claim(A, B, LinkClass.ASSERTED), claim(B, C, LinkClass.ASSERTED))
    said(ledger, "dvc", claim(A, C, LinkClass.DERIVED))
    answer = why(ledger, A, C)
    assert (answer.relation, answer.link_class) == (Relation.ONE_ENTITY, LinkClass.ASSERTED)
    assert keys(answer) == [(A, B, LinkClass.ASSERTED), (B, C, LinkClass.ASSERTED)]
    said(
        ledger, "s3", claim(C, "acme:x", LinkClass.ASSERTED), claim(A, "acme:x", LinkClass.ASSERTED)
    )
    assert keys(why(ledger, A, C)) == [(A, C, LinkClass.ASSERTED)]


def test_a_chain_is_as_strong_as_its_weakest_claim(ledger: Ledger) -> None:
    said(ledger, "x", Artifact(key=B), Artifact(key=C))
    said(ledger, "ci", claim(A, B, LinkClass.ASSERTED), claim(B, C, LinkClass.DERIVED))
    answer = why(ledger, A, C)
    assert (answer.relation, answer.link_class) == (Relation.LINKED, LinkClass.DERIVED)
    assert keys(answer) == [(A, B, LinkClass.ASSERTED), (B, C, LinkClass.DERIVED)]


def test_equal_contents_link_from_either_end_and_make_nothing_one(ledger: Ledger) -> None:
    said(ledger, "ci", claim(A, B, LinkClass.ASSERTED), claim(B, MD5, LinkClass.CONTENT))
    said(ledger, "s3", claim(C, MD5, LinkClass.CONTENT))
    for one, other in ((A, C), (C, A)):
        answer = why(ledger, one, other)
        assert (answer.relation, answer.link_class) == (Relation.LINKED, LinkClass.CONTENT)
        assert len(answer.steps) == 2


def test_equal_contents_never_chain(ledger: Ledger) -> None:
    said(ledger, "ci", claim(A, MD5, LinkClass.CONTENT))
    said(ledger, "s3", claim(B, MD5, LinkClass.CONTENT), claim(B, OTHER_MD5, LinkClass.CONTENT))
    said(ledger, "dvc", claim(C, OTHER_MD5, LinkClass.CONTENT))
    answer = why(ledger, A, C)
    assert (answer.relation, answer.link_class, answer.steps) == (Relation.APART, None, ())
    reason = next(one for one in answer.apart if one.reason is ApartBecause.CONTENT_CHAIN)
    ends = [(one.near.node.key, one.far.node.key) for one in reason.steps]
    assert ends == [(A, B), (B, C)]


def test_equal_contents_of_one_source_say_nothing(ledger: Ledger) -> None:
    said(ledger, "ci", claim(A, MD5, LinkClass.CONTENT), claim(B, MD5, LinkClass.CONTENT))
    answer = why(ledger, A, B)
    (reason,) = answer.apart
    assert (answer.relation, reason.reason) == (Relation.APART, ApartBecause.ONE_SOURCE)
    assert [(one.node.key, one.source) for one in reason.claims] == [(A, "ci"), (B, "ci")]


def test_a_claim_that_was_taken_back_is_told_with_who_did_and_why(ledger: Ledger) -> None:
    said(ledger, "dvc", Artifact(key=B))
    said(ledger, "ci", claim(A, B, LinkClass.ASSERTED))
    size = ledger.head().size
    back = Retraction(
        kind=Kind.ARTIFACT,
        node=A,
        identifier=B,
        link_class=LinkClass.ASSERTED,
        reason="wrong file",
    )
    at = said(ledger, "ci", back)
    answer = why(ledger, A, B)
    (reason,) = answer.apart
    assert (answer.relation, reason.reason) == (Relation.APART, ApartBecause.RETRACTED)
    told = reason.claims[0]
    assert (told.stands, told.source, told.position) == (False, "ci", at)
    assert (told.evidence, told.identifier) == ({"reason": "wrong file"}, B)
    assert [(one.stands, one.link_class) for one in reason.claims[1:]] == [(True, "key")]
    then = ledger.linking.why(WhyQuery(one=A, other=B), as_of=size)
    assert then.relation is Relation.ONE_ENTITY


def test_a_guess_is_told_and_is_no_link(ledger: Ledger) -> None:
    said(ledger, "x", Artifact(key=B))
    said(ledger, "ci", claim(A, B, LinkClass.GUESSED, seen="the same name"))
    answer = why(ledger, A, B)
    (reason,) = answer.apart
    assert (answer.relation, reason.reason) == (Relation.APART, ApartBecause.GUESS)
    (step,) = reason.steps
    assert (step.link_class, step.near.evidence) == (LinkClass.GUESSED, {"seen": "the same name"})


def test_names_that_are_alike_are_a_guess(ledger: Ledger) -> None:
    one, other = "uri:s3://b/data/train.csv", "dvc:data/r/data/train.csv@md5:ab"
    said(ledger, "s3", Artifact(key=one, type="lineage.DataSet"))
    said(ledger, "dvc", Artifact(key=other, type="lineage.DataSet"))
    (reason,) = why(ledger, one, other).apart
    assert (reason.reason, reason.evidence) == (
        ApartBecause.GUESS,
        {"same_name": "data/train.csv"},
    )


def test_what_comes_of_a_thing_is_no_one_thing_with_it(ledger: Ledger) -> None:
    said(
        ledger,
        "ci",
        Event(artifact=A, execution="acme:r", kind=EventKind.INPUT),
        Event(artifact=B, execution="acme:r", kind=EventKind.OUTPUT),
    )
    for one, other, way in ((A, B, Direction.DOWNSTREAM), (B, A, Direction.UPSTREAM)):
        (reason,) = why(ledger, one, other).apart
        assert (reason.reason, reason.direction, reason.distance) == (
            ApartBecause.LINEAGE,
            way,
            2,
        )
    kinds, lineage = why(ledger, A, "acme:r").apart
    assert kinds.reason is ApartBecause.KINDS
    assert (lineage.direction, lineage.distance) == (Direction.DOWNSTREAM, 1)


def test_contexts_have_no_lineage(ledger: Ledger) -> None:
    said(ledger, "ci", Context(key=C), Context(key=D), Execution(key="acme:r"))
    assert [one.reason for one in why(ledger, C, D).apart] == []
    assert [one.reason for one in why(ledger, C, "acme:r").apart] == [ApartBecause.KINDS]


def test_what_nobody_has_heard_of_is_part_of_the_answer(ledger: Ledger) -> None:
    said(ledger, "ci", Artifact(key=A))
    answer = why(ledger, A, "acme:never")
    assert (answer.relation, answer.other.found) == (Relation.UNKNOWN, NameFound.UNKNOWN)
    assert (answer.one.found, answer.other.nodes) == (NameFound.KEY, ())
    nowhere = ledger.linking.why(WhyQuery(one=A, other=B), namespace="nobody")
    assert nowhere.relation is Relation.UNKNOWN


def test_a_search_that_left_nodes_out_says_so(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(why_module, "WHY_NODES_MAX", 3)
    names = [f"acme:{number}" for number in range(8)]
    said(ledger, "ci", Artifact(key=A))
    said(ledger, "ci", *(claim(one, "acme:hub", LinkClass.ASSERTED) for one in names))
    # A target is found however many others share its identifier.
    assert why(ledger, names[0], names[7]).relation is Relation.ONE_ENTITY
    answer = why(ledger, names[0], A)
    assert (answer.relation, answer.complete) == (Relation.APART, False)
    assert {(cut.reason, cut.limit) for cut in answer.truncations} == {(TruncationReason.NODES, 3)}
    assert answer.truncations[0].hidden >= 5


def test_many_claims_of_a_reason_are_counted(ledger: Ledger) -> None:
    for number in range(8):
        one = claim(A, f"acme:x{number}", LinkClass.ASSERTED)
        other = claim(B, f"acme:x{number}", LinkClass.ASSERTED)
        said(ledger, "ci", one, other)
        said(
            ledger,
            "ci",
            Retraction(
                kind=one.kind, node=A, identifier=one.identifier, link_class=LinkClass.ASSERTED
            ),
        )
    said(ledger, "ci", Artifact(key=C))
    (reason,) = why(ledger, A, B).apart
    assert (len(reason.claims), reason.hidden) == (10, 6)
    assert [one.stands for one in reason.claims] == [False] * 8 + [True] * 2


def test_an_erased_claim_still_joins_and_shows_that_it_was_erased(ledger: Ledger) -> None:
    at = tell(ledger, "1", claim(A, "acme:x", LinkClass.ASSERTED, seen="in a file"))
    said(ledger, "dvc", claim(B, "acme:y", LinkClass.ASSERTED), Artifact(key=A))
    tell(ledger, "2", claim(A, B, LinkClass.ASSERTED))
    ledger.erasures.erase(asked(at, parts=ALL))
    answer = why(ledger, A, B)
    assert answer.relation is Relation.ONE_ENTITY
    assert (answer.basis.redactions, len(answer.redactions)) == (1, 1)
