"""Tell a lineage ledger what a script read and what it made.

    ledger = Ledger("http://127.0.0.1:8470")
    with ledger.run("train", inputs=["uri:s3://bucket/train.csv"]) as run:
        run.output("uri:s3://bucket/model.onnx", type="model")

Whatever is said lies in a folder on this machine before it is sent, and is sent again until the
ledger has it: a script neither waits for a ledger that is away nor fails because of it.
"""

from __future__ import annotations

from lineage_client.errors import ClientError, NotSentError, SpoolFullError
from lineage_client.ledger import Ledger
from lineage_client.runs import Run
from lineage_client.sending import Patience
from lineage_client.spool import Flushed, Spool
from lineage_client.things import Thing

__all__ = [
    "ClientError",
    "Flushed",
    "Ledger",
    "NotSentError",
    "Patience",
    "Run",
    "Spool",
    "SpoolFullError",
    "Thing",
]
