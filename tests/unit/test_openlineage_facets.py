import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.connectors.openlineage.mapping import OpenLineageMapping
from lineage_schemas.limits import INT_MAX, NAME_BYTES_MAX
from lineage_schemas.mlmd import (
    Artifact,
    Context,
    Execution,
)
from lineage_schemas.values import JsonValue
from openlineage_messages import (
    JOB,
    PRODUCER,
    RUN,
    TIME,
    Object,
    check_records,
    dataset,
    encoded,
    job_with,
    key_of,
    mapped,
    node,
    run_event,
    run_with,
    whole,
)

MAPPING = OpenLineageMapping()


# --- facets --------------------------------------------------------------------------------------


def test_facets_are_kept_where_they_belong() -> None:
    records = mapped(
        run_event(
            run=run_with(mine={"a": 1}),
            job=job_with(mine={"b": 2}),
            inputs=[dataset("a", facets={"mine": {"c": 3}}, inputFacets={"mine": {"d": 4}})],
            outputs=[dataset("b", facets={"mine": {"e": 5}}, outputFacets={"mine": {"f": 6}})],
        )
    )
    run = node(RUN, Execution, records).custom_properties
    assert run["openlineage.mine"] == {"a": 1}
    assert run[f"openlineage.input/{key_of('a')}/mine"] == {"d": 4}
    assert run[f"openlineage.output/{key_of('b')}/mine"] == {"f": 6}
    assert node(JOB, Context, records).custom_properties == {"openlineage.mine": {"b": 2}}
    assert node(key_of("a"), Artifact, records).custom_properties == {"openlineage.mine": {"c": 3}}
    assert node(key_of("b"), Artifact, records).custom_properties == {"openlineage.mine": {"e": 5}}


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["value", "json", "$float", "$", "_deleted", "owner", "a"])
            | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


