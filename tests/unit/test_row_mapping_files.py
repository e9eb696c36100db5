"""Mapping files: what is wrong in one is told where it stands, before a row is read."""

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from lineage.connectors.rows.columns import parse_column, parse_template
from lineage.connectors.rows.loading import MAPPING_BYTES_MAX, load_mapping
from lineage.connectors.yaml_documents import read_places, read_yaml
from lineage_schemas.errors import InvalidInputError, LimitExceededError
from lineage_schemas.values import JsonValue

SOUND = """\
mapping: models
version: 1
rows: {format: csv, id: "{id}"}
tables:
  stages: {a: production}
nodes:
  - node: model
    kind: artifact
    type: lineage.ModelVersion
    key: "acme:model/{id}"
    properties:
      number: {column: n}
      stage: {column: s, translate: stages}
  - node: train
    kind: execution
    type: lineage.Train
    key: "acme:train/{id}"
    state: COMPLETE
  - node: place
    kind: context
    type: lineage.Service
    key: "acme:place/{id}"
events:
  - {artifact: model, execution: train, kind: OUTPUT}
serving:
  - action: deploy
    execution: "acme:start/{id}"
    at: {column: at}
    deployment: model
    place: place
"""


def test_a_sound_mapping_is_read() -> None:
    loaded = load_mapping(SOUND.encode(), "m.yaml")
    assert [node.node for node in loaded.mapping.nodes] == ["model", "train", "place"]


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        ("number: {column: n}", "numbr: {column: n}", "Did you mean 'number'?"),
        ("number: {column: n}", "number: {colum: n}", "Did you mean 'column'?"),
        ("number: {column: n}", 'number: "{n}"', "The property holds INT"),
        ("number: {column: n}", "number: {column: n, as: text}", "this gives STRING"),
        ("number: {column: n}", "number: {value: many}", "this is STRING"),
        ("number: {column: n}", "number: {}", "either a column or a value"),
        ("number: {column: n}", 'number: {column: "n["}', "is no column"),
        ("number: {column: n}", "number: 7", "Expected"),
        ("translate: stages", "translate: stage", "Did you mean 'stages'?"),
        ("{a: production}", "{a: 7}", "The property holds STRING"),
        ("lineage.ModelVersion", "lineage.ModelVersions", "Did you mean 'lineage.ModelVersion'?"),
        ("lineage.Train", "lineage.DataSet", "is a type of artifacts"),
        ("acme:model/{id}", "model {id}", "makes no identifier"),
        ("acme:model/{id}", "acme:model/{id", "has no other"),
        ("at: {column: at}", 'at: {column: at, pattern: "%d.%m.%Y"}', "formats local and date"),
        *(
            ("at: {column: at}", f'at: {{column: at, format: {form}, pattern: "{pattern}"}}', told)
            for form, pattern, told in (
                ("local", "%d.%b.%Y", "%b is not in a pattern"),
                ("local", "%d.%m.%Y %", "% is not in a pattern"),
                ("local", "%H:%M", "a day, a month and a year"),
                ("local", "%d.%m.%Y %d", "each part of a time once"),
                ("date", "%d.%m.%Y %H", "A day has no hours"),
            )
        ),
        ('key: "acme:train/{id}"', "key: \"acme:train/{id}\"\n    separator: ''", "one character"),
        ("state: COMPLETE", "state: DONE", "is no execution state"),
        ("artifact: model,", "artifact: modell,", "Did you mean 'model'?"),
        ("artifact: model,", "artifact: train,", "an artifact is wanted"),
        ("kind: OUTPUT", "kind: OUT", "Invalid enum value"),
        ("place: place", "place: model", "a context is wanted"),
        ("at: {column: at}", "at: {column: at, zone: Mars/Base}", "no time zone"),
        ("action: deploy", "action: deploy\n    ends_with_row: true", "rows are whole"),
        ("- node: train", "- node: model", "stands twice"),
        ("version: 1", "version: 0", "is 1"),
        ('id: "{id}"', "id: row", "names no column"),
        ("version: 1", "version: 1\nversion: 2", "stands twice"),
        ("format: csv", "format: csv, path: a.b", "Only a JSON document"),
    ],
)
def test_what_is_wrong_is_told_with_line_and_column(right: str, wrong: str, told: str) -> None:
    assert right in SOUND
    body = SOUND.replace(right, wrong, 1)
    with pytest.raises(InvalidInputError) as caught:
        load_mapping(body.encode(), "m.yaml")
    assert told in str(caught.value)
    pairs = zip(body.splitlines(), SOUND.splitlines(), strict=False)
    lines = [number for number, (ours, sound) in enumerate(pairs, 1) if ours != sound]
    assert caught.value.where.startswith(f"m.yaml, line {lines[0]}, column ") or "twice" in told
    assert ", column " in caught.value.where


