"""Questions of serving, over every kind of store: of a thing, a place, an environment, or all."""

from datetime import UTC, datetime, timedelta

import pytest

from calendars import DAWN, hour, moves_in, say_move
from erasing import ALL
from lineage.ledger import (
    Artifact,
    Association,
    Attribution,
    Claim,
    Context,
    ErasureRequest,
    Event,
    EventKind,
    Execution,
    Kind,
    Ledger,
    LinkClass,
    ServingQuery,
    Statement,
)
from lineage_schemas.errors import InvalidInputError, NotFoundError
from lineage_schemas.graph import TruncationReason
from lineage_schemas.instants import format_instant, instant_us
from lineage_schemas.records import AnyRecord
from lineage_schemas.serving import Certainty, Ending, Role, ServingAnswer

DATA, BASE, TUNED = "acme:data", "acme:version/base", "acme:version/tuned"
MODEL, IMAGE = "acme:model/base", "oci:docker.io/acme/scorer@sha256:" + "ab" * 32
FRAUD = "acme:registered/fraud"


def tell(ledger: Ledger, name: str, *records: AnyRecord, source: str = "ci") -> int:
    (receipt,) = ledger.record([Statement(id=name, source=source, records=records)])
    assert receipt.position is not None
    return receipt.position


def step(name: str, type_name: str, inputs: list[str], outputs: list[str]) -> list[AnyRecord]:
    """Return an execution with what goes in and comes out."""
    key = f"acme:{name}"
    return [
        Execution(key=key, type=f"lineage.{type_name}"),
        *(Event(artifact=one, execution=key, kind=EventKind.INPUT) for one in inputs),
        *(Event(artifact=one, execution=key, kind=EventKind.OUTPUT) for one in outputs),
    ]


def say_models(ledger: Ledger) -> None:
    """Say a model with its version, its image, and a second one that was tuned from it."""
    tell(
        ledger,
        "models",
        Artifact(key=DATA, type="lineage.DataSet"),
        Artifact(key=MODEL, type="lineage.Model"),
        Artifact(
            key=BASE,
            type="lineage.ModelVersion",
            properties={"display_name": "fraud v1", "model_name": "fraud", "number": 1},
        ),
        Artifact(key=TUNED, type="lineage.ModelVersion", properties={"display_name": "fraud v2"}),
        Artifact(key="acme:model/tuned", type="lineage.Model"),
        Artifact(key=IMAGE, type="lineage.ContainerImage"),
        Context(key=FRAUD, type="lineage.RegisteredModel"),
        Attribution(context=FRAUD, artifact=BASE),
        *step("train", "Train", [DATA], [MODEL]),
        *step("register", "Register", [MODEL], [BASE]),
        *step("pack", "Run", [BASE], [IMAGE]),
        *step("tune", "Run", [BASE], ["acme:model/tuned"]),
        *step("register-2", "Register", ["acme:model/tuned"], [TUNED]),
    )


def say_serving(ledger: Ledger) -> None:
    """Say that the image serves in production from 0 to 10, and the tuned version after it."""
    moves = moves_in(
        """
        0  blue  deploy a share=1
        10 blue  deploy b
        5  stage deploy b
        """
    )
    ledger.record([say_move(moves[0], inputs=[IMAGE])])
    ledger.record([say_move(moves[1], inputs=[TUNED])])
    ledger.record([say_move(moves[2], "acme:env/staging", inputs=[TUNED])])


@pytest.fixture
def told(ledger: Ledger) -> Ledger:
    say_models(ledger)
    say_serving(ledger)
    return ledger


def deployments(answer: ServingAnswer) -> list[str]:
    return [one.deployment for one in answer.intervals]


def of(ledger: Ledger, name: str) -> list[str]:
    return deployments(ledger.registry.serving(ServingQuery(of=name)))


