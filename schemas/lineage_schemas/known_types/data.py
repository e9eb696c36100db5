"""What models learn from: data sets, splits, labellings, feature views."""

from __future__ import annotations

from typing import Final

from lineage_schemas.known_types.spec import (
    SHARED,
    KnownType,
    flag,
    number,
    people,
    struct,
    text,
    whole,
)
from lineage_schemas.mlmd import Kind

_DATA_SET = (
    struct("schema", "Its fields in order: {'items': [{'name', 'type', 'nullable', ...}]}."),
    struct("feature_statistics", "By feature: count, mean, deviation, quantiles, ..."),
    number("missing_ratio", "Share of values that are missing, 0 to 1."),
    struct("missing_ratio_by_feature", "By feature: share of its values that are missing."),
    number("outlier_ratio", "Share of values that are outliers, 0 to 1."),
    struct("outlier_ratio_by_feature", "By feature: share of its values that are outliers."),
    text("outlier_method", "What counts as an outlier, such as 'beyond 3 deviations'."),
    struct("quality_checks", "What was checked, and what was found."),
    struct("column_lineage", "By field: the fields of other data sets that it is made from."),
    whole("size_bytes", "Size of the data."),
    whole("row_count", "Rows, records or examples."),
    whole("feature_count", "Columns or features."),
    whole("file_count", "Files or objects."),
    text("format", "Format of the files or the table, such as 'parquet'."),
    text("source", "Where the data comes from: a system, a survey, a vendor."),
    text("source_uri", "Address of that source."),
    struct("collection_context", "How, where, why and from whom the data was collected."),
    flag("has_personal_data", "Whether it holds data about people."),
    text("range_from_time", "The earliest moment its rows are about."),
    text("range_to_time", "The first moment after those its rows are about."),
    struct("partition_range", "The partitions it covers: {'column', 'from', 'to'}."),
    text("version_scheme", "snapshot, content_hash, pointer (with its query) or partition."),
    text("version", "Its version in that scheme."),
    text("version_query", "For a pointer: the query that yields the rows."),
    text("content_digest", "Digest of the content as 'algorithm:hexadecimal'."),
)

_SPLIT = (
    text("role", "train, validation, test, holdout, calibration, ..."),
    text("method", "How rows were assigned: random, stratified, grouped, by time, ..."),
    whole("seed", "Seed of the assignment."),
    flag("is_declared_disjoint", "Whether somebody states that it shares no row with the others."),
    struct("declared_disjoint_from", "From which splits: {'items': [keys]}."),
    number("share_ratio", "Share of the rows that went here, 0 to 1."),
    struct("stratified_by", "Features whose proportions were kept: {'items': [...]}."),
    text("grouped_by", "The feature whose rows were kept together."),
    text("range_from_time", "The earliest moment its rows are about."),
    text("range_to_time", "The first moment after those its rows are about."),
    whole("row_count", "Rows, records or examples."),
    whole("size_bytes", "Size of the data."),
    text("content_digest", "Digest of the content as 'algorithm:hexadecimal'."),
)

_LABELLING = (
    text("method", "How labels were made: by people, by rules, by a model, from outcomes, ..."),
    people("labellers", "Who labelled: {'items': [...]}."),
    whole("labeller_count", "How many labelled."),
    struct("quality", "What was measured of the labels' quality."),
    number("agreement_score", "How far the labellers agree."),
    text("agreement_measure", "The measure of that score, such as 'Cohen kappa'."),
    number("error_ratio", "Share of checked labels that were wrong, 0 to 1."),
    number("reviewed_ratio", "Share of labels that a second person looked at, 0 to 1."),
    text("guideline_uri", "The instructions that the labellers had."),
    struct("label_counts", "By label: how many rows carry it."),
    whole("row_count", "Rows that carry a label."),
    text("content_digest", "Digest of the content as 'algorithm:hexadecimal'."),
)

_FEATURE_VIEW = (
    struct("features", "Its features in order: {'items': [{'name', 'type', ...}]}."),
    struct("entities", "What the features are about: {'items': [...]}."),
    text("source", "The table or stream that the features come from."),
    text("transformation", "How the features are made from their source."),
    text("version", "Its version in the feature store."),
    whole("time_to_live_us", "How long a value stays valid."),
    text("materialised_from_time", "The earliest moment that was materialised."),
    text("materialised_to_time", "The first moment after those that were materialised."),
    flag("is_online", "Whether it can be read at serving time."),
    flag("is_point_in_time_correct", "Whether training reads values as they were at the time."),
)

DATA_TYPES: Final[tuple[KnownType, ...]] = (
    KnownType(
        kind=Kind.ARTIFACT,
        name="lineage.DataSet",
        base_type="mlmd.Dataset",
        description="A body of data at one version.",
        properties=(*SHARED, *_DATA_SET),
    ),
    KnownType(
        kind=Kind.ARTIFACT,
        name="lineage.Split",
        base_type="mlmd.Dataset",
        description="The part of a data set that has one role in making a model.",
        properties=(*SHARED, *_SPLIT),
    ),
    KnownType(
        kind=Kind.ARTIFACT,
        name="lineage.Labelling",
        base_type="mlmd.Dataset",
        description="The labels of a data set, and how they came to be.",
        properties=(*SHARED, *_LABELLING),
    ),
    KnownType(
        kind=Kind.ARTIFACT,
        name="lineage.FeatureView",
        base_type="mlmd.Dataset",
        description="Features as a feature store serves them.",
        properties=(*SHARED, *_FEATURE_VIEW),
    ),
)
