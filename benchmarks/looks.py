"""Measure how fast looks at MLflow are taken in: `python -m benchmarks.looks`.

What a tracking server shows is made up beforehand and handed over from memory, so that what is
measured is ours: reading the answers, mapping, and appending, durably, with all views, to SQLite.
Each turn begins with an empty ledger.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from benchmarks.machine import describe
from lineage import open_ledger
from lineage.clock import system_clock
from lineage.connectors.mlflow.mapping import MlflowMapping
from lineage.connectors.mlflow.reading import ReadingOptions
from lineage.connectors.mlflow.rest import ServerReader
from lineage.connectors.transport import Params
from lineage.importing.importer import Source
from lineage.importing.looking import look_at

RUNS: Final = 200
PARAMS: Final = 10
METRICS: Final = 10
WANTED_SECONDS: Final = 2.0
START_MS: Final = 1_700_000_000_000
LARGE: Final = 5_000


class Remembered:
    """A server whose answers are there already."""

    def __init__(self, count: int) -> None:
        experiments = [{"experiment_id": "1", "name": "many", "lifecycle_stage": "active"}]
        self._runs = [_run(number) for number in range(count)]
        self._others = {"experiments/search": json.dumps({"experiments": experiments}).encode()}

    def get(self, path: str, params: Params) -> bytes:
        """Answer with nothing: there is no registry."""
        del path, params
        return b"{}"

    def post(self, path: str, body: bytes) -> bytes:
        """Answer a search."""
        name = path.removeprefix("/api/2.0/mlflow/")
        if name != "runs/search":
            return self._others.get(name, b"{}")
        question: Mapping[str, object] = json.loads(body)
        asked = str(question.get("filter", f">= {START_MS}"))
        first = (int(asked.rpartition(" ")[2]) - START_MS) // 1_000
        size = int(str(question["max_results"]))
        rest = self._runs[first : first + size]
        token = b',"next_page_token":"more"' if len(self._runs) > first + size else b""
        return b'{"runs":[' + b",".join(rest) + b"]" + token + b"}"


def _run(number: int) -> bytes:
    start = START_MS + number * 1_000
    dataset = {
        "name": f"part {number}",
        "digest": f"{number:08x}",
        "source_type": "s3",
        "source": json.dumps({"uri": f"s3://bucket/part-{number}"}),
        "schema": json.dumps({"mlflow_colspec": [{"name": "a", "type": "double"}]}),
        "profile": json.dumps({"num_rows": number}),
    }
    shown = {
        "info": {
            "run_id": f"{number:032x}",
            "experiment_id": "1",
            "run_name": f"run {number}",
            "user_id": "ada",
            "status": "FINISHED",
            "start_time": start,
            "end_time": start + 500,
            "artifact_uri": f"s3://bucket/{number}/artifacts",
            "lifecycle_stage": "active",
        },
        "data": {
            "params": [{"key": f"p{key}", "value": str(number * key)} for key in range(PARAMS)],
            "metrics": [
                {"key": f"m{key}", "value": number / (key + 1), "timestamp": start, "step": 0}
                for key in range(METRICS)
            ],
            "tags": [
                {"key": "mlflow.source.git.commit", "value": f"{number % 7:040x}"},
                {"key": "mlflow.user", "value": "ada"},
            ],
        },
        "inputs": {
            "dataset_inputs": [
                {
                    "dataset": dataset,
                    "tags": [{"key": "mlflow.data.context", "value": "training"}],
                }
            ]
        },
    }
    return json.dumps(shown).encode()


def look(server: Remembered, count: int, store: Path) -> tuple[float, float]:
    """Return how long the first look at a server took, and the second, which finds nothing new."""
    source = Source(name="mlflow:bench", mapping=MlflowMapping("bench"))
    seconds: list[float] = []
    with open_ledger(store) as ledger:
        for appended in (count + 1, 0):
            reader = ServerReader(server, "memory", ReadingOptions(artifacts_max=0))
            start = time.perf_counter()
            tally = look_at(
                ledger, source, reader, is_whole=True, due_seconds=None, clock=system_clock
            )
            seconds.append(time.perf_counter() - start)
            if tally.appended != appended or tally.unread:
                raise SystemExit(f"{tally.appended} things came in, and not {appended}")
    return seconds[0], seconds[1]


def main() -> None:
    """Measure, and print one line a figure and then one line of JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.looks", description=__doc__)
    parser.add_argument("--repeat", type=int, default=3, help="how many turns")
    parser.add_argument("--small", action="store_true", help="leave out the large look")
    options = parser.parse_args()
    figures: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        machine = describe(Path(directory))
        for count in (RUNS,) if options.small else (RUNS, LARGE):
            server = Remembered(count)
            for turn in range(options.repeat):
                store = Path(directory) / f"{count}-{turn}.db"
                first, again = look(server, count, store)
                figures.setdefault(f"{count} runs, first look", []).append(first)
                figures.setdefault(f"{count} runs, second look", []).append(again)
    for name, seconds in figures.items():
        median = statistics.median(seconds)
        count = int(name.partition(" ")[0])
        wanted = f", wanted: {WANTED_SECONDS} s or less" if count == RUNS else ""
        sys.stdout.write(f"{name}: {median:.3f} s, {count / median:.0f} runs/s{wanted}\n")
    sys.stdout.write(f"{json.dumps({'machine': machine, 'seconds': figures})}\n")


if __name__ == "__main__":
    main()
