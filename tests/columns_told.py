"""What hypothesis may say of columns: which fields were made from which, in few data sets."""

from hypothesis import strategies as st

from lineage.ledger import Execution
from lineage_schemas.columns import (
    ColumnLineage,
    MadeField,
    SourceField,
    Transformation,
    columns_property,
    columns_value,
)
from lineage_schemas.records import AnyRecord
from strategies import ALIASES, ARTIFACTS, EXECUTIONS

NAMES = (*ARTIFACTS, ALIASES[0], "other:never")
FIELDS = ("a", "A", "b")
"""Two that differ by case alone: fields are compared byte by byte."""

HOWS = ((), (Transformation(type="DIRECT", subtype="IDENTITY"),))


# Mapped tuples instead of `builds`: what was built is then printed as it stands.
def sources() -> st.SearchStrategy[SourceField]:
    return st.tuples(
        st.sampled_from(NAMES), st.sampled_from((*FIELDS, None)), st.sampled_from(HOWS)
    ).map(lambda drawn: SourceField(*drawn))


def lineages() -> st.SearchStrategy[ColumnLineage]:
    made = st.tuples(st.sampled_from(FIELDS), st.lists(sources(), min_size=1, max_size=2))
    return st.tuples(
        st.sampled_from(NAMES), st.lists(made, max_size=2), st.lists(sources(), max_size=1)
    ).map(
        lambda drawn: ColumnLineage(
            drawn[0],
            tuple(MadeField(field, tuple(inputs)) for field, inputs in drawn[1]),
            tuple(drawn[2]),
        )
    )


def tellings() -> st.SearchStrategy[AnyRecord]:
    """What executions say of columns, some of it taken back again."""

    def told_of(drawn: tuple[str, ColumnLineage, bool]) -> AnyRecord:
        key, said, cleared = drawn
        value = None if cleared else columns_value(said)
        return Execution(key=key, custom_properties={columns_property(said.output): value})

    return st.tuples(
        st.sampled_from(EXECUTIONS), lineages(), st.sampled_from([False] * 5 + [True])
    ).map(told_of)
