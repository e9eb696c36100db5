"""The dossier of the small story, as it was read once and found right."""

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
