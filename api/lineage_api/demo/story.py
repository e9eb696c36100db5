"""The story of one fraud model: 46 messages of OpenLineage, and what to ask about them."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from importlib.resources import as_file, files
from typing import BinaryIO, Final

_PACKAGE: Final = "lineage_api.demo"
_FILE: Final = "story.ndjson"

SOURCE: Final = "openlineage"
FRAUD_MODEL: Final = "ol:dataset/file//data/fraud/models/fraud-model.json"
CUSTOMERS: Final = "ol:dataset/file//data/fraud/raw/customers.csv"


@contextmanager
def open_story() -> Generator[BinaryIO, None, None]:
    """Open the recorded messages, one a line."""
    with as_file(files(_PACKAGE).joinpath(_FILE)) as path, path.open("rb") as stream:
        yield stream
