"""What a registered model is asked for by, where other things are called alike."""

from __future__ import annotations

import pytest

from lineage.ledger import Artifact, Context, Ledger, Statement
from lineage_schemas.errors import AmbiguousLabelError, InvalidInputError

MODEL = "acme:registered/fraud"


def named(type_name: str, key: str) -> Context:
    return Context(key=key, type=type_name, properties={"display_name": "fraud"})


def test_of_things_called_alike_the_registered_model_is_meant(ledger: Ledger) -> None:
    declared = Artifact(
        key="acme:declared", type="lineage.Declaration", properties={"display_name": "fraud"}
    )
    alike = named("lineage.Service", "acme:service"), declared
    ledger.record(
        [
            Statement(
                id="1", source="acme", records=(named("lineage.RegisteredModel", MODEL), *alike)
            )
        ]
    )
    assert ledger.registry.model("fraud").models == (MODEL,)
    other = named("lineage.RegisteredModel", "acme:registered/other")
    ledger.record([Statement(id="2", source="acme", records=(other,))])
    with pytest.raises(AmbiguousLabelError, match="2 things") as caught:
        ledger.registry.model("fraud")
    assert "acme:service" not in str(caught.value)


def test_a_dossier_of_what_versions_belong_to_says_so(ledger: Ledger) -> None:
    ledger.record(
        [Statement(id="1", source="acme", records=(named("lineage.RegisteredModel", MODEL),))]
    )
    with pytest.raises(InvalidInputError, match="what versions or runs belong to"):
        ledger.reports.dossier(MODEL)
