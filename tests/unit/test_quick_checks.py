"""What is told in passing is never told wrongly: which statements are searched for secrets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.rules.form import Keys, normalise_statement
from lineage.rules.secrets import may_any_hold_secrets, may_hold_secrets
from lineage_schemas.codec import encode_parts
from lineage_schemas.errors import InvalidInputError, LedgerError
from lineage_schemas.mlmd import Artifact, Event, EventKind
from lineage_schemas.records import AnyRecord, Statement
from strategies import observations, observed_records

_MARKS = st.sampled_from(["@", "=", "llk_", "password", "apiKey", "plain", "https://a:b@c"])


def _marked(text: str) -> st.SearchStrategy[AnyRecord]:
    """Make records that hold a text in one of the places that are looked at."""
    return st.sampled_from(
        [
            Artifact(key="acme:a", name=text),
            Artifact(key="acme:a", uri=f"s3://bucket/{text}"),
            Artifact(key="acme:a", external_id=text),
            Artifact(key="acme:a", custom_properties={text: "value"}),
            Artifact(key="acme:a", custom_properties={"note": text}),
            Artifact(key="acme:a", custom_properties={"note": {"inner": text}}),
            Artifact(key="acme:a", custom_properties={"note": text}, personal=("note",)),
            Event(artifact="acme:a", execution="acme:b", kind=EventKind.INPUT, path=(text,)),
        ]
    )


@given(st.lists(st.one_of(observed_records(), _MARKS.flatmap(_marked)), min_size=1, max_size=4))
def test_a_quick_look_passes_over_no_record_that_may_hold_secrets(records: list[AnyRecord]) -> None:
    try:
        parts = encode_parts(tuple(records))
    except LedgerError:
        return
    if any(map(may_hold_secrets, parts.records)):
        assert may_any_hold_secrets(parts.records, parts.facts, parts.personal or b"")


@given(st.lists(observations(), min_size=1, max_size=4))
def test_a_batch_that_remembers_its_keys_says_the_same(statements: list[Statement]) -> None:
    keys: Keys = {}
    for statement in statements:
        assert normalise_statement(statement, keys) == normalise_statement(statement)


@pytest.mark.parametrize("ref", [5, "#0", ["acme:a"], {"acme": "a"}, None], ids=repr)
def test_what_is_no_key_is_refused(ref: object) -> None:
    event = Event(artifact=ref, execution="acme:b", kind=EventKind.INPUT)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    with pytest.raises(InvalidInputError, match="record 0"):
        normalise_statement(Statement(id="1", source="ci", records=(event,)))