def test_all_are_listed_by_environment_place_and_start(told: Ledger) -> None:
    answer = told.registry.serving()
    assert deployments(answer) == ["acme:blue/a", "acme:blue/b", "acme:stage/b"]
    first = answer.intervals[0]
    assert (first.environment, first.environment_name) == ("acme:env/production", "production")
    assert (first.start, first.end) == (
        "2026-01-01T00:00:00.000000Z",
        "2026-01-01T10:00:00.000000Z",
    )
    assert (first.role, first.traffic_ratio, first.ending) == (Role.CHAMPION, 1.0, Ending.REPLACED)
    assert (first.opened_by, first.closed_by) == ("acme:move/000", "acme:move/001")
    assert (answer.complete, answer.unplaced, answer.valid_at) == (True, 0, None)
    assert all(one.certainty is None for one in answer.intervals)


def test_an_interval_cites_entries_that_say_its_moves(told: Ledger) -> None:
    for one in told.registry.serving().intervals:
        assert one.positions
        said = {told.entries(position, count=1).entries[0].statement for position in one.positions}
        assert said == {name for name in (one.opened_by, one.closed_by) if name is not None}


def test_each_deployment_serves_the_versions_behind_it_by_their_ways(told: Ledger) -> None:
    first, second, _ = told.registry.serving().intervals
    (served,) = first.serves
    assert (served.key, served.label, served.link_class) == (BASE, "fraud v1", None)
    assert served.path == ("acme:blue/a", "acme:move/000", IMAGE, "acme:pack", BASE)
    assert [one.key for one in second.serves] == [TUNED]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (BASE, ["acme:blue/a"]),
        ("fraud 1", ["acme:blue/a"]),
        (TUNED, ["acme:blue/b", "acme:stage/b"]),
        (MODEL, ["acme:blue/a"]),
        (DATA, ["acme:blue/a"]),
        ("acme:train", ["acme:blue/a"]),
        (IMAGE, ["acme:blue/a"]),
        (FRAUD, ["acme:blue/a"]),
        ("acme:blue/a", ["acme:blue/a"]),
        ("acme:move/000", ["acme:blue/a"]),
        ("acme:blue", ["acme:blue/a", "acme:blue/b"]),
        ("acme:env/staging", ["acme:stage/b"]),
    ],
)
def test_what_serves_a_thing_is_made_of_it_and_not_of_what_learned_from_it(
    told: Ledger, name: str, expected: list[str]
) -> None:
    assert of(told, name) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (ServingQuery(service="acme:stage"), ["acme:stage/b"]),
        (ServingQuery(environment="production"), ["acme:blue/a", "acme:blue/b"]),
        (ServingQuery(environment="acme:env/staging"), ["acme:stage/b"]),
        (ServingQuery(of=TUNED, environment="production"), ["acme:blue/b"]),
        (ServingQuery(of=TUNED, service="acme:stage"), ["acme:stage/b"]),
        (ServingQuery(of=BASE, environment="staging"), []),
    ],
)
def test_places_and_environments_narrow_what_is_listed(
    told: Ledger, query: ServingQuery, expected: list[str]
) -> None:
    assert deployments(told.registry.serving(query)) == expected


def test_environments_of_one_name_are_each_listed(told: Ledger) -> None:
    (other,) = moves_in("7 ghprod deploy g", "other")
    told.record([say_move(other, "hub:env/production")])
    answer = told.registry.serving(ServingQuery(environment="Production"))
    assert [(one.environment, one.deployment) for one in answer.intervals] == [
        ("acme:env/production", "acme:blue/a"),
        ("acme:env/production", "acme:blue/b"),
        ("hub:env/production", "acme:ghprod/g"),
    ]


@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        ("-1", []),
        ("0", ["acme:blue/a"]),
        ("4.999", ["acme:blue/a"]),
        ("5", ["acme:blue/a", "acme:stage/b"]),
        ("9.999", ["acme:blue/a", "acme:stage/b"]),
        ("10", ["acme:blue/b", "acme:stage/b"]),
    ],
)
def test_a_valid_time_lists_who_served_then(told: Ledger, hours: str, expected: list[str]) -> None:
    moment = hour(hours)
    answer = told.registry.serving(valid_at=moment)
    assert deployments(answer) == expected
    assert answer.valid_at == answer.basis.valid_at is not None
    assert all(one.certainty is Certainty.CERTAIN for one in answer.intervals)
    assert told.registry.serving(as_of=answer.basis) == answer


