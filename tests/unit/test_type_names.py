"""The name of a type means the same in a filter, in a list and among orphans."""

import pytest

from lineage.ledger import Artifact, Mode, OrphansQuery, Statement
from lineage.service import Ledger
from lineage_schemas.errors import NotFoundError
from lineage_schemas.filters import NodeFilter
from lineage_schemas.mlmd import ArtifactType

TYPES = ("lineage.Model", "acme.Model", "lineage.ModelVersion", "lineage.DataSet")


@pytest.fixture
def told(ledger: Ledger) -> Ledger:
    """A ledger with a lonely node of each type, which is its key behind the scheme."""
    put = ArtifactType(name="acme.Model")
    ledger.record([Statement(id="type", source="ci", mode=Mode.COMMAND, records=(put,))])
    nodes = tuple(Artifact(key=f"acme:{name}", type=name) for name in TYPES)
    ledger.record([Statement(id="nodes", source="ci", records=nodes)])
    return ledger


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("lineage.Model", {"lineage.Model"}),
        # A version is based on mlmd.Model, which has that name too.
        ("Model", {"lineage.Model", "acme.Model", "lineage.ModelVersion"}),
        ("DataSet", {"lineage.DataSet"}),
        ("mlmd.Dataset", {"lineage.DataSet"}),
        ("Dataset", {"lineage.DataSet"}),
    ],
)
def test_a_name_means_one_thing_at_every_question(told: Ledger, name: str, meant: set[str]) -> None:
    asked = (
        told.list_nodes(name).nodes,
        told.find(filter=NodeFilter(types=(name,))).nodes,
        told.graph.orphans(OrphansQuery(type=name)).nodes,
    )
    assert [{node.type for node in nodes} for nodes in asked] == [meant] * 3


@pytest.mark.parametrize("name", ["model", "Nothing", "acme.", ".Model", ""])
def test_a_name_of_no_type_is_refused_by_every_question(told: Ledger, name: str) -> None:
    for ask in (
        lambda: told.list_nodes(name),
        lambda: told.find(filter=NodeFilter(types=(name,))),
        lambda: told.graph.orphans(OrphansQuery(type=name)),
    ):
        with pytest.raises(NotFoundError, match="no type of this name"):
            ask()
