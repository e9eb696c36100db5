"""Conflicts of each kind, told by hand: what is one, what is none, and what stands beside it."""

import pytest

from erasing import ALL, asked, tell
from lineage.ledger import (
    Artifact,
    Claim,
    ConflictQuery,
    Execution,
    Kind,
    Ledger,
    LinkClass,
    Retraction,
    StatedTime,
    Statement,
    TraceQuery,
    WhyQuery,
)
from lineage.questions import conflict_lists
from lineage_schemas.errors import InvalidInputError, NotFoundError
from lineage_schemas.graph import ConflictKind
from lineage_schemas.identity import Conflict
from lineage_schemas.records import AnyRecord
from strategies import DAWN

ONE_MD5, OTHER_MD5 = "md5:" + "ab" * 16, "md5:" + "cd" * 16
COMMIT, OTHER_COMMIT = "ab" * 20, "cd" * 20
RUNS = [f"mlflow:run/server/{digit * 32}" for digit in "ab"]


def said(ledger: Ledger, source: str, *records: AnyRecord) -> int:
    """Say something, and return where it stands."""
    number = ledger.head().size
    (receipt,) = ledger.record([Statement(id=f"s{number}", source=source, records=records)])
    assert receipt.position is not None
    return receipt.position


def asserted(node: str, identifier: str, kind: Kind = Kind.ARTIFACT) -> Claim:
    return Claim(kind=kind, node=node, identifier=identifier, link_class=LinkClass.ASSERTED)


def content(node: str, digest: str) -> Claim:
    return Claim(kind=Kind.ARTIFACT, node=node, identifier=digest, link_class=LinkClass.CONTENT)


def back(claim: Claim) -> Retraction:
    return Retraction(
        kind=claim.kind,
        node=claim.node,
        identifier=claim.identifier,
        link_class=claim.link_class,
        reason="a mistake",
    )


def found(ledger: Ledger, query: ConflictQuery = ConflictQuery()) -> list[Conflict]:  # noqa: B008
    return list(ledger.linking.conflicts(query).conflicts)


def sides(conflict: Conflict) -> list[tuple[str, list[str | None], tuple[str, ...]]]:
    return [(one.value, [node.key for node in one.nodes], one.sources) for one in conflict.sides]


def test_at_a_stated_time_values_are_those_that_were_told_by_then(ledger: Ledger) -> None:
    """Of one source: a data set, then a data set again, and late, that it was a model between."""
    joined = [asserted(key, "acme:x") for key in ("acme:a", "acme:b")]
    told: tuple[tuple[int, tuple[AnyRecord, ...]], ...] = (
        (0, (Artifact(key="acme:b", type="lineage.DataSet"), *joined)),
        (0, (Artifact(key="acme:a", type="lineage.DataSet"),)),
        (3, (Artifact(key="acme:a", type="lineage.DataSet"),)),
        (1, (Artifact(key="acme:a", type="lineage.Model"),)),
    )
    for hour, records in told:
        number = ledger.head().size
        stated = StatedTime(start=DAWN.replace(hour=hour))
        ledger.record([Statement(id=f"s{number}", source="ci", records=records, stated=stated)])
    query = ConflictQuery(kinds=(ConflictKind.TYPES,))
    counts = [
        len(ledger.linking.conflicts(query, valid_at=DAWN.replace(hour=at)).conflicts)
        for at in range(4)
    ]
    assert counts == [0, 1, 1, 0]
    assert found(ledger, query) == []


