"""Commands follow ML Metadata's rules, in the log's present state."""

from itertools import count

import pytest

from checks import check_ledger
from doubles import FakeClock, SeededRandomness
from lineage.ledger import (
    Artifact,
    ArtifactState,
    Association,
    Attribution,
    Claim,
    Context,
    Event,
    EventKind,
    Execution,
    ExecutionState,
    Kind,
    LinkClass,
    Mode,
    Outcome,
    ParentContext,
    Principal,
    Receipt,
    Statement,
)
from lineage.projections.views import TABLES
from lineage.service import Ledger
from lineage.stores.opening import open_store
from lineage_schemas.errors import (
    AlreadyExistsError,
    InvalidInputError,
    LedgerError,
    NotFoundError,
    PreconditionError,
)
from lineage_schemas.graph import Node
from lineage_schemas.mlmd import ArtifactType, ContextType, ExecutionType, TypeRecord
from lineage_schemas.records import AnyRecord
from lineage_schemas.values import JsonValue, PropertyType

INT, DOUBLE, STRING = PropertyType.INT, PropertyType.DOUBLE, PropertyType.STRING
SHAPE = ArtifactType(name="Shape", properties={"sides": INT, "area": DOUBLE, "note": STRING})
STEP = ExecutionType(name="Step")
GROUP = ContextType(name="Group")


class Client:
    """Somebody who sends commands, each a statement of its own."""

    def __init__(self) -> None:
        store = open_store("memory:", TABLES, "test/origin")
        self.ledger = Ledger(store, FakeClock(), SeededRandomness())
        self._ids = count()
        self.put(SHAPE, STEP, GROUP)

    def put(self, *records: AnyRecord) -> Receipt:
        """Send one command and return its receipt."""
        (receipt,) = self.ledger.record([self.command(*records)])
        return receipt

    def command(self, *records: AnyRecord) -> Statement:
        number = next(self._ids)
        return Statement(id=f"c-{number}", source="client", mode=Mode.COMMAND, records=records)

    def observe(self, *records: AnyRecord) -> None:
        self.ledger.record([Statement(id=f"o-{next(self._ids)}", source="ci", records=records)])

    def refuse(self, kind: type[LedgerError], *records: AnyRecord, says: str = ".") -> None:
        """Expect a command to be refused, and nothing to be written."""
        before = self.ledger.head()
        with pytest.raises(kind, match=says) as caught:
            self.put(*records)
        assert type(caught.value) is kind
        assert self.ledger.head() == before

    def unchanged(self, *records: AnyRecord) -> None:
        """Expect a command to change nothing, and nothing to be written."""
        before = self.ledger.head()
        receipt = self.put(*records)
        assert (receipt.position, receipt.outcome) == (None, Outcome.UNCHANGED)
        assert self.ledger.head() == before

    def node(self, kind: Kind, assigned: int) -> Node:
        return self.ledger.show(f"mlmd:{kind}/{assigned}", kind=kind)[0].node

    def artifact(self, assigned: int) -> Node:
        return self.node(Kind.ARTIFACT, assigned)

    def type_of(self, name: str, version: str | None = None) -> tuple[int, TypeRecord]:
        return next(
            (assigned, record)
            for assigned, record in ((one.id, one.type) for one in self.ledger.types().types)
            if (record.name, record.version) == (name, version)
        )


@pytest.fixture
def client() -> Client:
    return Client()


# --- types ---------------------------------------------------------------------------------------


def test_the_system_types_have_the_ids_1_to_9(client: Client) -> None:
    assert [(one.id, one.type.name) for one in client.ledger.types().types[:9]] == [
        (1, "mlmd.Dataset"),
        (2, "mlmd.Model"),
        (3, "mlmd.Metrics"),
        (4, "mlmd.Statistics"),
        (5, "mlmd.Train"),
        (6, "mlmd.Transform"),
        (7, "mlmd.Process"),
        (8, "mlmd.Evaluate"),
        (9, "mlmd.Deploy"),
    ]


