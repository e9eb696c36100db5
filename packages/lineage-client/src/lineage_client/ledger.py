"""A ledger as scripts see it: open runs, and never wait long."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from lineage_client.clock import new_id, now_text
from lineage_client.errors import ClientError, NotSentError, SpoolFullError
from lineage_client.runs import PARAMETERS, Run
from lineage_client.sending import PATIENCE_DEFAULT, Patience, Sender
from lineage_client.spool import Flushed, Spool, spool_of
from lineage_client.surroundings import is_commit, surroundings
from lineage_client.things import Named, Record

URL_VARIABLE = "LINEAGE_URL"
TOKEN_VARIABLE = "LINEAGE_TOKEN"  # noqa: S105 - the name of a variable
NAMESPACE_VARIABLE = "LINEAGE_NAMESPACE"
SOURCE_VARIABLE = "LINEAGE_SOURCE"
SPOOL_VARIABLE = "LINEAGE_SPOOL"

SOURCE_DEFAULT = "scripts"

CATCH_UP_SECONDS = 1.0
"""For how long a statement sends what waited before it, and waits for who is sending already."""

_LOG = logging.getLogger("lineage_client")


class Ledger:
    """One ledger, spoken to as ``source`` in ``namespace``.

    What is left out is read from the environment: ``LINEAGE_URL``, ``LINEAGE_TOKEN``,
    ``LINEAGE_NAMESPACE``, ``LINEAGE_SOURCE``, ``LINEAGE_SPOOL`` (the folder of what waits).

    A ledger that is away, or refuses, or a value that cannot be said, is told to the log
    ``lineage_client`` and holds up nobody; with ``strict`` it is an exception. ``lost`` counts what
    was neither sent nor kept on this machine.
    """

    def __init__(  # noqa: PLR0913 - one argument for each thing that is set
        self,
        url: str | None = None,
        *,
        source: str | None = None,
        namespace: str | None = None,
        token: str | None = None,
        spool: os.PathLike[str] | str | None = None,
        patience: Patience = PATIENCE_DEFAULT,
        strict: bool = False,
    ) -> None:
        environ = os.environ
        address = url or environ.get(URL_VARIABLE, "")
        if not address:
            raise ClientError(f"No ledger is named: give its address, or set {URL_VARIABLE}")
        self.source = source or environ.get(SOURCE_VARIABLE) or SOURCE_DEFAULT
        self.lost = 0
        folder = spool or environ.get(SPOOL_VARIABLE)
        self.spool = Spool(spool_of(None if folder is None else Path(folder), self.source, address))
        self._sender = Sender(
            address,
            namespace=namespace or environ.get(NAMESPACE_VARIABLE) or None,
            token=token or environ.get(TOKEN_VARIABLE) or None,
            patience=patience,
        )
        self._patience = patience
        self._strict = strict

    def run(  # noqa: PLR0913 - one argument for each thing that is said of a run
        self,
        name: str,
        *,
        inputs: Iterable[Named] = (),
        parameters: Mapping[str, Any] | None = None,
        kind: str = "run",
        run_id: str | None = None,
        commit: str | None = None,
        parent: Run | None = None,
        properties: Mapping[str, Any] | None = None,
    ) -> Run:
        """Begin a run of the job ``name``, and say so.

        ``kind`` is run, collect, label, prepare, train, evaluate, register or monitor, or a type.
        ``run_id`` is its id among all of the source, by default a new one: whoever goes on with a
        run gives its id again. ``commit`` is the code's; by default git is asked.
        """
        found: dict[str, Any] = surroundings(os.environ)
        if commit is not None:
            found["code_commit"] = commit
            found.pop("code_is_dirty", None)
        run = Run(
            name,
            run_id or new_id(),
            source=self.source,
            kind=kind,
            say=self._say,
            now=now_text,
            forgive=self._forgive,
        )
        code = str({**found, **(properties or {})}.get("code_commit", ""))
        run.start(
            found,
            commit=code if is_commit(code) else None,
            parent=None if parent is None else parent.key,
        )
        # Apart from the start: if the ledger refuses one of these, the run is there all the same.
        given = {**(properties or {}), **({PARAMETERS: parameters} if parameters else {})}
        if given:
            run.tell(given)
        for one in inputs:
            run.input(one)
        return run

    def flush(self) -> Flushed:
        """Send what waits, and tell what became of it. A ledger that is away is asked anew."""
        flushed = self.spool.flush(self._sender.send, self._patience.longest_seconds)
        self._tell(flushed)
        return flushed

    def _say(self, statement_id: str, moment: str, records: list[Record]) -> None:
        statement = {
            "id": statement_id,
            "source": self.source,
            "stated": {"from": moment},
            "records": records,
        }
        body = json.dumps(statement, separators=(",", ":"), allow_nan=False).encode()
        try:
            self.spool.put(body)
        except ClientError as error:
            self._send_unkept(body, error)
        else:
            if not self._sender.is_away:
                self._catch_up()

    def _send_unkept(self, body: bytes, unkept: ClientError) -> None:
        """Send at once what cannot be kept here: a ledger that answers has it all the same."""
        if self._sender.is_away:
            raise unkept
        try:
            self._sender.send(body)
        except NotSentError as error:
            raise ClientError(f"{unkept}; and {error}") from error
        if isinstance(unkept, SpoolFullError):
            self._catch_up()  # which makes room

    def _catch_up(self) -> None:
        """Send what waits, for a moment: after days there may be more than a script can wait for.

        What was said is kept by now, whatever goes wrong here.
        """
        longest = self._patience.longest_seconds
        try:
            if self._strict:
                flushed = self.spool.flush(self._sender.send, longest)
            else:
                flushed = self.spool.flush(
                    self._sender.send, CATCH_UP_SECONDS, send_seconds=CATCH_UP_SECONDS
                )
        except ClientError as error:
            if self._strict:
                raise
            _LOG.warning("%s", error)
        else:
            self._tell(flushed)

    def _forgive(self, what: str, error: Exception) -> bool:
        """Log what was not said, and count it; whoever is strict hears of it instead."""
        if self._strict:
            return False
        self.lost += 1
        _LOG.error("Not said to the ledger: %s: %s: %s", what, type(error).__name__, error)
        return True

    def _tell(self, flushed: Flushed) -> None:
        if flushed.refused:
            what = (
                f"The ledger refused {flushed.refused} statements; they lie, with the reasons, in "
                f"{self.spool.refused}"
            )
            if self._strict:
                raise ClientError(what)
            _LOG.error("%s", what)
        if flushed.left:
            what = f"{flushed.left} statements wait to be sent: {flushed.why}"
            if self._strict:
                raise ClientError(what)
            _LOG.log(logging.INFO if flushed.is_going_on else logging.WARNING, "%s", what)