def test_nodes_stand_with_the_type_that_they_had_at_the_stated_time(ledger: Ledger) -> None:
    first = Artifact(key="acme:a", type="lineage.Model")
    other = Artifact(key="acme:b", type="lineage.DataSet")
    retyped = Artifact(key="acme:a", type="lineage.DataSet")
    told = (first, other, asserted("acme:a", "acme:b")), (retyped,)
    for hour, records in enumerate(told):
        stated = StatedTime(start=DAWN.replace(hour=hour))
        one = Statement(id=f"h{hour}", source="ci", stated=stated, records=records)
        ledger.record([one])
    (conflict,) = ledger.linking.conflicts(valid_at=DAWN.replace(hour=0)).conflicts
    assert conflict.kind is ConflictKind.TYPES
    assert [node.type for node in conflict.entity] == ["lineage.Model", "lineage.DataSet"]
    query = WhyQuery(one="acme:a", other="acme:b")
    for hour, kind in enumerate(("lineage.Model", "lineage.DataSet")):
        why = ledger.linking.why(query, valid_at=DAWN.replace(hour=hour))
        assert [node.type for node in why.one.nodes] == [kind]


def test_digests_of_one_algorithm_that_no_two_members_share(ledger: Ledger) -> None:
    first = said(ledger, "dvc", content("acme:a", ONE_MD5), asserted("acme:a", "acme:x"))
    second = said(ledger, "s3", content("acme:b", OTHER_MD5), asserted("acme:b", "acme:x"))
    (one,) = found(ledger)
    assert (one.kind, one.about, one.members) == (ConflictKind.DIGESTS, "md5", 2)
    assert sides(one) == [(ONE_MD5, ["acme:a"], ("dvc",)), (OTHER_MD5, ["acme:b"], ("s3",))]
    (step,) = one.steps
    assert (step.near.node.key, step.near.source) == ("acme:a", "dvc")
    assert (step.far.node.key, step.far.source) == ("acme:b", "s3")
    assert step.near.identifier == step.far.identifier == "acme:x"
    assert (step.near.position, step.far.position) == (first, second)
    assert one.asked == ("dvc", "s3")
    # The link stands, and every answer shows one thing and says that it contradicts itself.
    (entity,) = ledger.trace(TraceQuery(start=("acme:a",))).entities
    assert (entity.conflicts, entity.conflict_kinds) == (1, (ConflictKind.DIGESTS,))
    why = ledger.linking.why(WhyQuery(one="acme:a", other="acme:b"))
    assert why.conflicts == (ConflictKind.DIGESTS,)
    # Once both also have one in common, it is content that they may have had in turn.
    said(ledger, "s3", content("acme:b", ONE_MD5))
    assert found(ledger) == []
    assert len(ledger.linking.conflicts(as_of=second + 1).conflicts) == 1


def test_digests_of_two_algorithms_or_of_one_node_are_no_conflict(ledger: Ledger) -> None:
    said(ledger, "dvc", content("acme:a", ONE_MD5), asserted("acme:a", "acme:b"))
    said(ledger, "s3", content("acme:b", "sha256:" + "ab" * 32), content("acme:c", OTHER_MD5))
    said(ledger, "s3", content("acme:c", ONE_MD5))
    assert found(ledger) == []


def test_two_ids_of_which_one_tool_gives_each_thing_just_one(ledger: Ledger) -> None:
    said(ledger, "mlflow", *(Execution(key=key) for key in RUNS))
    said(ledger, "ci", asserted(RUNS[0], RUNS[1], Kind.EXECUTION))
    (one,) = found(ledger)
    assert (one.kind, one.about) == (ConflictKind.IDS, "mlflow:run/server")
    assert sides(one) == [("a" * 32, [RUNS[0]], ()), ("b" * 32, RUNS, ("ci",))]
    assert one.asked == ("ci",)


@pytest.mark.parametrize(
    ("key", "identifier"),
    [
        ("mlflow:run/one/" + "a" * 32, "mlflow:run/two/" + "b" * 32),
        ("mlflow:run/one/" + "a" * 32, "mlflow-run:" + "a" * 32),
        ("ol:dataset/x/a", "ol:dataset/x/b"),
        ("uri:s3://a/x", "uri:s3://a/y"),
    ],
)
def test_names_that_a_thing_may_have_several_of_are_no_conflict(
    ledger: Ledger, key: str, identifier: str
) -> None:
    said(ledger, "ci", asserted(key, identifier), asserted("acme:z", identifier))
    assert found(ledger) == []