def test_types_share_one_sequence_across_the_kinds(client: Client) -> None:
    first = client.type_of("Shape")[0]
    assert [client.type_of(name)[0] - first for name in ("Shape", "Step", "Group")] == [0, 1, 2]
    client.put(ExecutionType(name="Shape"), ArtifactType(name="Shape", version="2"))
    shapes = [one for one in client.ledger.types().types if one.type.name == "Shape"]
    kinds = [(one.kind, one.type.version) for one in shapes]
    assert kinds == [(Kind.ARTIFACT, None), (Kind.EXECUTION, None), (Kind.ARTIFACT, "2")]


def test_the_same_type_again_is_unchanged(client: Client) -> None:
    client.unchanged(SHAPE)
    client.unchanged(SHAPE, SHAPE, STEP)
    client.unchanged(ArtifactType(name="Shape", version="", properties=SHAPE.properties))


@pytest.mark.parametrize(
    ("changed", "allowed"),
    [
        (ArtifactType(name="Shape", properties={"sides": INT}), {"can_omit_fields": True}),
        (
            ArtifactType(name="Shape", properties=SHAPE.properties | {"hue": STRING}),
            {"can_add_fields": True},
        ),
        (
            ArtifactType(name="Shape", properties={"sides": INT, "hue": STRING}),
            {"can_add_fields": True, "can_omit_fields": True},
        ),
    ],
)
def test_a_type_may_differ_only_as_its_flags_allow(
    client: Client, changed: ArtifactType, allowed: dict[str, bool]
) -> None:
    client.refuse(AlreadyExistsError, changed)
    for flag in ("can_add_fields", "can_omit_fields"):
        if allowed.keys() != {flag}:
            client.refuse(AlreadyExistsError, with_flags(changed, {flag: True}))
    client.put(with_flags(changed, allowed))
    assert client.type_of("Shape")[1].properties == SHAPE.properties | changed.properties


def with_flags(record: ArtifactType, flags: dict[str, bool]) -> ArtifactType:
    return ArtifactType(
        name=record.name,
        properties=record.properties,
        can_add_fields=flags.get("can_add_fields", False),
        can_omit_fields=flags.get("can_omit_fields", False),
    )


def test_a_property_never_changes_its_type(client: Client) -> None:
    changed = ArtifactType(
        name="Shape",
        properties=SHAPE.properties | {"sides": DOUBLE},
        can_add_fields=True,
        can_omit_fields=True,
    )
    client.refuse(AlreadyExistsError, changed)


def test_another_version_is_another_type(client: Client) -> None:
    client.put(ArtifactType(name="Shape", version="2", properties={"sides": STRING}))
    client.put(Artifact(type="Shape", type_version="2", properties={"sides": "four"}))
    client.refuse(InvalidInputError, Artifact(type="Shape", properties={"sides": "four"}))
    client.refuse(NotFoundError, Artifact(type="Shape", type_version="3"))


def test_what_describes_a_type_is_kept_from_its_first_put(client: Client) -> None:
    client.put(ArtifactType(name="Line", description="first", external_id="x"))
    client.unchanged(ArtifactType(name="Line", description="second"))
    client.put(ArtifactType(name="Line", external_id="y"))
    line = client.type_of("Line")[1]
    assert (line.description, line.external_id) == ("first", "y")


def test_the_external_id_of_a_type_is_unique_in_its_kind(client: Client) -> None:
    client.put(ArtifactType(name="Line", external_id="x"))
    client.refuse(AlreadyExistsError, ArtifactType(name="Curve", external_id="x"))
    client.refuse(
        AlreadyExistsError, ArtifactType(name="Shape", properties=SHAPE.properties, external_id="x")
    )
    client.unchanged(ArtifactType(name="Line", external_id="x"))


def test_a_base_type_is_set_once(client: Client) -> None:
    client.put(ArtifactType(name="Line", base_type="mlmd.Dataset"))
    client.unchanged(ArtifactType(name="Line"))
    client.refuse(PreconditionError, ArtifactType(name="Line", base_type="mlmd.Model"))
    client.refuse(NotFoundError, ArtifactType(name="Curve", base_type="mlmd.Train"))
    client.refuse(InvalidInputError, ArtifactType(name="Curve", base_type="mlmd.Nothing"))


