"""Measure the ledger, and ML Metadata beside it: `python -m benchmarks --help`."""

import argparse
import importlib.util
import json
import re
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.machine import describe
from benchmarks.runner import OURS, QUESTIONS, RIVAL, compare, save, table


def main() -> None:
    """Parse the command line, measure, print a table and then one line of JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("what", nargs="?", default="all", choices=(*QUESTIONS, "all"))
    parser.add_argument("--rival", action="store_true", help="measure ML Metadata as well")
    parser.add_argument("--repeat", type=int, default=3, help="how many turns each side has")
    parser.add_argument("--small", action="store_true", help="a tenth of the work, to try it out")
    today = time.strftime("%Y-%m-%d", time.gmtime())
    parser.add_argument(
        "--save", nargs="?", const=today, metavar="DATE", help="write results/DATE.json (today)"
    )
    options = parser.parse_args()
    if options.repeat < 1:
        parser.error("--repeat must be at least 1")
    if options.save and (options.small or not re.fullmatch(r"\d{4}-\d\d-\d\d", options.save)):
        parser.error("--save takes a date like 2030-01-31 and the whole work, not --small")
    if options.rival and not Path(RIVAL[0]).exists():
        parser.error("the rival is not installed: run make bench-rivals")
    ours = importlib.util.find_spec("benchmarks.ours") is not None
    sides = [OURS] * ours + [RIVAL] * options.rival
    if not sides:
        parser.error("there is nothing to measure: no benchmarks/ours.py, and no --rival")
    names = list(QUESTIONS) if options.what == "all" else [options.what]
    questions = [question for name in names for question in QUESTIONS[name]]
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        scratch = Path(directory)
        machine = describe(scratch)
        answers = compare(questions, sides, options.repeat, scratch, small=options.small)
    result: dict[str, object] = {
        "machine": machine,
        "repeat": options.repeat,
        "small": options.small,
        "answers": [answer.plain() for answer in answers],
    }
    sys.stdout.write(f"{table(answers)}\n\n{json.dumps(result)}\n")
    if options.save:
        sys.stdout.write(f"saved as {save(result, options.save).name}\n")


if __name__ == "__main__":
    main()
