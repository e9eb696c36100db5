"""A registered model as its answer shows it, over every kind of store: one story, made by hand."""

from collections.abc import Sequence

import pytest

from calendars import hour, moves_in, say_move
from lineage.connectors.dvc.said_commits import REGISTRY_PROPERTY
from lineage.ledger import (
    Artifact,
    ArtifactState,
    Association,
    Attribution,
    Context,
    Event,
    EventKind,
    Execution,
    Ledger,
    StatedTime,
    Statement,
)
from lineage_schemas.errors import AmbiguousLabelError, NotFoundError
from lineage_schemas.records import AnyRecord
from lineage_schemas.registry_views import (
    ApprovalOf,
    Attestation,
    Existence,
    FindingKind,
    RegistryAnswer,
)
from lineage_schemas.semantic_versions import ChangeClass
from lineage_schemas.values import JsonValue

FRAUD = "acme:registered/fraud"
V1, V2, V3 = (f"acme:version/{number}" for number in (1, 2, 3))
IMAGES = {V1: "acme:image/1", V2: "acme:image/2", V3: "acme:image/3"}


def tell(ledger: Ledger, name: str, *records: AnyRecord, at: str = "0") -> int:
    moment = hour(at)
    assert moment is not None
    statement = Statement(
        id=name, source="registry", records=records, stated=StatedTime(start=moment)
    )
    (receipt,) = ledger.record([statement])
    assert receipt.position is not None
    return receipt.position


def step(
    name: str,
    type_name: str,
    inputs: Sequence[str] = (),
    outputs: Sequence[str] = (),
    custom: dict[str, JsonValue] | None = None,
    **properties: JsonValue,
) -> list[AnyRecord]:
    key = f"acme:{name}"
    return [
        Execution(
            key=key,
            type=f"lineage.{type_name}",
            properties=properties,
            custom_properties=custom or {},
        ),
        *(Event(artifact=one, execution=key, kind=EventKind.INPUT) for one in inputs),
        *(Event(artifact=one, execution=key, kind=EventKind.OUTPUT) for one in outputs),
    ]


def time(hours: str) -> str:
    moment = hour(hours)
    assert moment is not None
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def version(key: str, number: int, semantic: str, **more: JsonValue) -> list[AnyRecord]:
    return [
        Artifact(
            key=key,
            type="lineage.ModelVersion",
            properties={
                "display_name": f"fraud v{number}",
                "model_name": "fraud",
                "number": number,
                "semantic_version": semantic,
                **more,
            },
        ),
        Attribution(context=FRAUD, artifact=key),
        Artifact(key=IMAGES[key], type="lineage.ContainerImage"),
        *step(f"pack-{number}", "Run", [key], [IMAGES[key]]),
    ]


@pytest.fixture
def story(ledger: Ledger) -> Ledger:
    """Tell of three versions, of which the third was rolled back to the second."""
    tell(
        ledger,
        "versions",
        Context(key=FRAUD, type="lineage.RegisteredModel", properties={"display_name": "fraud"}),
        *version(V1, 1, "1.0.0"),
        *version(V2, 2, "1.1.0", change_class="minor"),
        *version(V3, 3, "2.0.0", change_class="patch"),
    )
    moves = moves_in(
        """
        10 blue deploy a
        20 blue deploy b role=challenger
        30 blue change b role=champion
        40 blue deploy c
        50 blue deploy b rollback trigger=acme:inc-1
        """
    )
    for move, key in zip(moves, (V1, V2, None, V3, V2), strict=True):
        ledger.record([say_move(move, inputs=[IMAGES[key]] if key else [])])
    return ledger


def view(ledger: Ledger, hours: str | None = None) -> RegistryAnswer:
    return ledger.registry.model("fraud", valid_at=None if hours is None else hour(hours))


def test_versions_stand_in_order_with_what_each_changes(story: Ledger) -> None:
    answer = view(story)
    assert (answer.name, answer.models) == ("fraud", (FRAUD,))
    assert [
        (one.key, one.number, one.change_class, one.changed_from) for one in answer.versions
    ] == [
        (V1, 1, None, None),
        (V2, 2, ChangeClass.MINOR, "1.0.0"),
        (V3, 3, ChangeClass.MAJOR, "1.1.0"),
    ]
    (finding,) = answer.findings
    assert (finding.kind, finding.where) == (FindingKind.CHANGE_CLASS_CONTRADICTED, V3)
    assert finding.what == "2.0.0 after 1.1.0 is major, and was stated to be patch"