def test_a_system_type_may_be_edited(client: Client) -> None:
    client.put(ArtifactType(name="mlmd.Dataset", properties={"rows": INT}, can_add_fields=True))
    assert client.type_of("mlmd.Dataset")[0] == 1
    client.put(Artifact(type="mlmd.Dataset", properties={"rows": 3}))


def test_a_type_without_a_name_is_refused(client: Client) -> None:
    client.refuse(InvalidInputError, ArtifactType(name=""))


# --- nodes ---------------------------------------------------------------------------------------


def test_ids_are_counted_for_each_kind_from_1(client: Client) -> None:
    client.put(Artifact(type="Shape"), Execution(type="Step"), Artifact(type="Shape"))
    client.put(Context(type="Group", name="g"), Artifact(type="Shape"))
    assert [client.artifact(number).id for number in (1, 2, 3)] == [1, 2, 3]
    assert client.node(Kind.EXECUTION, 1).type == "Step"
    assert client.node(Kind.CONTEXT, 1).name == "g"
    assert client.node(Kind.CONTEXT, 2).id is None


@pytest.mark.parametrize(
    ("record", "kind", "says"),
    [
        (Artifact(name="a"), InvalidInputError, "needs a type"),
        (Artifact(type="Nothing"), NotFoundError, "Nothing"),
        (Artifact(type="Step"), NotFoundError, "Step"),
        (Artifact(type="Shape", properties={"hue": "red"}), InvalidInputError, "unknown property"),
        (Artifact(type="Shape", properties={"area": 1}), InvalidInputError, "unmatched property"),
        (Artifact(type="Shape", properties={"sides": 1.0}), InvalidInputError, "unmatched"),
        (Artifact(type="Shape", properties={"sides": True}), InvalidInputError, "unmatched"),
        (Artifact(type="Shape", properties={"sides": None}), InvalidInputError, "unmatched"),
        (Context(type="Group"), InvalidInputError, "name"),
        (Context(type="Group", name=""), InvalidInputError, "name"),
        (Artifact(type="Shape", key="acme:a"), InvalidInputError, "command names a node by its id"),
        (Artifact(id=7, type="Shape"), InvalidInputError, "Cannot find the given id"),
        (Artifact(id=0, type="Shape"), InvalidInputError, "from 1 to"),
        (Artifact(id=-1, type="Shape"), InvalidInputError, "from 1 to"),
    ],
)
def test_a_node_that_cannot_be_put_is_refused(
    client: Client, record: AnyRecord, kind: type[LedgerError], says: str
) -> None:
    client.refuse(kind, record, says=says)


def test_custom_properties_are_free(client: Client) -> None:
    values: dict[str, JsonValue] = {
        "int": 1,
        "double": 1.0,
        "string": "",
        "struct": {"a": [1, None]},
        "bool": False,
        "nan": {"$float": "NaN"},
        "proto": {"$proto": {"type_url": "t", "value": "aGk="}},
    }
    client.put(Artifact(type="Shape", custom_properties=values))
    assert client.artifact(1).custom_properties == values
    client.unchanged(Artifact(id=1, type="Shape", custom_properties=values))


def test_a_name_is_unique_in_its_type(client: Client) -> None:
    client.put(Artifact(type="Shape", name="a"))
    client.refuse(AlreadyExistsError, Artifact(type="Shape", name="a"), says="name is taken")
    client.put(ArtifactType(name="Line"), ArtifactType(name="Shape", version="2"))
    client.put(Artifact(type="Line", name="a"))
    client.put(Artifact(type="Shape", type_version="2", name="a"))
    client.put(Artifact(type="Shape"), Artifact(type="Shape"))
    client.put(Artifact(type="Shape", name=""))
    client.refuse(AlreadyExistsError, Artifact(type="Shape", name=""))


