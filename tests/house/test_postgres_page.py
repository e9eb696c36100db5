"""The numbers on the page of PostgreSQL are those of the code."""

from pathlib import Path

import pytest

from lineage.intake import COMMIT_ATTEMPTS_MAX
from lineage.stores.postgres import store


@pytest.mark.parametrize(
    "promise",
    [
        f"is tried again, up to {COMMIT_ATTEMPTS_MAX} times",
        f"takes over {store.STATEMENT_SECONDS_MAX} seconds is given up",
        f"says nothing for {store.IDLE_WRITER_SECONDS_MAX} seconds",
        f"asks nothing for {store.IDLE_READER_SECONDS_MAX}, lose",
    ],
)
def test_a_number_on_the_page_is_that_of_the_code(project: Path, promise: str) -> None:
    assert promise in (project / "docs" / "postgres.md").read_text()