def test_a_mapping_has_a_limit() -> None:
    with pytest.raises(LimitExceededError, match="MAPPING_BYTES_MAX"):
        load_mapping(b"#" * (MAPPING_BYTES_MAX + 1), "m.yaml")


def test_what_is_published_takes_the_examples_and_refuses_what_we_do(project: Path) -> None:
    schema = json.loads((project / "schemas/published/row-mapping.json").read_bytes())
    validator = Draft202012Validator(schema)
    for name in ("deployments", "registry"):
        body = (project / f"docs/examples/rows/{name}.yaml").read_bytes()
        assert list(validator.iter_errors(yaml.safe_load(body))) == []
        load_mapping(body, name)
    assert list(validator.iter_errors(yaml.safe_load(SOUND))) == []
    assert list(validator.iter_errors(yaml.safe_load(SOUND.replace("column: n}", "colum: n}"))))


values = st.recursive(
    st.integers(0, 9) | st.sampled_from(["", "x", "a: b"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=2), inner),
    max_leaves=12,
)


@given(values)
def test_every_value_has_its_place(value: object) -> None:
    """As an independent composer of YAML sees it: at its key, or at itself in a list."""
    text = yaml.safe_dump(value, allow_unicode=True)
    assert read_yaml(text.encode()) == value
    expected: dict[tuple[str | int, ...], str] = {}

    def walk(node: yaml.Node, steps: tuple[str | int, ...], mark: yaml.Mark) -> None:
        expected[steps] = f"line {mark.line + 1}, column {mark.column + 1}"
        if isinstance(node, yaml.MappingNode):
            for key, inner in node.value:
                walk(inner, (*steps, key.value), key.start_mark)
        elif isinstance(node, yaml.SequenceNode):
            for index, inner in enumerate(node.value):
                walk(inner, (*steps, index), inner.start_mark)

    root = yaml.compose(text)
    assert root is not None
    walk(root, (), root.start_mark)
    found = {steps: str(places.key) for steps, places in read_places(text.encode()).items()}
    assert found == expected


plain = st.text("abc_ -é", min_size=1, max_size=5)


@given(st.lists(plain | st.integers(0, 99), min_size=1, max_size=4), st.integers())
def test_a_column_leads_to_what_is_there(steps: list[str | int], value: int) -> None:
    steps = ["top", *steps]
    text = ""
    row: JsonValue = value
    for step in steps:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    for step in reversed(steps):
        before: list[JsonValue] = [] if isinstance(step, str) else [None] * step
        row = {step: row} if isinstance(step, str) else [*before, row]
    assert isinstance(row, dict)
    column = parse_column(text)
    assert column.steps == tuple(steps)
    assert column.of(row) == value
    others: dict[str, JsonValue] = {"other": row}
    assert column.of(others) is None


@pytest.mark.parametrize("text", ["", ".", "a.", ".a", "a[", "a[x]", "a]", "a..b", 'a."', "+a"])
def test_what_is_no_column_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError, match="no column"):
        parse_column(text)


@given(st.text("ab/%?#{} é~", min_size=1))
def test_a_value_makes_no_new_segment_in_an_identifier(value: str) -> None:
    made = parse_template("acme:a/{x}/b").fill_identifier({"x": value})
    assert made.count("/") == 2
    assert made.isascii()
    assert parse_template("{+x}").fill_identifier({"x": value}) == value
    assert parse_template("{{{x}}}").fill({"x": value}) == "{" + value + "}"
