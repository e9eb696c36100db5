import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.connectors.base import (
    MESSAGE_BYTES_MAX,
    Mapped,
    ReceivedMessage,
    statements_of,
)
from lineage.connectors.openlineage.mapping import OpenLineageMapping
from lineage.connectors.parcels import PARCEL_BYTES_MAX, parcels
from lineage_schemas.codec import encode_parts
from lineage_schemas.errors import InvalidInputError, LimitExceededError
from lineage_schemas.limits import STATEMENT_RECORDS_MAX
from lineage_schemas.mlmd import Association, Execution, NodeRecord
from lineage_schemas.records import AnyRecord, Message, Statement
from lineage_schemas.values import JsonValue
from openlineage_messages import RUN, dataset, encoded, mapped, run_event, run_with

JSON = "application/json"


def statements(body: bytes, ordinal: int = 1) -> tuple[Statement, ...]:
    return statements_of(ReceivedMessage(body, JSON), OpenLineageMapping(), "ol", ordinal)


class Fixed(msgspec.Struct, frozen=True):
    """A mapping that makes the same records of everything."""

    records: tuple[AnyRecord, ...]
    statement_id: str = "x"
    version: str = "fixed/3"

    def map(self, body: bytes) -> Mapped:
        assert body
        return Mapped(self.statement_id, None, self.records)


def fixed(records: tuple[AnyRecord, ...], statement_id: str = "x") -> tuple[Statement, ...]:
    return statements_of(ReceivedMessage(b"{}", JSON), Fixed(records, statement_id), "other")


# --- the message, then what was made of it -------------------------------------------------------


def test_the_message_comes_first_and_what_it_states_cites_it() -> None:
    body = encoded(run_event())
    first, second = statements(body)
    assert first.id == OpenLineageMapping().map(body).statement_id
    assert first.records == (Message(media_type=JSON, body=msgspec.Raw(body)),)
    assert (first.message, first.mapping) == (None, None)
    assert second.id == f"{first.id}@2"
    assert (second.message, second.mapping) == (first.id, "openlineage/2")
    assert second.records == mapped(run_event())
    assert first.stated == second.stated
    assert first.source == second.source == "ol"


def test_the_body_is_kept_byte_for_byte_but_for_white_space_around_it() -> None:
    body = json.dumps(run_event(), indent=3).replace("://", ":\\/\\/").encode()
    first, _ = statements(b"\r\n " + body + b"\n")
    (message,) = first.records
    assert isinstance(message, Message)
    assert bytes(message.body) == body


def test_secrets_are_filtered_and_counted_before_the_mapping_sees_them() -> None:
    body = encoded(run_event(run=run_with(mine={"password": "hunter2", "a": "b"})))
    first, second = statements(body)
    (message,) = first.records
    assert isinstance(message, Message)
    assert message.secrets_filtered == 1
    assert bytes(message.body) == body.replace(b"hunter2", b"[filtered]")
    assert b"hunter2" not in msgspec.json.encode(second)


def test_a_second_message_of_one_id_has_an_ordinal() -> None:
    first, second = statements(encoded(run_event()), ordinal=3)
    assert first.id.endswith("Z~3")
    assert second.id == f"{first.id}@2"
    assert second.message == first.id


def test_an_ordinal_begins_at_one() -> None:
    with pytest.raises(InvalidInputError):
        statements(encoded(run_event()), ordinal=0)


def test_a_message_over_the_limit_is_refused() -> None:
    body = encoded(run_event(run=run_with(mine={"a": "b" * MESSAGE_BYTES_MAX})))
    with pytest.raises(LimitExceededError, match="MESSAGE_BYTES_MAX"):
        statements(body)


def test_a_message_at_the_limit_fits_into_the_log() -> None:
    empty = len(encoded(run_event(run=run_with(mine={"a": ""}))))
    body = encoded(run_event(run=run_with(mine={"a": "b" * (MESSAGE_BYTES_MAX - empty)})))
    assert len(body) == MESSAGE_BYTES_MAX
    for statement in statements(body):
        encode_parts(statement.records)


def test_a_statement_id_over_the_limit_is_refused() -> None:
    with pytest.raises(LimitExceededError, match="STATEMENT_ID_BYTES_MAX"):
        fixed((), "x" * 513)


def test_an_error_names_the_message_it_is_in() -> None:
    message = ReceivedMessage(b"{}", JSON, "line 7")
    with pytest.raises(InvalidInputError) as caught:
        statements_of(message, OpenLineageMapping(), "ol")
    assert caught.value.where == "line 7: $"


def test_a_mapping_may_state_nothing() -> None:
    (only,) = fixed(())
    assert only.id == "x"


# --- parcels -------------------------------------------------------------------------------------


def test_more_records_than_a_statement_holds_go_on_in_the_next() -> None:
    records = tuple(
        Association(context="a", execution=f"b{n}") for n in range(2 * STATEMENT_RECORDS_MAX + 1)
    )
    _, *rest = fixed(records)
    assert [statement.id for statement in rest] == ["x@3", "x@3.2", "x@3.3"]
    assert tuple(record for statement in rest for record in statement.records) == records
    assert {statement.message for statement in rest} == {"x"}


def test_a_large_run_event_is_split_and_each_part_fits() -> None:
    plan: JsonValue = {"plan": "p" * 400_000}
    facets: JsonValue = {"schema": {"fields": [{"name": "f" * 400_000}]}}
    body = encoded(run_event(run=run_with(plan=plan), inputs=[dataset("a", facets=facets)]))
    _, *rest = statements(body)
    assert [statement.id.rpartition("@")[2] for statement in rest] == ["2", "2.2"]
    for statement in rest:
        encode_parts(statement.records)


def properties(records: list[AnyRecord]) -> dict[tuple[str, str], JsonValue]:
    """Add up what is said of each node."""
    said: dict[tuple[str, str], JsonValue] = {}
    for record in records:
        assert isinstance(record, NodeRecord)
        for name, value in (record.properties | record.custom_properties).items():
            said[str(record.key), name] = value
    return said


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from("abcdef"), st.integers(0, PARCEL_BYTES_MAX - 500), max_size=6
        ),
        max_size=4,
    )
)
def test_parcels_say_all_and_each_fits(sizes: list[dict[str, int]]) -> None:
    records = tuple(
        Execution(
            key=f"{RUN}-{n}",
            type="lineage.Run",
            properties={name: "x" * size for name, size in named.items() if name < "d"},
            custom_properties={name: "x" * size for name, size in named.items() if name >= "d"},
            personal=tuple(sorted(named)),
        )
        for n, named in enumerate(sizes)
    )
    found = list(parcels(records))
    for parcel in found:
        encode_parts(parcel)
    flat = [record for parcel in found for record in parcel]
    assert properties(flat) == properties(list(records))
    assert {(r.key, name) for r in records for name in r.personal} == {
        (r.key, name) for r in flat if isinstance(r, NodeRecord) for name in r.personal
    }


def test_a_property_that_fits_nowhere_is_refused_by_name() -> None:
    record = Execution(key=RUN, custom_properties={"plan": "x" * PARCEL_BYTES_MAX})
    with pytest.raises(LimitExceededError) as caught:
        list(parcels((record,)))
    assert caught.value.where == f"{RUN}: property plan"


def test_a_record_that_fits_nowhere_is_refused() -> None:
    with pytest.raises(LimitExceededError, match="PARCEL_BYTES_MAX"):
        list(parcels((Association(context="a", execution="b" * PARCEL_BYTES_MAX),)))
