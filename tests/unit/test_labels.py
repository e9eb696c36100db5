"""Labels: what people call a thing resolves to it, or the error says why it does not."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doubles import FakeClock, SeededRandomness
from erasing import ALL, asked, tell
from lineage.ledger import (
    Artifact,
    Claim,
    Context,
    Execution,
    Kind,
    Ledger,
    LinkClass,
    StatedTime,
    Statement,
    TraceQuery,
)
from lineage.questions.labels import CANDIDATES_MAX
from lineage.service import Ledger as Service
from lineage.stores.memory import MemoryStore
from lineage_schemas.errors import (
    AmbiguousLabelError,
    InvalidIdentifierError,
    LimitExceededError,
    NotFoundError,
)
from lineage_schemas.labels import ALIASES_MAX, label_form
from lineage_schemas.values import JsonValue
from strategies import DAWN

RUN = "mlflow:run/tracking/0123456789abcdef0123456789abcdef"
VERSION = "mlflow:model-version/tracking/fraud-model/3"

TRAINING = Execution(
    key=RUN, type="lineage.Run", name="brave-mouse", properties={"display_name": "#847"}
)
BUILD = Context(
    key="ci:run/github.com/org/repo/99/1",
    type="lineage.PipelineRun",
    properties={"display_name": "CI run #1234", "run_number": "1234"},
)
FRAUD = Artifact(
    key=VERSION,
    type="lineage.ModelVersion",
    properties={
        "model_name": "fraud-model",
        "number": 3,
        "semantic_version": "3.2.0",
        "aliases": {"items": ["champion", "eu"]},
    },
)


def key_of(ledger: Ledger, label: str, namespace: str = "default") -> str | None:
    """Return what a label resolves to, and see that both questions say the same."""
    (shown,) = ledger.show(label, namespace=namespace)
    traced = ledger.trace(TraceQuery(start=(label,)), namespace=namespace)
    assert shown.label is not None
    assert traced.labels == (shown.label,)
    assert traced.start == (shown.label.key,)
    assert shown.label.text == label.strip()
    return shown.label.key


def ambiguous(ledger: Ledger, label: str) -> AmbiguousLabelError:
    with pytest.raises(AmbiguousLabelError) as caught:
        ledger.show(label)
    return caught.value


# --- the normal form -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("#847", "847"),
        ("  Run   847 ", "run 847"),
        ("run #847", "run 847"),
        ("fraud-model-v3.2", "fraud model 3.2"),
        ("Fraud_Model V3.2", "fraud model 3.2"),
        ("fraud model #v3", "fraud model 3"),
        ("fraud--model__3", "fraud model 3"),
        ("fraud-model@champion", "fraud model@champion"),
        # What is no sign of a number stays.
        ("victory", "victory"),
        ("rev3", "rev3"),
        ("v", "v"),
        ("c# 3", "c# 3"),
        ("Straße", "strasse"),
    ],
)
def test_labels_have_one_normal_form(text: str, form: str) -> None:
    assert label_form(text) == form


PIECES = st.lists(
    st.sampled_from([*"aVv#39-_ .@ßİ", "run", "fraud", "\u00a0", "\t"]), max_size=12
).map("".join)


@given(PIECES | st.text(max_size=20))
def test_a_normal_form_is_its_own_and_says_the_same_of_other_spellings(text: str) -> None:
    form = label_form(text)
    assert label_form(form) == form
    assert label_form(f" {text}_") == form
    assert label_form(text.replace("-", "_").replace(" ", "-")) == form


# --- one thing -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("label", "key"),
    [
        *[(label, RUN) for label in ("#847", "run 847", "Run #847", "RUN-847", "brave mouse")],
        *[(label, BUILD.key) for label in ("#1234", "run 1234", "CI run 1234", "ci-run-#1234")],
        *[
            (label, VERSION)
            for label in (
                *("fraud-model 3", "fraud-model-v3", "Fraud Model #3", "fraud_model-3"),
                *("fraud-model-v3.2", "fraud-model 3.2.0", "fraud-model@champion"),
                *("fraud model@EU", " fraud-model v3 "),
            )
        ],
    ],
)
def test_what_people_write_resolves(ledger: Ledger, label: str, key: str) -> None:
    tell(ledger, "1", TRAINING, FRAUD, BUILD)
    tell(ledger, "2", Artifact(key="acme:fraud-model/33", name="fraud-model 33"))
    assert key_of(ledger, label) == key


@pytest.mark.parametrize("label", ["#84", "847.0", "fraud-model", "fraud-model 2", "fraud", "3"])
def test_part_of_what_a_thing_is_called_is_not_what_it_is_called(
    ledger: Ledger, label: str
) -> None:
    tell(ledger, "1", TRAINING, FRAUD)
    for ask in (lambda: ledger.show(label), lambda: ledger.trace(TraceQuery(start=(label,)))):
        with pytest.raises(NotFoundError, match="lineage find"):
            ask()


def test_a_number_of_a_version_is_not_taken_for_a_semantic_version(ledger: Ledger) -> None:
    versions = {"acme:v/2": (2, "1.1.0"), "acme:v/3": (3, "v2.0.0"), "acme:v/none": (None, "7.0.0")}
    for key, (number, semantic) in versions.items():
        said: dict[str, JsonValue] = {"model_name": "fraud", "semantic_version": semantic}
        if number is not None:
            said["number"] = number
        made = Artifact(key=key, type="lineage.ModelVersion", properties=said)
        ledger.record([Statement(id=key, source="registry", records=(made,))])
    assert key_of(ledger, "fraud 2") == key_of(ledger, "fraud v2") == "acme:v/2"
    assert key_of(ledger, "fraud 2.0") == key_of(ledger, "fraud v2.0.0") == "acme:v/3"
    assert key_of(ledger, "fraud 7") == "acme:v/none"
    said = {"model_name": "fraud", "number": 7}
    made = Artifact(key="acme:v/7", type="lineage.ModelVersion", properties=said)
    ledger.record([Statement(id="seven", source="another", records=(made,))])
    assert key_of(ledger, "fraud 7") == "acme:v/7"
    assert key_of(ledger, "fraud 7.0.0") == "acme:v/none"


def test_an_identifier_always_wins(ledger: Ledger) -> None:
    tell(ledger, "1", Artifact(key="acme:a", name="acme:b"), Artifact(key="acme:b"))
    (answer,) = ledger.show("acme:b")
    assert (answer.node.key, answer.label) == ("acme:b", None)
    # Even one that nobody has heard of: what is shaped as an identifier is never looked up by name.
    tell(ledger, "2", Artifact(key="acme:c", name="acme:unheard"))
    (answer,) = ledger.show("acme:unheard")
    assert answer.node.id is None
    with pytest.raises(InvalidIdentifierError):
        ledger.show("mlflow:run/847")


@pytest.mark.parametrize("text", ["", "  ", "#", "a\nb", "\ud800a"], ids=ascii)
def test_what_is_neither_is_refused(ledger: Ledger, text: str) -> None:
    with pytest.raises(InvalidIdentifierError):
        ledger.show(text)


def test_a_label_has_a_length(ledger: Ledger) -> None:
    with pytest.raises(LimitExceededError):
        ledger.show("a " * 2_000)


def test_a_label_is_looked_up_among_the_kind_that_is_asked_for(ledger: Ledger) -> None:
    tell(ledger, "1", Artifact(key="acme:a", name="x1"), Execution(key="acme:b", name="x1"))
    (answer,) = ledger.show("x1", kind=Kind.EXECUTION)
    assert answer.node.key == "acme:b"
    assert len(ambiguous(ledger, "x1").candidates) == 2


def test_what_registered_a_version_is_not_the_version(ledger: Ledger) -> None:
    tell(
        ledger,
        "1",
        FRAUD,
        Execution(
            key="acme:registering",
            type="lineage.Register",
            properties={"model_name": "fraud-model", "version_number": 3},
        ),
    )
    assert key_of(ledger, "fraud-model 3") == VERSION


# --- several, and one thing that is several nodes ------------------------------------------------


def test_an_ambiguous_label_lists_what_it_may_mean(ledger: Ledger) -> None:
    stated = StatedTime(start=DAWN)
    ledger.record(
        Statement(
            id=str(number),
            source="ci",
            stated=stated,
            records=(Artifact(key=f"acme:{number:02}", type="lineage.Model", name="twin"),),
        )
        for number in range(CANDIDATES_MAX + 3)
    )
    error = ambiguous(ledger, "Twin")
    assert [one.key for one in error.candidates] == [
        f"acme:{number:02}" for number in range(CANDIDATES_MAX)
    ]
    assert error.more == 3
    first = error.candidates[0]
    assert (first.kind, first.type, first.label) == ("artifact", "lineage.Model", "twin")
    assert first.stated_at == DAWN.strftime("%Y-%m-%dT%H:%M:%S.000000Z")
    assert "acme:00" in str(error)
    assert "3 more" in str(error)
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own error, made a line above
    assert (copy.candidates, copy.more, str(copy)) == (error.candidates, 3, str(error))
    with pytest.raises(AmbiguousLabelError):
        ledger.trace(TraceQuery(start=("acme:00", "twin")))


def test_members_of_one_entity_count_as_one(ledger: Ledger) -> None:
    shared = "acme:shared"
    pair = [Artifact(key=f"acme:{name}", name="twin") for name in "ab"]
    claims = [
        Claim(
            kind=Kind.ARTIFACT, node=one.key or "", identifier=shared, link_class=LinkClass.ASSERTED
        )
        for one in pair
    ]
    tell(ledger, "1", *pair, claims[0])
    assert len(ambiguous(ledger, "twin").candidates) == 2
    size = ledger.head().size
    tell(ledger, "2", claims[1])
    assert key_of(ledger, "twin") == "acme:a"
    with pytest.raises(AmbiguousLabelError):
        ledger.show("twin", as_of=size)
    tell(ledger, "3", Artifact(key="acme:c", name="twin"))
    assert [one.members for one in ambiguous(ledger, "twin").candidates] == [2, 1]


@pytest.mark.parametrize("link_class", [LinkClass.DERIVED, LinkClass.GUESSED])
def test_weaker_links_make_no_entity(ledger: Ledger, link_class: LinkClass) -> None:
    for name in "ab":
        key = f"acme:{name}"
        tell(
            ledger,
            name,
            Artifact(key=key, name="twin"),
            Claim(kind=Kind.ARTIFACT, node=key, identifier="acme:x", link_class=link_class),
        )
    assert len(ambiguous(ledger, "twin").candidates) == 2


def test_one_key_on_two_kinds_is_one_thing(ledger: Ledger) -> None:
    tell(
        ledger, "1", Execution(key="acme:r", name="nightly"), Context(key="acme:r", name="nightly")
    )
    assert ledger.trace(TraceQuery(start=("nightly",))).start == ("acme:r",)
    assert len(ledger.show("nightly")) == 2


# --- as of, erased, apart ------------------------------------------------------------------------


def test_a_label_resolves_as_of_a_size(ledger: Ledger) -> None:
    def alias(key: str, *names: str) -> Artifact:
        return Artifact(
            key=key,
            type="lineage.ModelVersion",
            properties={"model_name": "m", "aliases": {"items": list(names)}},
        )

    for number, records in enumerate(
        [(alias("acme:1", "champion"),), (alias("acme:1"), alias("acme:2", "champion"))], 1
    ):
        ledger.record(
            [
                Statement(
                    id=str(number),
                    source="ci",
                    records=records,
                    stated=StatedTime(start=DAWN.replace(hour=number)),
                )
            ]
        )
    now = ledger.head().size
    assert ledger.show("m@champion")[0].node.key == "acme:2"
    assert ledger.show("m@champion", as_of=now - 1)[0].node.key == "acme:1"
    with pytest.raises(NotFoundError):
        ledger.show("m@champion", as_of=1)


def test_an_erased_label_resolves_to_nothing(ledger: Ledger) -> None:
    personal = Artifact(
        key="acme:a",
        type="lineage.DataSet",
        properties={"display_name": "Eve's rows"},
        personal=("display_name",),
    )
    other = Artifact(key="acme:b", name="Eve's table")
    first, second = tell(ledger, "1", personal), tell(ledger, "2", other)
    assert key_of(ledger, "eve's rows") == "acme:a"
    assert key_of(ledger, "eve's table") == "acme:b"
    ledger.erasures.erase(asked(first))
    ledger.erasures.erase(asked(second, parts=ALL))
    for label in ("eve's rows", "eve's table"):
        with pytest.raises(NotFoundError, match="erased"):
            ledger.show(label)


def test_labels_of_other_namespaces_are_not_seen(ledger: Ledger) -> None:
    tell(ledger, "1", Artifact(key="acme:a", name="twin"))
    other = Statement(id="1", source="ci", records=(Artifact(key="acme:b", name="twin"),))
    ledger.record([other], namespace="team")
    assert key_of(ledger, "twin") == "acme:a"
    assert key_of(ledger, "twin", "team") == "acme:b"
    for namespace in ("team", "nobody"):
        with pytest.raises(NotFoundError):
            ledger.show("#1", namespace=namespace)


# --- by the definition ---------------------------------------------------------------------------

NAMES = st.sampled_from(["Fraud-Model", "fraud model", "v3", "#3", "run 3", "3", "a@b", "x"])


@given(st.lists(st.tuples(st.sampled_from("abc"), NAMES), max_size=6), NAMES)
def test_a_label_means_what_reading_every_node_says(
    told: list[tuple[str, str]], label: str
) -> None:
    ledger = Service(MemoryStore("test/labels"), FakeClock(), SeededRandomness())
    shown: dict[str, str] = {}
    for number, (key, name) in enumerate(told):
        moment = StatedTime(start=DAWN.replace(hour=number))
        node = Artifact(key=f"acme:{key}", name=name)
        ledger.record([Statement(id=str(number), source="ci", stated=moment, records=(node,))])
        shown[f"acme:{key}"] = name
    meant = sorted(key for key, name in shown.items() if label_form(name) == label_form(label))
    try:
        found = [ledger.show(label)[0].node.key or ""]
    except NotFoundError:
        found = []
    except AmbiguousLabelError as error:
        found = sorted(one.key for one in error.candidates)
    assert found == meant


def test_a_version_answers_to_each_of_many_aliases(ledger: Ledger) -> None:
    aliases = [f"alias{number}x" for number in range(ALIASES_MAX)]
    properties: dict[str, JsonValue] = {
        "model_name": "fraud",
        "number": 3,
        "aliases": {"items": list[JsonValue](aliases)},
    }
    version = Artifact(key="acme:v3", type="lineage.ModelVersion", properties=properties)
    ledger.record([Statement(id="1", source="ci", records=(version,))])
    for alias in (aliases[0], aliases[-1]):
        assert [one.node.key for one in ledger.show(f"fraud@{alias}")] == ["acme:v3"]