def test_an_external_id_is_unique_in_its_kind(client: Client) -> None:
    client.put(Artifact(type="Shape", external_id="x"), ArtifactType(name="Line"))
    client.refuse(AlreadyExistsError, Artifact(type="Line", external_id="x"), says="external id")
    client.put(Execution(type="Step", external_id="x"), Artifact(type="Line"))
    client.refuse(AlreadyExistsError, Artifact(id=2, type="Line", external_id="x"))
    client.put(Artifact(id=1, type="Shape"))
    client.put(Artifact(type="Line", external_id="x"))


@pytest.mark.parametrize("records", [{"name": "a"}, {"external_id": "x"}])
def test_two_of_one_statement_may_not_share_what_is_unique(
    client: Client, records: dict[str, str]
) -> None:
    twin = Artifact(type="Shape", name=records.get("name"), external_id=records.get("external_id"))
    client.refuse(AlreadyExistsError, twin, twin)
    other = client.command(twin)
    before = client.ledger.head()
    with pytest.raises(AlreadyExistsError):
        client.ledger.record([client.command(twin), other])
    assert client.ledger.head() == before


def test_a_replacement_clears_what_it_leaves_out(client: Client) -> None:
    client.put(
        Artifact(
            type="Shape",
            name="a",
            uri="file:///u",
            state=ArtifactState.LIVE,
            external_id="x",
            properties={"sides": 3, "note": "n"},
            custom_properties={"p": 1, "q": 2},
        )
    )
    client.put(Artifact(id=1, type="Shape", properties={"sides": 4}, custom_properties={"q": 2}))
    assert client.artifact(1) == Node(
        kind=Kind.ARTIFACT,
        id=1,
        key="mlmd:artifact/1",
        type="Shape",
        name="a",
        properties={"sides": 4},
        custom_properties={"q": 2},
    )
    check_ledger(client.ledger)


def test_a_new_name_of_an_artifact_or_execution_is_ignored(client: Client) -> None:
    client.put(Artifact(type="Shape", name="a"), Execution(type="Step", name="b"))
    client.unchanged(Artifact(id=1, type="Shape", name="other"))
    client.put(Artifact(type="Shape", name="taken"))
    client.unchanged(Artifact(id=1, type="Shape", name="taken"))
    client.unchanged(Execution(id=1, type="Step"))
    client.put(Execution(id=1, type="Step", name="other", state=ExecutionState.COMPLETE))
    assert client.node(Kind.EXECUTION, 1).name == "b"


def test_a_context_can_be_renamed_but_not_to_a_name_that_is_taken(client: Client) -> None:
    client.put(Context(type="Group", name="g"), Context(type="Group", name="h"))
    client.put(Context(id=1, type="Group", name="new"))
    assert client.node(Kind.CONTEXT, 1).name == "new"
    client.refuse(AlreadyExistsError, Context(id=1, type="Group", name="h"))
    client.refuse(AlreadyExistsError, Context(id=1, name="h"))
    client.refuse(InvalidInputError, Context(id=1, type="Group"), says="name")
    client.put(Context(type="Group", name="g"))
    client.unchanged(Context(id=3, name="g"))


def test_a_node_keeps_its_type(client: Client) -> None:
    client.put(ArtifactType(name="Line"), ArtifactType(name="Shape", version="2"))
    client.put(Artifact(type="Shape", properties={"sides": 3}))
    client.refuse(InvalidInputError, Artifact(id=1, type="Line"), says="cannot become")
    client.refuse(InvalidInputError, Artifact(id=1, type="Shape", type_version="2"))
    client.unchanged(Artifact(id=1, properties={"sides": 3}))
    client.unchanged(Artifact(id=1, type="Shape", type_version="", properties={"sides": 3}))


def test_an_unchanged_put_appends_nothing_whoever_sends_it(client: Client) -> None:
    client.put(Artifact(type="Shape", name="a", properties={"sides": 3}))
    again = Artifact(id=1, type="Shape", properties={"sides": 3})
    client.unchanged(again)
    before = client.ledger.head()
    (receipt,) = client.ledger.record(
        [client.command(again)], principal=Principal("new here", is_local=True)
    )
    assert receipt.outcome is Outcome.UNCHANGED
    assert client.ledger.head() == before


