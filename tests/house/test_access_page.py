"""The numbers on the page of access are those of the code."""

from pathlib import Path

import pytest

from lineage.access.denials import (
    DENIALS_EACH_MAX,
    DENIALS_EVERY_US,
    DENIALS_MAX,
    DENIALS_RETRY_US_MAX,
)
from lineage_api.publishing import ACCOUNTS_SECONDS


@pytest.mark.parametrize(
    "promise",
    [
        f"Of one principal {DENIALS_EACH_MAX} are kept apart at a time, and {DENIALS_MAX} in all",
        "written once a second at most",
        "but once a minute at least",
    ],
)
def test_a_number_on_the_page_is_that_of_the_code(project: Path, promise: str) -> None:
    assert promise in (project / "docs" / "access.md").read_text()
    assert (DENIALS_EVERY_US, DENIALS_RETRY_US_MAX) == (1_000_000, 60_000_000)
    assert ACCOUNTS_SECONDS == 1