@pytest.mark.parametrize(
    ("begin", "end", "expected"),
    [
        ("-2", "0", []),
        ("-2", "0.001", ["acme:blue/a"]),
        ("0", "5", ["acme:blue/a"]),
        ("4", "5.001", ["acme:blue/a", "acme:stage/b"]),
        ("9.999", "10", ["acme:blue/a", "acme:stage/b"]),
        ("9.999", "10.001", ["acme:blue/a", "acme:blue/b", "acme:stage/b"]),
        ("10", "99", ["acme:blue/b", "acme:stage/b"]),
    ],
)
def test_a_valid_interval_lists_who_served_at_some_moment_of_it(
    told: Ledger, begin: str, end: str, expected: list[str]
) -> None:
    start, finish = hour(begin), hour(end)
    assert start is not None
    assert finish is not None
    answer = told.registry.serving(valid_during=(start, finish))
    assert deployments(answer) == expected
    stated = format_instant(instant_us(start)), format_instant(instant_us(finish))
    assert (answer.valid_at, answer.valid_during) == (None, stated)
    assert answer.basis.valid_during == stated
    assert told.registry.serving(as_of=answer.basis) == answer


def test_a_page_of_an_interval_is_turned_with_that_interval_alone(told: Ledger) -> None:
    start, finish = DAWN, DAWN + timedelta(hours=11)
    whole = told.registry.serving(valid_during=(start, finish))
    first = told.registry.serving(valid_during=(start, finish), count=2)
    second = told.registry.serving(valid_during=(start, finish), cursor=first.cursor)
    assert first.intervals + second.intervals == whole.intervals
    assert len(first.intervals) == 2
    assert second.cursor is None
    for other in ({"valid_at": start}, {"valid_during": (start, start + timedelta(hours=10))}):
        with pytest.raises(InvalidInputError, match="cursor"):
            told.registry.serving(cursor=first.cursor, **other)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("hours", [0, -1])
def test_an_interval_that_ends_before_it_has_begun_is_refused(told: Ledger, hours: int) -> None:
    with pytest.raises(InvalidInputError, match="ends before it has begun"):
        told.registry.serving(valid_during=(DAWN, DAWN + timedelta(hours=hours)))
    with pytest.raises(InvalidInputError, match="not of both"):
        told.registry.serving(valid_at=DAWN, valid_during=(DAWN, DAWN + timedelta(hours=1)))


def test_what_is_asked_of_a_moment_refuses_the_basis_of_an_interval(told: Ledger) -> None:
    answer = told.registry.serving(valid_during=(DAWN, DAWN + timedelta(hours=1)))
    with pytest.raises(InvalidInputError, match="one moment"):
        told.registry.model(FRAUD, as_of=answer.basis)
    with pytest.raises(InvalidInputError, match="one moment"):
        told.reports.dossier(BASE, as_of=answer.basis)


def test_what_may_have_served_is_listed_as_possible(told: Ledger) -> None:
    told.record([say_move(moves_in("20 late deploy x after=15", "late")[0])])
    told.record([say_move(moves_in("20 gone remove y", "gone")[0])])
    answer = told.registry.serving(ServingQuery(environment="production"), valid_at=hour("16"))
    assert [(one.deployment, one.certainty, one.start) for one in answer.intervals] == [
        ("acme:blue/b", "certain", "2026-01-01T10:00:00.000000Z"),
        ("acme:gone/y", "possible", None),
        ("acme:late/x", "possible", "2026-01-01T20:00:00.000000Z"),
    ]


