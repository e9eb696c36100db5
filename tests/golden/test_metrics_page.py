"""docs/metrics.md is what a scrape says of itself."""

from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from goldens import Golden
from lineage.ledger import open_ledger
from lineage_api.app import create_app
from lineage_api.settings import Settings
from surface_client import running

OPENING = """# The metrics

What `GET /metrics` tells, in the text format of Prometheus, or as OpenMetrics for who asks for it.
Labels have few values: routes by their template, codes of our own, never an address or a name.
Beside these it has `process_...`: memory, processor time and open files, where the machine tells.
This page is written by `make golden`.

| metric | type | meaning |
| --- | --- | --- |
"""


def test_the_page_is_what_a_scrape_says(golden: Golden, project: Path) -> None:
    with open_ledger("memory:") as ledger, running(create_app(ledger, Settings())) as client:
        text = client.get("/metrics").text
    families = text_string_to_metric_families(text)
    rows = sorted(
        f"| `{one.name}{'_total' if one.type == 'counter' else ''}` | {one.type} "
        f"| {one.documentation} |"
        for one in families
        if one.name.startswith("lineage_") and not one.name.endswith("_created")
    )
    golden.text(project / "docs" / "metrics.md", OPENING + "\n".join(rows) + "\n")