def test_a_data_set_and_a_model_are_no_one_thing(ledger: Ledger) -> None:
    said(ledger, "mlflow", Artifact(key="acme:a", type="lineage.DataSet"))
    said(ledger, "dvc", Artifact(key="acme:b", type="lineage.Model"), asserted("acme:b", "acme:a"))
    (one,) = found(ledger)
    assert (one.kind, one.about) == (ConflictKind.TYPES, "type")
    assert sides(one) == [
        ("mlmd.Dataset", ["acme:a"], ("mlflow",)),
        ("mlmd.Model", ["acme:b"], ("dvc",)),
    ]


def test_types_of_one_base_or_of_none_are_no_conflict(ledger: Ledger) -> None:
    said(ledger, "mlflow", Artifact(key="acme:a", type="lineage.DataSet"))
    said(ledger, "dvc", Artifact(key="acme:b", type="lineage.Split"), asserted("acme:b", "acme:a"))
    said(ledger, "ci", Artifact(key="acme:c", type="lineage.Report"), asserted("acme:c", "acme:a"))
    assert found(ledger) == []


def test_two_commits_as_the_code_of_one_run(ledger: Ledger) -> None:
    runs = {"acme:r": COMMIT, "acme:s": OTHER_COMMIT, "acme:t": COMMIT[:7]}
    for key, commit in runs.items():
        run = Execution(key=key, type="lineage.Train", properties={"code_commit": commit})
        said(ledger, key[-1], run, asserted(key, "acme:run", Kind.EXECUTION))
    (one,) = found(ledger)
    assert (one.kind, one.about) == (ConflictKind.COMMITS, "code_commit")
    assert sides(one) == [(COMMIT, ["acme:r"], ("r",)), (OTHER_COMMIT, ["acme:s"], ("s",))]


def test_one_source_asserts_what_another_took_back(ledger: Ledger) -> None:
    claim = asserted("acme:a", "acme:b")
    said(ledger, "ci", claim)
    said(ledger, "dvc", claim)
    assert found(ledger) == []
    statement = Statement(
        id="back", source="dvc", records=(back(claim),), stated=StatedTime(start=DAWN)
    )
    (receipt,) = ledger.record([statement])
    said(ledger, "ci", Artifact(key="acme:b"))
    (one,) = found(ledger)
    assert (one.kind, one.about) == (ConflictKind.DENIED, "acme:b")
    assert sides(one) == [("asserted", ["acme:a"], ("ci",)), ("taken back", ["acme:a"], ("dvc",))]
    ((standing,), (denied,)) = (side.claims for side in one.sides)
    assert (standing.stands, denied.stands) == (True, False)
    assert denied.evidence == {"reason": "a mistake"}
    assert denied.position == receipt.position
    assert denied.stated_at == "2026-01-01T00:00:00.000000Z"
    # Once nobody asserts it any more, nothing is one, and nothing contradicts itself.
    said(ledger, "ci", back(claim))
    assert found(ledger) == []


def test_one_source_gives_one_identifier_to_two_things_of_its_own(ledger: Ledger) -> None:
    for key in ("acme:a", "acme:b"):
        said(ledger, "ci", Artifact(key=key, type="lineage.DataSet"), asserted(key, "acme:x"))
    (one,) = found(ledger)
    assert (one.kind, one.about) == (ConflictKind.REPEATED, "acme:x")
    assert sides(one) == [("acme:a", ["acme:a"], ("ci",)), ("acme:b", ["acme:b"], ("ci",))]
    # Whoever says that the two are one does not contradict itself.
    said(ledger, "ci", asserted("acme:a", "acme:b"))
    assert found(ledger) == []


def test_what_a_source_only_refers_to_is_not_its_own(ledger: Ledger) -> None:
    said(ledger, "ci", asserted("acme:a", "acme:x"), asserted("acme:b", "acme:x"))
    said(ledger, "dvc", Artifact(key="acme:a", name="a"), Artifact(key="acme:b", name="b"))
    assert found(ledger) == []