def test_a_version_serves_in_its_own_intervals(story: Ledger) -> None:
    served = {
        one.key: [(each.start, each.end, each.role.value) for each in one.serving]
        for one in view(story).versions
    }
    assert served == {
        V1: [(time("10"), time("30"), "champion")],
        V2: [
            (time("20"), time("30"), "challenger"),
            (time("30"), time("40"), "champion"),
            (time("50"), None, "champion"),
        ],
        V3: [(time("40"), time("50"), "champion")],
    }


def test_the_model_is_found_by_its_key_and_by_a_version(story: Ledger) -> None:
    whole = view(story)
    for name in (FRAUD, V2, "fraud 1.1"):
        assert story.registry.model(name).versions == whole.versions
    with pytest.raises(NotFoundError, match="no registered model"):
        story.registry.model(IMAGES[V1])
    tell(
        story,
        "another",
        Context(
            key="acme:other/fraud",
            type="lineage.RegisteredModel",
            properties={"display_name": "fraud"},
        ),
    )
    with pytest.raises(AmbiguousLabelError):
        view(story)


def test_a_roll_back_names_what_it_took_out_and_what_set_it_off(story: Ledger) -> None:
    tell(
        story,
        "incident",
        Artifact(key="acme:inc-1", type="lineage.Incident", properties={"summary": "false alarms"}),
    )
    (one,) = view(story).rollbacks
    assert (one.taken_out, one.brought_back) == (("acme:blue/c",), "acme:blue/b")
    assert (one.trigger, one.trigger_summary, one.at) == ("acme:inc-1", "false alarms", time("50"))
    assert view(story, "49").rollbacks == ()


def test_the_previous_good_version_passes_over_what_was_rolled_back(story: Ledger) -> None:
    (now,) = view(story).previous_good
    assert (now.serving, now.deployment, now.versions) == ("acme:blue/b", "acme:blue/a", (V1,))
    assert now.passed_over == ("acme:blue/c was rolled back by acme:move/004",)
    assert [(one.key, one.exists) for one in now.needs] == [
        ("acme:blue/a", Existence.YES),
        (IMAGES[V1], Existence.YES),
        (V1, Existence.YES),
    ]
    (then,) = view(story, "45").previous_good
    assert (then.serving, then.deployment, then.served_until) == (
        "acme:blue/c",
        "acme:blue/b",
        time("40"),
    )
    assert then.passed_over == ()
    (first,) = view(story, "15").previous_good
    assert (first.serving, first.deployment) == ("acme:blue/a", None)
    assert view(story, "5").previous_good == ()


def test_an_open_incident_keeps_a_version_from_being_good_until_it_is_closed(
    story: Ledger,
) -> None:
    tell(
        story,
        "trouble",
        Artifact(key="acme:inc-2", type="lineage.Incident", properties={"status": "open"}),
        *step("watch", "Monitor", ["acme:blue/a"], ["acme:inc-2"]),
    )
    (one,) = view(story).previous_good
    assert one.deployment is None
    assert "acme:blue/a has the open incident acme:inc-2" in one.passed_over
    tell(
        story,
        "over",
        Artifact(key="acme:inc-2", type="lineage.Incident", properties={"status": "resolved"}),
        at="1",
    )
    (one,) = view(story).previous_good
    assert one.deployment == "acme:blue/a"


def test_an_incident_that_was_taken_back_is_open_no_more(story: Ledger) -> None:
    tell(
        story,
        "mistaken",
        Artifact(
            key="acme:inc-3",
            type="lineage.Incident",
            custom_properties={"declared.is_withdrawn": True},
        ),
        *step("mistake", "Monitor", ["acme:blue/a"], ["acme:inc-3"]),
    )
    (one,) = view(story).previous_good
    assert one.deployment == "acme:blue/a"


def test_a_roll_back_needs_the_image_though_the_version_is_named_beside_it(
    story: Ledger,
) -> None:
    beside = Event(
        artifact=V1, execution="acme:move/000", kind=EventKind.INPUT, path=("model", "label")
    )
    tell(story, "label", beside)
    (one,) = view(story).previous_good
    assert {each.key for each in one.needs} == {"acme:blue/a", IMAGES[V1], V1}


