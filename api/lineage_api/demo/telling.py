"""The whole story, told again through the doors' own code: looks, deliveries and messages.

What a tool showed is taken in as of when it showed it; what was sent, as of the time it names.
Nothing of what is there already is written again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime
from enum import StrEnum
from functools import partial
from importlib.resources import files
from typing import BinaryIO, Final, cast

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from lineage.connectors.base import Mapping, ReceivedMessage
from lineage.connectors.cdevents.mapping import CDEventsMapping
from lineage.connectors.cloudevents.envelope import structured_message
from lineage.connectors.dvc.mapping import DvcMapping
from lineage.connectors.github.mapping import GithubMapping
from lineage.connectors.mlflow.deliveries import keep_delivery
from lineage.connectors.mlflow.mapping import MlflowMapping
from lineage.connectors.mlflow.webhooks import apply_webhook, subjects_of
from lineage.connectors.scanning import ScanMapping
from lineage.importing.importer import Importer, Source
from lineage.importing.looking import look_at
from lineage.importing.revising import Looking
from lineage.service import Ledger
from lineage.writing.submission import Outcome, Receipt
from lineage_api.demo.recorded import RecordedLook, RecordedReader, recorded_looks
from lineage_schemas.errors import LedgerError

MLFLOW_SERVER: Final = "mlflow.example.org"
GITHUB_HOST: Final = "github.example.org"
JSON: Final = "application/json"

_PACKAGE: Final = "lineage_api.demo"
_FOLDER: Final = "whole"


class Teller(StrEnum):
    """Who tells a part of the story; the value is the name of its file."""

    DVC_FRAUD = "dvc-fraud"
    DVC_CHURN = "dvc-churn"
    MLFLOW = "mlflow"
    MLFLOW_WEBHOOKS = "mlflow-webhooks"
    CDEVENTS = "cdevents"
    GITHUB = "github"


class Heard(Struct, frozen=True):
    """What became of a part that was told: entries that are new."""

    entries: int


class Part(Struct, frozen=True):
    """A look or a message: who told it, when, and what takes it in."""

    teller: Teller
    at: datetime
    take: Callable[[Ledger, str], Heard]


class _Hook(Struct, frozen=True):
    """A delivery of MLflow's: its id, and the body to the byte."""

    delivery: str
    body: str


class _Delivered(Struct, frozen=True):
    """A delivery of GitHub's."""

    event: str
    delivery: str
    at: datetime
    body: str


class _Dated(Struct, frozen=True):
    time: datetime


def parts(*tellers: Teller) -> tuple[Part, ...]:
    """Return what these tell, or all of them, in the order of its times."""
    told = [part for teller in tellers or tuple(Teller) for part in _READERS[teller](teller)]
    return tuple(sorted(told, key=lambda part: part.at))


def source_of(teller: Teller) -> str:
    """Return the name of the source that speaks."""
    return _SOURCES[teller]


_SOURCES: Final = {
    Teller.DVC_FRAUD: f"dvc:{GITHUB_HOST}/risk/fraud",
    Teller.DVC_CHURN: f"dvc:{GITHUB_HOST}/risk/churn",
    Teller.MLFLOW: f"mlflow:{MLFLOW_SERVER}",
    Teller.MLFLOW_WEBHOOKS: f"mlflow:{MLFLOW_SERVER}",
    Teller.CDEVENTS: "cdevents:delivery.example.org",
    Teller.GITHUB: f"github:{GITHUB_HOST}",
}


def _open(teller: Teller) -> BinaryIO:
    file = files(_PACKAGE).joinpath(_FOLDER, f"{teller.value}.ndjson")
    return cast("BinaryIO", file.open("rb"))


def _lines(teller: Teller) -> Iterator[bytes]:
    with closing(_open(teller)) as stream:
        yield from stream


# --- what was looked at --------------------------------------------------------------------------