def test_conflicts_of_one_thing_and_of_some_kinds(ledger: Ledger) -> None:
    for number in range(2):
        a, b = f"acme:a{number}", f"acme:b{number}"
        said(
            ledger,
            "dvc",
            content(a, ONE_MD5),
            asserted(a, b),
            Artifact(key=a, type="lineage.Model"),
        )
        said(ledger, "s3", content(b, OTHER_MD5), Artifact(key=b, type="lineage.DataSet"))
    assert [one.kind for one in found(ledger)] == [ConflictKind.DIGESTS, ConflictKind.TYPES] * 2
    (only,) = found(ledger, ConflictQuery(node="acme:b1", kinds=(ConflictKind.TYPES,)))
    assert [node.key for node in only.entity] == ["acme:a1", "acme:b1"]
    page = ledger.linking.conflicts(count=1)
    with pytest.raises(InvalidInputError, match="another question"):
        ledger.linking.conflicts(ConflictQuery(node="acme:b1"), cursor=page.cursor)
    with pytest.raises(NotFoundError):
        ledger.linking.conflicts(ConflictQuery(node="acme:unheard"))
    assert ledger.linking.conflicts(namespace="nobody").conflicts == ()


def test_pages_look_through_so_many_nodes_and_stay_with_their_size(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conflict_lists, "SCANNED_MAX", 4)
    said(ledger, "ci", *(asserted(f"acme:{n}", "acme:many") for n in range(6)))
    said(ledger, "ci", *(asserted(f"acme:z{n}", f"acme:y{n}") for n in range(6)))
    for number in range(3):
        a, b = f"acme:a{number}", f"acme:b{number}"
        said(ledger, "dvc", content(a, ONE_MD5), asserted(a, b))
        said(ledger, "s3", content(b, OTHER_MD5))
    size = ledger.head().size
    whole = [f"acme:a{number}" for number in range(3)]
    for count in (1, 2, 9):
        keys, pages, cursor = list[str | None](), 0, None
        while True:
            page = ledger.linking.conflicts(cursor=cursor, count=count)
            keys += [one.entity[0].key for one in page.conflicts]
            pages += 1
            if pages == 1:
                said(ledger, "s3", *(content(f"acme:b{n}", ONE_MD5) for n in range(3)))
                said(ledger, "s3", *(back(content(f"acme:b{n}", ONE_MD5)) for n in range(3)))
            assert page.basis.size == size
            cursor = page.cursor
            if cursor is None:
                break
        assert keys == whole
        assert pages > 2
        size = ledger.head().size


def test_a_large_entity_is_looked_through_in_part_and_says_so(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conflict_lists, "MEMBERS_MAX", 2)
    said(ledger, "ci", *(asserted(f"acme:{n}", "acme:many") for n in range(5)))
    page = ledger.linking.conflicts()
    assert (page.conflicts, page.complete) == ((), False)
    assert [(cut.limit, cut.hidden) for cut in page.truncations] == [(2, 3)]


def test_what_was_erased_contradicts_nothing_and_is_counted(ledger: Ledger) -> None:
    tell(ledger, "1", content("acme:a", ONE_MD5), asserted("acme:a", "acme:b"))
    at = tell(ledger, "2", content("acme:b", OTHER_MD5))
    said(ledger, "dvc", Artifact(key="acme:b", type="lineage.Model"))
    said(ledger, "s3", Artifact(key="acme:a", type="lineage.DataSet"))
    assert [one.kind for one in found(ledger)] == [ConflictKind.DIGESTS, ConflictKind.TYPES]
    ledger.erasures.erase(asked(at, parts=ALL))
    page = ledger.linking.conflicts()
    assert [one.kind for one in page.conflicts] == [ConflictKind.TYPES]
    assert page.basis.redactions == 1