def test_a_roll_back_needs_the_model_that_a_version_was_registered_of(story: Ledger) -> None:
    model = Artifact(key="acme:model/1", type="lineage.Model", properties={"source_state": "gone"})
    position = tell(story, "model", model, *step("register", "Register", ["acme:model/1"], [V1]))
    (one,) = view(story).previous_good
    gone = next(each for each in one.needs if each.key == "acme:model/1")
    assert (gone.exists, gone.position) == (Existence.NO, position)


def test_what_a_roll_back_needs_is_gone_where_a_source_says_so(story: Ledger) -> None:
    position = tell(
        story,
        "gone",
        Artifact(
            key=IMAGES[V1],
            type="lineage.ContainerImage",
            properties={"source_state": "deleted"},
        ),
        Artifact(key=V1, state=ArtifactState.DELETED),
        at="60",
    )
    (one,) = view(story).previous_good
    told = {each.key: (each.exists, each.position) for each in one.needs}
    assert told[IMAGES[V1]] == (Existence.NO, position)
    assert told[V1] == (Existence.NO, position)
    assert told["acme:blue/a"][0] is Existence.YES
    assert view(story).versions[0].exists.exists is Existence.NO


def test_aliases_and_stages_are_held_between_the_looks_that_saw_them_move(story: Ledger) -> None:
    def moved(name: str, at: str, after: str, old: str | None, new: str | None) -> None:
        custom: dict[str, JsonValue] = {
            "mlflow.alias": "prod",
            "mlflow.from_version": old,
            "mlflow.to_version": new,
            "observed_at": time(at),
            "observed_after": time(after),
        }
        told: dict[str, JsonValue] = {k: value for k, value in custom.items() if value is not None}
        tell(
            story,
            name,
            *step(
                name,
                "Promote" if new else "Retire",
                [new or old or ""],
                custom=told,
                source_type="alias",
                **({"alias": "prod", "promoted_by": "ada"} if new else {"retired_by": "eve"}),
            ),
            Association(context=FRAUD, execution=f"acme:{name}"),
        )

    moved("alias-3", "50", "48", V3, None)
    moved("alias-1", "12", "11", None, V1)
    moved("alias-2", "31", "30", V1, V2)
    moved("alias-4", "40", "40", V2, V3)
    tell(
        story,
        "stage",
        *step(
            "stage",
            "Promote",
            [V2],
            custom={"mlflow.to_stage": "Production", "observed_at": time("33")},
            source_type="stage",
            to_stage="Production",
        ),
        Association(context=FRAUD, execution="acme:stage"),
    )
    held = [
        (one.kind.value, one.name, one.version, one.start_after, one.start, one.end_after, one.end)
        for one in view(story).holdings
    ]
    assert held == [
        ("alias", "prod", V1, time("11"), time("12"), time("30"), time("31")),
        ("alias", "prod", V2, time("30"), time("31"), None, time("40")),
        ("alias", "prod", V3, None, time("40"), time("48"), time("50")),
        ("stage", "Production", V2, None, time("33"), None, None),
    ]
    answer = view(story, "35")
    assert [(one.key, one.aliases, one.stages) for one in answer.versions] == [
        (V1, (), ()),
        (V2, ("prod",), ("Production",)),
        (V3, (), ()),
    ]
    assert answer.holdings[0].given_by == "ada"
    assert answer.approvals == ()


def test_approvals_are_of_the_version_its_deployments_and_the_run_that_deployed_it(
    story: Ledger,
) -> None:
    def approve(name: str, inputs: list[str], **properties: JsonValue) -> list[AnyRecord]:
        return [
            Artifact(
                key=f"acme:approval/{name}",
                type="lineage.Approval",
                properties={"decision": "approved", "decided_time": time("29"), **properties},
            ),
            *step(f"approve-{name}", "Approve", inputs, [f"acme:approval/{name}"]),
        ]

    tell(story, "own", *approve("own", [V2], approver="ada", is_signed=True, meaning="fit"))
    tell(story, "image", *approve("image", [IMAGES[V2]], approver_role="ops"))
    tell(
        story,
        "run",
        Context(key="acme:run/9", type="lineage.PipelineRun"),
        Association(context="acme:run/9", execution="acme:move/004"),
        *approve("run", ["acme:commit"]),
        Association(context="acme:run/9", execution="acme:approve-run"),
    )
    tell(story, "other", *approve("other", ["acme:elsewhere"]))
    found = {one.approval: one for one in view(story).approvals}
    assert {key: (one.version, one.about_kind) for key, one in found.items()} == {
        "acme:approval/own": (V2, ApprovalOf.VERSION),
        "acme:approval/image": (V2, ApprovalOf.DEPLOYMENT),
        "acme:approval/run": (V2, ApprovalOf.PIPELINE_RUN),
    }
    own = found["acme:approval/own"]
    assert (own.approver, own.meaning, own.attestation) == ("ada", "fit", Attestation.REPORTED)
    assert found["acme:approval/image"].attestation is Attestation.REPORTED
    assert view(story, "28").approvals == ()


