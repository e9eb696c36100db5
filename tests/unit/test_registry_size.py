"""What a registered model of many versions costs to show."""

import pytest

from doubles import FakeClock, SeededRandomness
from lineage.ledger import Artifact, Attribution, Context, Statement
from lineage.service import Ledger
from lineage.stores.memory import MemoryStore
from lineage_schemas.records import AnyRecord
from lineage_schemas.semantic_versions import SemanticVersion, parse_semantic_version

MODEL = "acme:registered/fraud"
VERSIONS = 200


def test_many_versions_are_each_read_a_few_times(monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger(MemoryStore("test/origin"), FakeClock(), SeededRandomness())
    records: list[AnyRecord] = [Context(key=MODEL, type="lineage.RegisteredModel")]
    for number in range(VERSIONS):
        key = f"acme:version/{number}"
        records += [
            Artifact(
                key=key,
                type="lineage.ModelVersion",
                properties={"number": number, "semantic_version": f"1.{number}.0"},
            ),
            Attribution(context=MODEL, artifact=key),
        ]
    ledger.record([Statement(id="versions", source="registry", records=tuple(records))])
    read: list[str] = []

    def counted(text: str) -> SemanticVersion | None:
        read.append(text)
        return parse_semantic_version(text)

    monkeypatch.setattr("lineage.questions.registry.parse_semantic_version", counted)
    answer = ledger.registry.model(MODEL)
    assert answer.versions[-1].changed_from == f"1.{VERSIONS - 2}.0"
    assert len(read) <= 3 * VERSIONS