def test_links_are_crossed_to_what_is_served_and_the_weakest_is_told(ledger: Ledger) -> None:
    say_models(ledger)
    digest = "sha256:" + "cd" * 32
    copy = "copy:model"
    tell(
        ledger,
        "copy",
        Artifact(key=copy, type="lineage.Model"),
        Claim(kind=Kind.ARTIFACT, node=copy, identifier=digest, link_class=LinkClass.CONTENT),
        source="dvc",
    )
    tell(
        ledger,
        "content",
        Claim(kind=Kind.ARTIFACT, node=MODEL, identifier=digest, link_class=LinkClass.CONTENT),
    )
    tell(
        ledger,
        "same",
        Artifact(key="tags:v1", type="lineage.ModelVersion"),
        Claim(kind=Kind.ARTIFACT, node="tags:v1", identifier=BASE, link_class=LinkClass.ASSERTED),
        source="gto",
    )
    ledger.record([say_move(moves_in("1 p deploy d")[0], inputs=[copy])])
    (one,) = ledger.registry.serving().intervals
    assert [(served.key, served.link_class) for served in one.serves] == [
        (BASE, "content"),
        ("tags:v1", "content"),
    ]
    assert one.serves[0].path == (
        *("acme:p/d", "acme:move/000", copy, MODEL, "acme:register", BASE),
    )
    assert of(ledger, "tags:v1") == of(ledger, BASE) == ["acme:p/d"]


def test_a_copy_of_a_version_is_the_same_model(ledger: Ledger) -> None:
    say_models(ledger)
    copy = "acme:version/copy"
    tell(
        ledger,
        "copy",
        Artifact(key=copy, type="lineage.ModelVersion"),
        *step("copying", "Register", [BASE], [copy]),
    )
    ledger.record([say_move(moves_in("1 p deploy d")[0], inputs=[copy])])
    (one,) = ledger.registry.serving().intervals
    assert [served.key for served in one.serves] == [copy, BASE]
    assert of(ledger, BASE) == ["acme:p/d"]


NOBODY, BARE = "acme:version/nobody", "acme:image/bare"


def say_naming(ledger: Ledger, how: str) -> None:
    """Say that an image that serves names a version as its model, or its deployment does."""
    (move,) = moves_in("1 p deploy d")
    ledger.record([say_move(move, inputs=[BARE])])
    packing = "acme:packing"
    tell(
        ledger,
        "naming",
        Artifact(key=BARE, type="lineage.ContainerImage"),
        Execution(key=packing, type="lineage.Run"),
        Event(artifact=BARE, execution=packing, kind=EventKind.OUTPUT, path=("image",)),
        Event(
            artifact=NOBODY,
            execution=packing if how == "image" else move.execution,
            kind=EventKind.INPUT,
            path=("model",) if how == "image" else ("model", "label"),
        ),
        # What is read beside a model, and nobody described, is none.
        Event(artifact="acme:script", execution=packing, kind=EventKind.INPUT, path=("code",)),
        Event(artifact="acme:other", execution=packing, kind=EventKind.INPUT),
    )


@pytest.mark.parametrize("how", ["image", "deployment"])
def test_a_version_that_nobody_described_is_served_and_said_to_be_undescribed(
    ledger: Ledger, how: str
) -> None:
    say_models(ledger)
    say_naming(ledger, how)
    (one,) = ledger.registry.serving().intervals
    assert [(served.key, served.is_described) for served in one.serves] == [(NOBODY, False)]
    assert of(ledger, NOBODY) == ["acme:p/d"]

    # Nor does what is tuned from it serve it.
    tell(ledger, "tuning", *step("tune-nobody", "Run", [NOBODY], ["acme:model/of-nobody"]))
    tell(ledger, "made", Artifact(key="acme:model/of-nobody", type="lineage.Model"))
    ledger.record([say_move(moves_in("2 q deploy e", "q")[0], inputs=["acme:model/of-nobody"])])
    assert of(ledger, NOBODY) == ["acme:p/d"]

    tell(ledger, "told", Artifact(key=NOBODY, type="lineage.ModelVersion"))
    one = ledger.registry.serving(ServingQuery(service="acme:p")).intervals[0]
    assert [(served.key, served.is_described) for served in one.serves] == [(NOBODY, True)]


def test_a_name_that_means_a_described_version_is_told_by_that_one(ledger: Ledger) -> None:
    say_models(ledger)
    say_naming(ledger, "image")
    claim = Claim(kind=Kind.ARTIFACT, node=BASE, identifier=NOBODY, link_class=LinkClass.ASSERTED)
    tell(ledger, "same", claim)
    (one,) = ledger.registry.serving().intervals
    assert [(served.key, served.link_class) for served in one.serves] == [(BASE, "asserted")]


