"""Reading and writing: CSV files and the pipelines' parameters."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fraud_pipeline.datasets import DataSet

Value = str | int | float


def read_rows(data_set: DataSet) -> list[dict[str, str]]:
    """Every row of a CSV file, as text by column."""
    with data_set.path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write_rows(data_set: DataSet, rows: Iterable[Sequence[Value]]) -> None:
    """Write a CSV file with the data set's columns, in their order."""
    data_set.path.parent.mkdir(parents=True, exist_ok=True)
    with data_set.path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(field.name for field in data_set.fields)
        writer.writerows(rows)


def write_json(data_set: DataSet, content: object) -> None:
    """Write a JSON file that is the same for the same content."""
    data_set.path.parent.mkdir(parents=True, exist_ok=True)
    data_set.path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", "utf-8")


def parameters(step: str) -> dict[str, Value]:
    """What `parameters.json`, in the root of the repository, says about a step."""
    everything = json.loads(Path("parameters.json").read_text("utf-8"))
    found: dict[str, Value] = everything[step]
    return found
