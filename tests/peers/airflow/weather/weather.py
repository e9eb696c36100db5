"""Three tasks that hand files on; run the file, and Airflow runs them without a scheduler."""

import csv
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from airflow.sdk import DAG, Asset, task

FOLDER = Path(__file__).parent
STATIONS = Asset(f"file://{FOLDER}/stations.csv")
READINGS = Asset(f"file://{FOLDER}/readings.csv")
CLEAN = Asset(f"file://{FOLDER}/clean.csv")
MEANS = Asset(f"file://{FOLDER}/means.csv")
ARCHIVE = Asset("s3://archive/means.csv")

START = datetime(2026, 1, 1, tzinfo=UTC)

with DAG("weather", start_date=START, schedule=None, catchup=False) as dag:

    @task(outlets=[READINGS])
    def measure() -> None:
        """Read every instrument."""
        rows = [("oslo", "-3.5"), ("rome", "11.0"), ("rome", ""), ("oslo", "-1.5")]
        _write(READINGS, rows)

    @task(inlets=[READINGS, STATIONS], outlets=[CLEAN])
    def clean() -> None:
        """Leave out what was not measured, and stations that nobody knows."""
        known = {row[0] for row in _read(STATIONS)}
        _write(CLEAN, [row for row in _read(READINGS) if row[1] and row[0] in known])

    @task(inlets=[CLEAN], outlets=[MEANS, ARCHIVE])
    def average() -> None:
        """Take the mean of each station."""
        rows = _read(CLEAN)
        means = []
        for name in sorted({row[0] for row in rows}):
            values = [float(row[1]) for row in rows if row[0] == name]
            means.append((name, str(sum(values) / len(values))))
        _write(MEANS, means)

    measure() >> clean() >> average()


def _path(asset: Asset) -> Path:
    return Path(asset.uri.removeprefix("file://"))


def _read(asset: Asset) -> list[list[str]]:
    with _path(asset).open(newline="") as file:
        return list(csv.reader(file))


def _write(asset: Asset, rows: Iterable[Sequence[str]]) -> None:
    with _path(asset).open("w", newline="") as file:
        csv.writer(file).writerows(rows)


if __name__ == "__main__":
    dag.test()