def test_what_set_off_a_roll_back_is_not_what_it_brought_back_is_made_of(ledger: Ledger) -> None:
    say_models(ledger)
    tell(
        ledger,
        "incident",
        Artifact(key="ops:inc-1", type="lineage.Incident"),
        Artifact(key="acme:log", type="lineage.UsageLogSegment"),
        *step("watch", "Monitor", ["acme:log"], ["ops:inc-1"]),
    )
    (move,) = moves_in("0 p deploy a rollback trigger=ops:inc-1")
    ledger.record([say_move(move, inputs=[IMAGE])])
    assert of(ledger, IMAGE) == ["acme:p/a"]
    assert of(ledger, "acme:log") == of(ledger, "acme:watch") == of(ledger, "ops:inc-1") == []


def test_an_incident_that_set_off_a_roll_back_is_not_served(ledger: Ledger) -> None:
    say_models(ledger)
    moves = moves_in("0 p deploy a\n1 p deploy b\n2 p deploy a rollback trigger=ops:inc-1")
    ledger.record([say_move(moves[0], inputs=[IMAGE])])
    ledger.record([say_move(moves[1], inputs=[TUNED])])
    ledger.record([say_move(moves[2], inputs=[IMAGE])])
    tell(
        ledger,
        "incident",
        *step("watch", "Monitor", [TUNED], ["ops:inc-1"]),
    )
    last = ledger.registry.serving().intervals[-1]
    assert (last.is_rollback, last.trigger) == (True, "ops:inc-1")
    assert [served.key for served in last.serves] == [BASE]
    assert of(ledger, TUNED) == ["acme:p/b"]


def test_pages_go_on_where_the_one_before_ended_and_stay_of_their_size(told: Ledger) -> None:
    whole = told.registry.serving()
    first = told.registry.serving(count=2)
    assert first.cursor is not None
    told.record([say_move(moves_in("3 later deploy z", "later")[0])])
    second = told.registry.serving(cursor=first.cursor, count=2)
    assert (*first.intervals, *second.intervals) == whole.intervals
    assert (second.cursor, second.basis.size) == (None, whole.basis.size)
    with pytest.raises(InvalidInputError, match="another question"):
        told.registry.serving(cursor=first.cursor, valid_at=DAWN)


def test_names_nobody_has_heard_of_are_said_to_be_unknown(told: Ledger) -> None:
    for query in (
        ServingQuery(of="acme:nobody"),
        ServingQuery(service="nowhere"),
        ServingQuery(environment="acme:env/nowhere"),
    ):
        with pytest.raises(NotFoundError):
            told.registry.serving(query)
        with pytest.raises(NotFoundError):
            told.registry.serving(query, namespace="empty")
    assert told.registry.serving(namespace="empty").intervals == ()


def test_a_move_that_was_erased_is_counted_and_its_redaction_told(told: Ledger) -> None:
    position = told.registry.serving(ServingQuery(service="acme:stage")).intervals[0].positions[0]
    request = ErasureRequest(
        targets=(position,), parts=ALL, requester="dpo", approver="ceo", legal_basis="art 17"
    )
    told.erasures.erase(request)
    answer = told.registry.serving()
    assert deployments(answer) == ["acme:blue/a", "acme:blue/b"]
    assert (answer.unplaced, answer.complete) == (1, False)
    assert position in {one.position for one in answer.redactions}
    assert answer.basis.redactions == len({one.position for one in answer.redactions})