def test_a_promotion_stands_with_its_criterion_and_what_was_measured_before(
    story: Ledger,
) -> None:
    tell(
        story,
        "criterion",
        Execution(key="acme:move/002", custom_properties={"criterion": "auc > 0.9"}),
        *step(
            "early",
            "Monitor",
            ["acme:blue/b"],
            online_metrics={"auc": 0.91},
            window_from_time=time("20"),
            window_to_time=time("25"),
        ),
        *step(
            "late",
            "Monitor",
            ["acme:blue/b"],
            online_metrics={"auc": 0.95},
            window_from_time=time("25"),
            window_to_time=time("30"),
        ),
        *step(
            "after",
            "Monitor",
            ["acme:blue/b"],
            online_metrics={"auc": 0.5},
            window_from_time=time("30"),
            window_to_time=time("35"),
        ),
    )
    crowned = next(one for one in view(story).promotions if one.execution == "acme:move/002")
    assert (crowned.version, crowned.to, crowned.place) == (V2, "champion", "acme:blue")
    assert (crowned.criterion, crowned.at) == ("auc > 0.9", time("30"))
    assert [(one.key, one.metrics) for one in crowned.online_evidence] == [
        ("acme:late", {"auc": 0.95})
    ]


def test_the_last_measurement_is_the_last_by_time_and_not_by_how_it_is_written(
    story: Ledger,
) -> None:
    for name, until in (("first", "2026-01-02T01:00:00+09:00"), ("second", "2026-01-01T20:00:00Z")):
        measured = step(
            name, "Monitor", ["acme:blue/b"], online_metrics={"auc": 1}, window_to_time=until
        )
        tell(story, name, *measured)
    crowned = next(one for one in view(story).promotions if one.execution == "acme:move/002")
    assert [one.key for one in crowned.online_evidence] == ["acme:second"]


def test_another_share_of_the_champion_is_no_promotion(ledger: Ledger) -> None:
    tell(
        ledger,
        "versions",
        Context(key=FRAUD, type="lineage.RegisteredModel", properties={"display_name": "fraud"}),
        *version(V1, 1, "1.0.0"),
    )
    moves = moves_in(
        """
        1 blue deploy a share=0.5
        2 blue change a share=1
        3 blue change a role=shadow
        4 blue change a role=champion
        """
    )
    for move in moves:
        ledger.record([say_move(move, inputs=[V1])])
    assert [one.at for one in view(ledger).promotions] == [time("1"), time("4")]


def test_a_roll_back_to_what_served_all_along_names_it(ledger: Ledger) -> None:
    tell(
        ledger,
        "versions",
        Context(key=FRAUD, type="lineage.RegisteredModel", properties={"display_name": "fraud"}),
        *version(V1, 1, "1.0.0"),
        *version(V2, 2, "2.0.0"),
    )
    moves = moves_in("1 blue deploy a\n2 blue deploy b beside\n3 blue deploy a rollback")
    for move, key in zip(moves, (V1, V2, V1), strict=True):
        ledger.record([say_move(move, inputs=[key])])
    (one,) = view(ledger).rollbacks
    assert (one.taken_out, one.brought_back) == (("acme:blue/b",), "acme:blue/a")


@pytest.mark.parametrize(
    ("hours", "deployment"), [("51", "acme:blue/a"), ("55", None), ("65", "acme:blue/a")]
)
def test_an_incident_counts_from_when_it_was_noticed_until_it_was_over(
    story: Ledger, hours: str, deployment: str | None
) -> None:
    tell(
        story,
        "trouble",
        Artifact(
            key="acme:inc-2",
            type="lineage.Incident",
            properties={
                "status": "resolved",
                "detected_time": time("54"),
                "resolved_time": time("60"),
            },
        ),
        *step("watch", "Monitor", ["acme:blue/a"], ["acme:inc-2"]),
    )
    (one,) = view(story, hours).previous_good
    assert one.deployment == deployment