def digits(value: JsonValue) -> JsonValue:
    """Say what is promised of whole numbers beyond 64 bits."""
    if isinstance(value, dict):
        return {key: digits(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [digits(inner) for inner in value]
    if isinstance(value, int) and not -INT_MAX - 1 <= value <= INT_MAX:
        return str(value)
    return value


@given(JSON)
def test_whatever_a_facet_holds_is_kept_whole(facet: JsonValue) -> None:
    found = MAPPING.map(encoded(run_event(run=run_with(mine=facet))))
    check_records(found.records)
    custom = node(RUN, Execution, found.records).custom_properties
    if facet is None:
        assert "openlineage.mine" not in custom
    elif isinstance(facet, dict) and facet.get("_deleted") is True:
        assert custom["openlineage.mine"] is None
    else:
        assert whole(custom["openlineage.mine"]) == digits(facet)
        assert (facet != digits(facet)) == ("openlineage.integers_as_text" in found.flags)


@given(
    st.dictionaries(
        st.sampled_from(
            [
                *("columnLineage", "dataQualityAssertions", "dataQualityMetrics", "dataSource"),
                *("documentation", "errorMessage", "executionParameters", "hyperparameters"),
                *("jobType", "metrics", "ownership", "parent", "processing_engine", "schema"),
                *("sourceCodeLocation", "storage", "symlinks", "tags", "version"),
            ]
        ),
        JSON
        | st.dictionaries(
            st.sampled_from(
                [
                    *("assertions", "columnMetrics", "description", "fields", "fileCount", "job"),
                    *("identifiers", "message", "name", "owners", "parameters", "rowCount", "run"),
                    *("tags", "type", "uri", "values", "version"),
                ]
            ),
            JSON,
        ),
        max_size=5,
    )
)
def test_no_facet_makes_a_message_unreadable(facets: Object) -> None:
    data: list[JsonValue] = [dataset("a", facets=facets, inputFacets=facets)]
    check_records(
        mapped(run_event(run=run_with(**facets), job=job_with(**facets), inputs=data, outputs=data))
    )


@pytest.mark.parametrize(
    "facet", [{"value": 1}, {"json": "[]"}, {"$float": "NaN"}, [1], "text", {"value": {"value": 2}}]
)
def test_what_could_be_mistaken_is_wrapped(facet: JsonValue) -> None:
    said = node(RUN, Execution, mapped(run_event(run=run_with(mine=facet))))
    assert said.custom_properties["openlineage.mine"] == {"value": facet}


def test_a_facet_that_is_nested_too_deep_is_kept_as_text() -> None:
    facet: JsonValue = {"end": 2**80}
    for _ in range(100):
        facet = {"in": facet}
    found = MAPPING.map(encoded(run_event(run=run_with(plan=facet))))
    check_records(found.records)
    kept = node(RUN, Execution, found.records).custom_properties["openlineage.plan"]
    assert whole(kept) == facet
    assert found.flags == ("openlineage.deep_as_text",)


@pytest.mark.parametrize("depth", range(55, 70))
@pytest.mark.parametrize("name", ["mine", "n" * 1_500])
def test_no_depth_is_refused_by_the_log(depth: int, name: str) -> None:
    facet: JsonValue = []
    for _ in range(depth):
        facet = [facet]
    facets: Object = {name: facet}
    check_records(mapped(run_event(run=run_with(**facets))))


def test_a_deleted_facet_clears_what_it_had_said() -> None:
    facets: Object = {"schema": {"_deleted": True}, "mine": {"_deleted": True}}
    records = mapped(run_event(inputs=[dataset("a", facets=facets)]))
    said = node(key_of("a"), Artifact, records)
    assert said.custom_properties == {"openlineage.schema": None, "openlineage.mine": None}
    assert said.properties == {"display_name": "a", "schema": None, "feature_count": None}


def test_a_facet_may_not_take_the_name_of_one_of_ours() -> None:
    facets: Object = {"producer": {"a": 1}, "input/x": {"b": 2}}
    custom = node(RUN, Execution, mapped(run_event(run=run_with(**facets)))).custom_properties
    assert custom["openlineage.producer"] == PRODUCER
    assert custom["openlineage.facet/producer"] == {"a": 1}
    assert custom["openlineage.facet/input/x"] == {"b": 2}


def test_a_name_that_is_too_long_moves_into_the_value() -> None:
    name = "n" * 1_500
    long: Object = {name: {"a": 1}}
    records = mapped(
        run_event(run=run_with(**long), inputs=[dataset(name, inputFacets={"mine": {"b": 2}})])
    )
    check_records(records)
    custom = node(RUN, Execution, records).custom_properties
    assert {"facet": name, "value": {"a": 1}} in custom.values()
    assert {"dataset": key_of(name), "facet": "mine", "value": {"b": 2}} in custom.values()
    assert max(len(slot.encode()) for slot in custom) <= NAME_BYTES_MAX


@pytest.mark.parametrize(
    ("facet", "is_personal"),
    [
        ({"dag": {"owner": "ada"}}, True),
        ({"dag": {"owner": ""}}, False),
        ({"dag": {"owners": [{"name": "ada"}]}}, True),
        ({"by": {"user": {"id": 7}}}, True),
        ({"note": "ask ada@example.com"}, True),
        ({"repoUrl": "git@example.com:etl/etl.git"}, False),
        ({"uri": "abfss://raw@lake.dfs.example.net/x"}, False),
    ],
)
def test_a_facet_that_names_people_is_personal(facet: Object, is_personal: bool) -> None:  # noqa: FBT001
    said = node(RUN, Execution, mapped(run_event(run=run_with(mine=facet))))
    assert said.personal == (("openlineage.mine",) if is_personal else ())


def test_the_name_of_a_column_is_no_person() -> None:
    facets: Object = {"columnLineage": {"fields": {"email": {"inputFields": [{"name": "a"}]}}}}
    records = mapped(run_event(inputs=[dataset("a", facets=facets)]))
    assert node(key_of("a"), Artifact, records).personal == ()


def test_owners_are_personal_as_facet_and_as_property() -> None:
    facets: Object = {"ownership": {"owners": [{"name": "team:a"}, {"name": "ada"}]}}
    said = node(JOB, Context, mapped(run_event(job=job_with(**facets))))
    assert said.properties["owner"] == "team:a, ada"
    assert said.personal == ("openlineage.ownership", "owner")


# --- well-known properties -----------------------------------------------------------------------


def test_run_facets_fill_the_properties_of_a_run() -> None:
    commit = "0123456789ABCDEF0123456789abcdef01234567"
    records = mapped(
        run_event(
            "START",
            run=run_with(
                hyperparameters={"parameters": {"depth": 7}},
                executionParameters={"parameters": [{"key": "depth", "value": "7"}]},
                processing_engine={"name": "Python", "version": "3.12.1"},
                errorMessage={"message": "no luck", "programmingLanguage": "PYTHON"},
                nominalTime={"nominalStartTime": TIME},
                metrics={"values": {"auc": 0.9}},
                tags={"tags": [{"key": "team", "value": "risk"}]},
            ),
            job=job_with(
                sourceCodeLocation={
                    "type": "git",
                    "url": "https://example.com/etl/blob/main/clean.py",
                    "repoUrl": "https://example.com/etl.git",
                    "path": "clean.py",
                    "branch": "main",
                    "version": commit,
                }
            ),
        )
    )
    check_records(records)
    assert node(RUN, Execution, records).properties == {
        "source_state": "START",
        "started_time": "2026-01-31T12:00:00.000000Z",
        "hyperparameters": {"depth": 7},
        "python_version": "3.12.1",
        "error": "no luck",
        "metrics": {"auc": 0.9},
        "tags": {"team": "risk"},
        "code_commit": commit.lower(),
        "code_repository": "https://example.com/etl.git",
        "code_branch": "main",
        "entry_point": "clean.py",
    }


def test_dataset_facets_fill_the_properties_of_a_data_set() -> None:
    fields: list[JsonValue] = [{"name": "id", "type": "int"}, {"name": "at", "type": "time"}]
    facets: Object = {
        "schema": {"fields": fields},
        "version": {"datasetVersion": "7"},
        "dataSource": {"name": "warehouse", "uri": "postgres://db:5432"},
        "documentation": {"description": "Cleaned."},
        "datasetType": {"datasetType": "TABLE"},
        "storage": {"storageLayer": "delta", "fileFormat": "parquet"},
        "dataQualityMetrics": {"rowCount": 3, "bytes": 99, "columnMetrics": {"id": {"count": 3}}},
        "dataQualityAssertions": {"assertions": [{"assertion": "not_null", "success": True}]},
        "tags": {"tags": [{"key": "a", "value": "b"}, {"key": "pii", "value": "1", "field": "id"}]},
    }
    records = mapped(run_event(inputs=[dataset("a", facets=facets)]))
    check_records(records)
    assert node(key_of("a"), Artifact, records).properties == {
        "display_name": "a",
        "schema": {"items": fields},
        "feature_count": 2,
        "version": "7",
        "source": "warehouse",
        "source_uri": "postgres://db:5432",
        "description": "Cleaned.",
        "source_type": "TABLE",
        "format": "parquet",
        "row_count": 3,
        "size_bytes": 99,
        "feature_statistics": {"id": {"count": 3}},
        "quality_checks": {"items": [{"assertion": "not_null", "success": True}]},
        "tags": {"a": "b"},
    }


@pytest.mark.parametrize(
    ("change", "sizes"),
    [
        ("OVERWRITE", {"row_count": 5, "size_bytes": 80, "file_count": 1}),
        ("CREATE", {"row_count": 5, "size_bytes": 80, "file_count": 1}),
        ("ALTER", {}),
        (None, {}),
    ],
)
def test_rows_written_are_the_rows_of_what_was_written_anew(
    change: str | None, sizes: Object
) -> None:
    facets: Object = {"lifecycleStateChange": {"lifecycleStateChange": change}} if change else {}
    written: Object = {"outputStatistics": {"rowCount": 5, "size": 80, "fileCount": 1}}
    records = mapped(run_event(outputs=[dataset("a", facets=facets, outputFacets=written)]))
    assert node(key_of("a"), Artifact, records).properties == {"display_name": "a"} | sizes