def _looks(teller: Teller) -> Iterator[Part]:
    mapping: ScanMapping = MlflowMapping(MLFLOW_SERVER) if teller is Teller.MLFLOW else DvcMapping()
    with closing(_open(teller)) as stream:
        for recorded in recorded_looks(stream):
            take = partial(_take_look, recorded, source_of(teller), mapping)
            yield Part(teller, recorded.look.at, take)


def _take_look(
    recorded: RecordedLook, name: str, mapping: ScanMapping, ledger: Ledger, namespace: str
) -> Heard:
    source = Source(name=name, mapping=mapping, namespace=namespace)
    last = ledger.looks.scans(name, namespace=namespace).last
    if last is not None and last.started >= recorded.look.at:
        return Heard(0)  # a later look is known, so this one was taken in before it
    tally = look_at(
        ledger,
        source,
        RecordedReader(recorded),
        is_whole=recorded.look.is_whole,
        due_seconds=None,
        clock=lambda: 0,  # the look has a time of its own
    )
    if tally.unread:
        raise LedgerError(f"Not read again: {tally.unread[0].subject}: {tally.unread[0].reason}")
    return Heard(tally.entries)


# --- what was delivered --------------------------------------------------------------------------


def _hooks(teller: Teller) -> Iterator[Part]:
    for line in _lines(teller):
        hook = msgspec.json.decode(line, type=_Hook)
        kept = keep_delivery(hook.body.encode(), hook.delivery, source_of(teller))
        stated = kept.statement.stated
        if stated is None or stated.start is None:
            raise LedgerError("A delivery of the story has no time", where=hook.delivery)
        yield Part(teller, stated.start, partial(_take_hook, hook, source_of(teller)))


def _take_hook(hook: _Hook, name: str, ledger: Ledger, namespace: str) -> Heard:
    """Keep a delivery, then take in what it tells, as the door does."""
    kept = keep_delivery(hook.body.encode(), hook.delivery, name)
    entries = _new(ledger.record([kept.statement], namespace=namespace))
    if kept.webhook is None:
        return Heard(entries)
    source = Source(name=name, mapping=MlflowMapping(MLFLOW_SERVER), namespace=namespace)
    importer = Importer(ledger, source, Looking(began=kept.webhook.at))
    known = importer.memory.known(subjects_of(kept.webhook))
    bodies = {subject: one.body for subject, one in known.items()}
    importer.take(apply_webhook(kept.webhook, bodies))
    return Heard(entries + importer.tally.entries)


def _deliveries(teller: Teller) -> Iterator[Part]:
    for line in _lines(teller):
        told = msgspec.json.decode(line, type=_Delivered)
        mapping = GithubMapping(GITHUB_HOST, told.event, told.delivery)
        message = ReceivedMessage(told.body.encode(), JSON)
        yield Part(teller, told.at, partial(_take_message, message, mapping, source_of(teller)))


def _events(teller: Teller) -> Iterator[Part]:
    for line in _lines(teller):
        at = msgspec.json.decode(line, type=_Dated).time
        message = replace(structured_message(line), where=f"{teller.value} at {at.isoformat()}")
        take = partial(_take_message, message, CDEventsMapping(), source_of(teller))
        yield Part(teller, at, take)


def _take_message(
    message: ReceivedMessage, mapping: Mapping, name: str, ledger: Ledger, namespace: str
) -> Heard:
    return Heard(_new(ledger.receive(message, mapping, source=name, namespace=namespace)))


def _new(receipts: list[Receipt]) -> int:
    return sum(one.outcome is Outcome.APPENDED for one in receipts)


_READERS: Final[dict[Teller, Callable[[Teller], Iterator[Part]]]] = {
    Teller.DVC_FRAUD: _looks,
    Teller.DVC_CHURN: _looks,
    Teller.MLFLOW: _looks,
    Teller.MLFLOW_WEBHOOKS: _hooks,
    Teller.CDEVENTS: _events,
    Teller.GITHUB: _deliveries,
}
