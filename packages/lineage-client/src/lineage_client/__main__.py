"""``python -m lineage_client flush``: send what waits on this machine."""

from __future__ import annotations

import argparse
import sys

from lineage_client.errors import ClientError
from lineage_client.ledger import Ledger


def main(words: list[str] | None = None) -> int:
    """Do what the words say; return 0 if nothing waits any more and nothing was refused."""
    parser = argparse.ArgumentParser(prog="python -m lineage_client")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, does in (("flush", "send what waits"), ("status", "count what waits")):
        command = commands.add_parser(name, help=does)
        command.add_argument("--url", help="the ledger's address (LINEAGE_URL)")
        command.add_argument("--source", help="who speaks (LINEAGE_SOURCE)")
        command.add_argument("--namespace", help="the namespace (LINEAGE_NAMESPACE)")
        command.add_argument("--spool", help="the folder of what waits (LINEAGE_SPOOL)")
    given = parser.parse_args(words)
    try:
        ledger = Ledger(
            given.url, source=given.source, namespace=given.namespace, spool=given.spool
        )
        if given.command == "status":
            print(f"{len(ledger.spool.waiting())} waiting")  # noqa: T201 - it is a command
            return 0
        flushed = ledger.flush()
    except ClientError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201 - as above
        return 2
    why = f" ({flushed.why})" if flushed.why else ""
    print(f"{flushed.sent} sent, {flushed.left} waiting{why}, {flushed.refused} refused")  # noqa: T201
    return 1 if flushed.left or flushed.refused else 0


if __name__ == "__main__":
    sys.exit(main())