def test_a_move_that_cannot_be_read_is_counted(told: Ledger) -> None:
    broken: list[dict[str, object]] = [
        {"action": "deploy", "place": "acme:blue"},
        {"action": "explode", "at": "2026-01-01T00:00:00Z", "place": "acme:blue"},
        {"action": "deploy", "at": "2026-01-01T00:00:00", "place": "acme:blue"},
        {
            "action": "deploy",
            "at": "0001-01-01T00:00:00+14:00",
            "place": "acme:blue",
            "deployment": "acme:n",
        },
        {
            "action": "deploy",
            "at": "9999-12-31T23:59:59-10:00",
            "place": "acme:blue",
            "deployment": "acme:n",
        },
        {"action": "deploy", "at": "2026-01-01T00:00:00Z", "place": "no identifier"},
        {"action": "deploy", "at": "2026-01-01T00:00:00Z", "place": "acme:elsewhere"},
        {"action": "deploy", "at": "2026-01-01T00:00:00Z", "place": "acme:blue"},
    ]
    for number, move in enumerate(broken):
        key = f"acme:broken/{number}"
        tell(
            told,
            key,
            Execution(key=key, type="lineage.Deploy", custom_properties={"serving": move}),  # type: ignore[dict-item]
            Association(context="acme:blue", execution=key),
        )
    answer = told.registry.serving()
    assert (answer.unplaced, answer.complete) == (len(broken), False)
    assert len(answer.intervals) == 3


def test_more_places_than_are_read_are_said_to_be_missing(
    told: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lineage.questions.serving.PLACES_MAX", 1)
    answer = told.registry.serving()
    (cut,) = answer.truncations
    assert (cut.reason, cut.limit, cut.hidden) == (TruncationReason.NODES, 1, 1)
    assert answer.complete is False


def test_of_more_moves_than_are_read_whole_places_are_left_out(
    told: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = told.registry.serving().intervals
    monkeypatch.setattr("lineage.questions.serving.MOVES_MAX", 1)
    answer = told.registry.serving()
    # Of the two moves in one place the first alone would let it serve for ever.
    assert answer.intervals == tuple(one for one in whole if one.place == "acme:stage")
    (cut,) = answer.truncations
    assert (cut.reason, cut.limit, cut.hidden) == (TruncationReason.NODES, 1, 2)


def test_the_past_knows_only_what_was_said_by_then(told: Ledger) -> None:
    whole = told.registry.serving()
    for size in range(whole.basis.size + 1):
        answer = told.registry.serving(as_of=size)
        assert all(max(one.positions) < answer.basis.size for one in answer.intervals)
    before = told.registry.serving(as_of=max(whole.intervals[1].positions))
    assert [(one.deployment, one.end) for one in before.intervals] == [("acme:blue/a", None)]


def test_a_better_word_on_a_move_takes_the_place_of_the_first(told: Ledger) -> None:
    (move,) = moves_in("10 blue deploy b")
    better = move._replace(execution="acme:move/001", move=moves_in("12 blue deploy b")[0].move)
    said = say_move(better, inputs=[TUNED])
    (receipt,) = told.record(
        [Statement(id="better", source="k8s", stated=said.stated, records=said.records)]
    )
    first, second = told.registry.serving(ServingQuery(service="acme:blue")).intervals
    assert first.end == second.start == "2026-01-01T12:00:00.000000Z"
    assert second.positions == (receipt.position,)
    before = told.registry.serving(ServingQuery(service="acme:blue"), as_of=receipt.position)
    assert before.intervals[1].start == "2026-01-01T10:00:00.000000Z"


def test_a_valid_time_needs_a_time_zone(told: Ledger) -> None:
    with pytest.raises(InvalidInputError, match="time zone"):
        told.registry.serving(valid_at=datetime(2026, 1, 1))  # noqa: DTZ001 - that is the point
    assert told.registry.serving(valid_at=datetime(2025, 1, 1, tzinfo=UTC)).intervals == ()


def test_a_version_of_which_all_was_erased_is_told_with_its_redaction(ledger: Ledger) -> None:
    position = tell(ledger, "said", Artifact(key=BASE, type="lineage.ModelVersion"))
    ledger.record([say_move(moves_in("1 p deploy a")[0], inputs=[BASE])])
    request = ErasureRequest(
        targets=(position,), parts=ALL, requester="dpo", approver="ceo", legal_basis="art 17"
    )
    ledger.erasures.erase(request)
    answer = ledger.registry.serving()
    assert answer.intervals[0].serves == ()
    assert [one.position for one in answer.redactions] == [position]