def test_an_unchanged_put_among_others_leaves_no_gap(client: Client) -> None:
    client.put(Artifact(type="Shape", name="a"))
    size = client.ledger.head().size
    batch = [
        client.command(Artifact(type="Shape")),
        client.command(Artifact(id=1, type="Shape")),
        client.command(Artifact(type="Shape")),
    ]
    receipts = client.ledger.record(batch)
    assert [one.position for one in receipts] == [size, None, size + 1]
    lengths = [entry.batch_length for entry in client.ledger.entries(size).entries]
    assert lengths == [2, 2]
    check_ledger(client.ledger)


def test_what_observations_keep_is_not_overwritten(client: Client) -> None:
    client.observe(Artifact(key="acme:a", type="lineage.DataSet"))
    client.observe(Event(artifact="acme:stub", execution="acme:e", kind=EventKind.INPUT))
    client.refuse(PreconditionError, Artifact(id=1, type="lineage.DataSet"))
    client.refuse(PreconditionError, Artifact(id=2, type="Shape"))


def test_one_error_undoes_the_whole_batch(client: Client) -> None:
    before = client.ledger.head()
    with pytest.raises(NotFoundError):
        client.ledger.record(
            [client.command(Artifact(type="Shape", name="a")), client.command(Artifact(type="No"))]
        )
    assert client.ledger.head() == before
    assert client.put(Artifact(type="Shape", name="a")).outcome is Outcome.APPENDED


# --- what joins nodes ----------------------------------------------------------------------------


@pytest.fixture
def joined(client: Client) -> Client:
    """Return a client with two artifacts, two executions and three contexts."""
    client.put(Artifact(type="Shape"), Artifact(type="Shape"))
    client.put(Execution(type="Step"), Execution(type="Step"))
    client.put(*(Context(type="Group", name=name) for name in "abc"))
    return client


def test_a_number_names_the_record_before_it(client: Client) -> None:
    client.put(
        Artifact(type="Shape"),
        Execution(type="Step"),
        Context(type="Group", name="g"),
        Event(artifact="#0", execution="#1", kind=EventKind.OUTPUT),
        Attribution(context="#2", artifact="#0"),
        Association(context="#2", execution="#1"),
    )
    answer = client.ledger.show("mlmd:execution/1")[0]
    assert [(edge.artifact, edge.execution) for edge in answer.edges] == [(1, 1)]
    assert [node.name for node in answer.contexts] == ["g"]


@pytest.mark.parametrize(
    ("artifact", "execution"),
    [
        ("#1", "#0"),
        ("#0", "#3"),
        ("#0", "#9"),
        ("#-1", "#1"),
        ("#", "#1"),
        ("#x", "#1"),
        ("#\N{SUPERSCRIPT TWO}", "#1"),
        ("#2", "#1"),
        (7, "#1"),
        (0, "#1"),
    ],
)
def test_a_number_that_names_no_such_node_is_refused(
    client: Client, artifact: str | int, execution: str
) -> None:
    client.refuse(
        InvalidInputError,
        Artifact(type="Shape"),
        Execution(type="Step"),
        Event(artifact="#0", execution="#1", kind=EventKind.INPUT),
        Event(artifact=artifact, execution=execution, kind=EventKind.OUTPUT),
        Execution(type="Step"),
    )


def test_a_key_names_what_was_observed_and_nothing_new(client: Client) -> None:
    client.observe(Artifact(key="acme:a"))
    used = Event(artifact="acme:a", execution="#0", kind=EventKind.INPUT)
    client.put(Execution(type="Step"), used)
    wrong = Event(artifact="acme:b", execution="#0", kind=EventKind.INPUT)
    client.refuse(NotFoundError, Execution(type="Step"), wrong)
    # A claim is no name.
    client.observe(
        Claim(kind=Kind.ARTIFACT, node="acme:a", identifier="acme:b", link_class=LinkClass.ASSERTED)
    )
    client.refuse(NotFoundError, Execution(type="Step"), wrong)