@pytest.mark.parametrize("decided", ["2026-01-05", "2026-01-05T10:00:00", "2026-01-05T10:00:00Z"])
def test_what_was_decided_later_is_not_shown_however_its_time_is_written(
    story: Ledger, decided: str
) -> None:
    made = Artifact(
        key="acme:approval/late", type="lineage.Approval", properties={"decided_time": decided}
    )
    tell(story, "late", made, *step("decide", "Approve", [V1], ["acme:approval/late"]))
    assert view(story, "95").approvals == ()
    assert [one.decided_time for one in view(story, "120").approvals] == [decided]


def test_the_past_of_the_log_shows_the_model_as_it_was_known(story: Ledger) -> None:
    whole = view(story)
    size = whole.basis.size
    tell(story, "later", *version(V1, 1, "1.0.1"), at="70")
    assert story.registry.model("fraud", as_of=size).versions == whole.versions
    assert story.registry.model("fraud", as_of=whole.basis) == whole
    assert view(story).versions != whole.versions


def test_what_the_first_look_saw_may_be_as_old_as_the_version(ledger: Ledger) -> None:
    tell(
        ledger,
        "looked",
        Context(key=FRAUD, type="lineage.RegisteredModel", properties={"display_name": "fraud"}),
        *version(V1, 1, "1.0.0", registered_time=time("3")),
        *step("seen", "Promote", [V1], custom={"observed_at": time("9")}, alias="prod"),
        Association(context=FRAUD, execution="acme:seen"),
    )
    (one,) = view(ledger).holdings
    assert (one.start_after, one.start) == (time("3"), time("9"))
    assert [each.certainty for each in view(ledger, "8").holdings] == ["possible"]
    assert view(ledger, "2").holdings == ()


def test_of_several_that_hold_a_stage_the_tool_says_which_is_current(ledger: Ledger) -> None:
    def tag(name: str, key: str, action: str, at: str, number: int) -> list[AnyRecord]:
        said: dict[str, JsonValue] = {
            "action": action,
            "model": "fraud",
            "tag": name,
            "commit": "c" * 40,
            "version": f"v{key[-1]}",
            "stage": "prod",
            "counter": number,
            "time": time(at),
        }
        return [
            *step(name, "Promote", [key], custom={"gto.action": said}),
            Association(context=FRAUD, execution=f"acme:{name}"),
        ]

    tell(
        ledger,
        "tags",
        Context(key=FRAUD, type="lineage.RegisteredModel", properties={"display_name": "fraud"}),
        *version(V1, 1, "1.0.0"),
        *version(V2, 2, "1.1.0"),
        *tag("one", V1, "assignment", "1", 1),
        *tag("two", V2, "assignment", "2", 2),
        *tag("three", V2, "unassignment", "3", 3),
    )

    def current(hours: str | None) -> list[tuple[str, bool]]:
        return [(one.version, one.is_current) for one in view(ledger, hours).holdings]

    assert current("1") == [(V1, True)]
    assert current("2") == [(V1, False), (V2, True)]
    assert current("3") == [(V1, True)]
    assert current(None) == [(V1, True), (V2, False)]


@pytest.mark.parametrize(
    "said",
    [
        {"time": "yesterday"},
        {"action": "assignment", "model": "fraud", "tag": "t", "time": "2026-01-01T00:00:00"},
        {"action": "assignment", "model": "fraud", "tag": "t", "time": "0001-01-01T00:00:00+14:00"},
    ],
)
def test_a_tag_that_cannot_be_read_is_a_finding_and_hides_nothing_else(
    story: Ledger, said: dict[str, JsonValue]
) -> None:
    before = view(story)
    tell(
        story,
        "tag",
        *step("tag", "Promote", custom={REGISTRY_PROPERTY: said}),
        Association(context=FRAUD, execution="acme:tag"),
    )
    answer = view(story)
    (finding,) = set(answer.findings) - set(before.findings)
    assert (finding.kind, finding.where) == (FindingKind.UNREADABLE_MOVE, "acme:tag")
    assert (answer.versions, answer.holdings) == (before.versions, before.holdings)
