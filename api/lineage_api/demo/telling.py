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
from io import BytesIO
from typing import BinaryIO, Final, cast

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from lineage.connectors.base import Mapping, ReceivedMessage
from lineage.connectors.cdevents.mapping import CDEventsMapping
from lineage.connectors.cloudevents.envelope import structured_message
from lineage.connectors.declarations.reading import Declared, read_declarations
from lineage.connectors.dvc.mapping import DvcMapping
from lineage.connectors.github.mapping import GithubMapping
from lineage.connectors.json_stream import read_bodies
from lineage.connectors.kubernetes.mapping import KubernetesMapping
from lineage.connectors.kubernetes.reading import KubernetesReader
from lineage.connectors.kubernetes.shown import DEPLOYMENT, REPLICA_SET
from lineage.connectors.mlflow.deliveries import keep_delivery
from lineage.connectors.mlflow.mapping import MlflowMapping
from lineage.connectors.mlflow.webhooks import apply_webhook, subjects_of
from lineage.connectors.scanning import ScanMapping, SourceReader
from lineage.importing.declaring import SOURCE_DEFAULT, declare
from lineage.importing.importer import Importer, Source
from lineage.importing.looking import look_at
from lineage.importing.revising import Looking
from lineage.importing.versions import Speaker
from lineage.service import Ledger
from lineage.writing.submission import Outcome, Receipt
from lineage_api.demo.recorded import RecordedLook, RecordedReader, recorded_looks
from lineage_schemas.errors import LedgerError

MLFLOW_SERVER: Final = "mlflow.example.org"
GITHUB_HOST: Final = "github.example.org"
CLUSTER: Final = "eu-1"
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
    KUBERNETES = "kubernetes"
    DECLARATIONS = "declarations"


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


class _Shown(Struct, frozen=True):
    """What a cluster showed, and when."""

    at: datetime
    list: Raw


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
    Teller.KUBERNETES: f"k8s:{CLUSTER}",
    Teller.DECLARATIONS: SOURCE_DEFAULT,
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
            source = Source(name=source_of(teller), mapping=mapping)
            again = partial(_reader, recorded)
            seen = _Seen(source=source, again=again, is_whole=recorded.look.is_whole)
            yield Part(teller, recorded.look.at, seen.take)


def _reader(recorded: RecordedLook) -> SourceReader:
    return RecordedReader(recorded)


def _clusters(teller: Teller) -> Iterator[Part]:
    """Yield what the cluster showed, each time every Deployment and ReplicaSet that it had."""
    source = Source(name=source_of(teller), mapping=KubernetesMapping(CLUSTER))
    for line in _lines(teller):
        shown = msgspec.json.decode(line, type=_Shown)
        yield Part(teller, shown.at, _Seen(source=source, again=partial(_cluster, shown)).take)


def _cluster(shown: _Shown) -> SourceReader:
    bodies = read_bodies(BytesIO(bytes(shown.list)))
    return KubernetesReader(bodies, CLUSTER, shown.at, (DEPLOYMENT, REPLICA_SET))


class _Seen(Struct, frozen=True, kw_only=True):
    """A look that can be taken in: of which source, and what shows it again."""

    source: Source
    again: Callable[[], SourceReader]
    is_whole: bool = True

    def take(self, ledger: Ledger, namespace: str) -> Heard:
        """Take it in, unless a later look is known: then it was taken in before that one."""
        reader, source = self.again(), replace(self.source, namespace=namespace)
        last = ledger.looks.scans(source.name, namespace=namespace).last
        if last is not None and reader.shown_at is not None and last.started >= reader.shown_at:
            return Heard(0)
        tally = look_at(
            ledger,
            source,
            reader,
            is_whole=self.is_whole,
            due_seconds=None,
            clock=lambda: 0,  # the look has a time of its own
        )
        if tally.unread:
            one = tally.unread[0]
            raise LedgerError(f"Not read again: {one.subject}: {one.reason}")
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


def _declarations(teller: Teller) -> Iterator[Part]:
    body = files(_PACKAGE).joinpath(_FOLDER, f"{teller.value}.yaml").read_bytes()
    for declared in read_declarations(body):
        at = declared.declaration.stated
        if at is None:
            raise LedgerError("A declaration of the story has no time", where=declared.where)
        yield Part(teller, at, partial(_take_declared, declared, at))


def _take_declared(declared: Declared, at: datetime, ledger: Ledger, namespace: str) -> Heard:
    before = ledger.head().size
    declare(ledger, (declared,), Speaker(source=SOURCE_DEFAULT, namespace=namespace), at)
    return Heard(ledger.head().size - before)


def _new(receipts: list[Receipt]) -> int:
    return sum(one.outcome is Outcome.APPENDED for one in receipts)


_READERS: Final[dict[Teller, Callable[[Teller], Iterator[Part]]]] = {
    Teller.DVC_FRAUD: _looks,
    Teller.DVC_CHURN: _looks,
    Teller.MLFLOW: _looks,
    Teller.MLFLOW_WEBHOOKS: _hooks,
    Teller.CDEVENTS: _events,
    Teller.GITHUB: _deliveries,
    Teller.KUBERNETES: _clusters,
    Teller.DECLARATIONS: _declarations,
}