@pytest.mark.parametrize("kind", EventKind)
def test_an_event_of_one_kind_is_unique_between_its_ends(joined: Client, kind: EventKind) -> None:
    event = Event(artifact=1, execution=1, kind=kind)
    joined.refuse(AlreadyExistsError, event, event)
    joined.put(event)
    joined.refuse(AlreadyExistsError, event)
    joined.refuse(AlreadyExistsError, Event(artifact=1, execution=1, kind=kind, path=("x",)))
    others = [one for one in EventKind if one is not kind]
    joined.put(*(Event(artifact=1, execution=1, kind=one) for one in others))
    joined.put(Event(artifact=2, execution=1, kind=kind), Event(artifact=1, execution=2, kind=kind))
    assert len(joined.ledger.show("mlmd:artifact/1")[0].edges) == len(EventKind) + 1


@pytest.mark.parametrize(
    "record",
    [
        Event(artifact=3, execution=1, kind=EventKind.INPUT),
        Event(artifact=1, execution=3, kind=EventKind.INPUT),
        Attribution(context=4, artifact=1),
        Attribution(context=1, artifact=3),
        Association(context=1, execution=3),
        ParentContext(child=1, parent=4),
        ParentContext(child=4, parent=1),
    ],
)
def test_an_end_that_is_not_there_is_refused(joined: Client, record: AnyRecord) -> None:
    joined.refuse(InvalidInputError, record)


def test_memberships_may_be_said_again(joined: Client) -> None:
    both = (Attribution(context=1, artifact=1), Association(context=1, execution=1))
    joined.put(*both)
    joined.unchanged(*both)
    joined.put(*both, Attribution(context=2, artifact=1))
    names = [node.name for node in joined.ledger.show("mlmd:artifact/1")[0].contexts]
    assert names == ["a", "b"]


def test_a_context_lies_in_a_parent_once_and_in_no_circle(joined: Client) -> None:
    joined.refuse(InvalidInputError, ParentContext(child=1, parent=1))
    joined.put(ParentContext(child=1, parent=2))
    joined.refuse(AlreadyExistsError, ParentContext(child=1, parent=2))
    joined.refuse(InvalidInputError, ParentContext(child=2, parent=1), says="cycle")
    joined.put(ParentContext(child=2, parent=3))
    joined.refuse(InvalidInputError, ParentContext(child=3, parent=1), says="cycle")
    joined.put(ParentContext(child=1, parent=3))


def test_a_circle_within_one_statement_is_refused(joined: Client) -> None:
    there, back = ParentContext(child=1, parent=2), ParentContext(child=2, parent=1)
    joined.refuse(InvalidInputError, there, back, says="cycle")
    joined.refuse(AlreadyExistsError, there, there)
    batch = [joined.command(there), joined.command(back)]
    with pytest.raises(InvalidInputError, match="cycle"):
        joined.ledger.record(batch)
    longer = [ParentContext(child=one, parent=two) for one, two in [(1, 2), (2, 3), (3, 1)]]
    joined.refuse(InvalidInputError, *longer, says="cycle")


def test_a_circle_far_above_is_refused(client: Client) -> None:
    client.put(*(Context(type="Group", name=f"n{number}") for number in range(50)))
    client.put(*(ParentContext(child=one, parent=one + 1) for one in range(1, 50)))
    client.refuse(InvalidInputError, ParentContext(child=50, parent=1), says="cycle")


def test_namespaces_do_not_see_one_another(client: Client) -> None:
    client.put(Artifact(type="Shape", name="a"))
    with pytest.raises(NotFoundError):
        client.ledger.record([client.command(Artifact(type="Shape"))], namespace="other")
    client.ledger.record([client.command(SHAPE)], namespace="other")
    client.ledger.record([client.command(Artifact(type="Shape", name="a"))], namespace="other")
    (answer,) = client.ledger.show("mlmd:artifact/1", namespace="other")
    assert (answer.node.id, answer.node.name) == (1, "a")
    check_ledger(client.ledger)
