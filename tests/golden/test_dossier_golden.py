"""The dossiers of the small story and of the whole one, as they were read and found right."""

from pathlib import Path

import msgspec
import pytest

from dossier_story import VERSION, day, story
from doubles import FakeClock, SeededRandomness
from goldens import Golden
from lineage.ledger import Ledger
from lineage.projections.views import TABLES
from lineage.questions.as_of import SOFTWARE
from lineage.reports.rendering import ReportForm, render
from lineage.stores.opening import open_store
from lineage_api.demo.telling import parts

FRAUD_MODEL_2 = "mlflow:model-version/mlflow.example.org/fraud-model/2"
NOW_US = 1_790_000_000_000_000  # in September 2026, long after the story
HERE = Path(__file__).parent / "dossiers"


@pytest.mark.parametrize(("name", "at"), [("whole", None), ("while-it-served", 4.5)])
def test_the_dossier_of_the_story_is_what_it_was(
    golden: Golden, name: str, at: float | None
) -> None:
    store = open_store("memory:", TABLES, "origin/of-the-story")
    with Ledger(store, FakeClock(), SeededRandomness()) as ledger:
        for statement in story():
            ledger.record([statement])
        report = ledger.reports.dossier(VERSION, valid_at=None if at is None else day(at))
        body = render(report, ReportForm.JSON).body.replace(SOFTWARE.encode(), b"SOFTWARE")
        golden.data(HERE / f"{name}.json", msgspec.json.format(body.strip(), indent=1) + b"\n")


def test_the_dossier_of_the_whole_storys_model_is_what_it_was(golden: Golden) -> None:
    """Read against ``recordings/whole_story/expected.md``; the tests of conformance hold it to."""
    store = open_store("memory:", TABLES, "origin/of-the-whole-story")
    clock = FakeClock(NOW_US, step_us=1_000)
    with Ledger(store, clock, SeededRandomness()) as ledger:
        for part in parts():
            part.take(ledger, "default")
        report = ledger.reports.dossier(FRAUD_MODEL_2)
        body = render(report, ReportForm.JSON).body.replace(SOFTWARE.encode(), b"SOFTWARE")
        golden.data(
            HERE / "fraud-model-2.json", msgspec.json.format(body.strip(), indent=1) + b"\n"
        )
