"""A small story for dossiers, told by four sources: who said what, and when it was so."""

from datetime import datetime, timedelta

from calendars import DAWN
from lineage.connectors.deployments.saying import move_property
from lineage.ledger import (
    Artifact,
    Association,
    Attribution,
    Claim,
    Context,
    Event,
    EventKind,
    Execution,
    Kind,
    LinkClass,
    ParentContext,
    StatedTime,
    Statement,
)
from lineage_schemas.records import AnyRecord
from lineage_schemas.serving import Role, ServingAction, ServingMove

APPROVAL = "acme:approval/1"
VERSION, MODEL, RUN = "acme:version/3", "acme:model/847", "acme:run/847"
DATA, RAW, TEST = "acme:data/train", "acme:data/raw", "acme:split/test"
FILE = "dvc:blob/train"
COMMIT = "git:commit/" + "ab" * 20
DIGEST = "sha256:" + "cd" * 32
OTHER = "acme:model/other"
BLUE, PRODUCTION = "acme:place/blue", "acme:env/production"
DEPLOYMENT = "acme:deployment/1"
HOSTILE = "<script>alert('x')</script> & \"quoted\""


def day(number: float) -> datetime:
    """Return a moment so many days after the dawn."""
    return DAWN + timedelta(days=number)


def said(name: str, source: str, at: float | None, *records: AnyRecord) -> Statement:
    """Return a statement of a day; of ``None`` nobody knows of when."""
    stated = None if at is None else StatedTime(start=day(at), end=day(at))
    return Statement(id=name, source=source, stated=stated, records=records)


def joined(execution: str, inputs: list[str], outputs: list[str]) -> list[AnyRecord]:
    """Return the Events of an execution."""
    return [
        *(Event(artifact=one, execution=execution, kind=EventKind.INPUT) for one in inputs),
        *(Event(artifact=one, execution=execution, kind=EventKind.OUTPUT) for one in outputs),
    ]


def story() -> list[Statement]:
    """Return the story in the order in which it happened."""
    return [
        said(
            "prepare",
            "dvc",
            0,
            Artifact(key=FILE, type="lineage.DataSet", properties={"size_bytes": 1_000}),
            Claim(kind=Kind.ARTIFACT, node=FILE, identifier=DIGEST, link_class=LinkClass.CONTENT),
            Execution(key="dvc:stage/prepare", type="lineage.Prepare"),
            *joined("dvc:stage/prepare", [RAW], [FILE]),
        ),
        said("train", "mlflow", 1, *_training()),
        said("other", "mlflow", 1.5, *_other_model()),
        said(
            "register",
            "mlflow",
            2,
            Artifact(
                key=VERSION,
                type="lineage.ModelVersion",
                properties={
                    "display_name": "fraud v3",
                    "model_name": "fraud",
                    "number": 3,
                    "stage": "staging",
                    "aliases": {"items": ["challenger"]},
                },
            ),
            Context(key="acme:registered/fraud", type="lineage.RegisteredModel"),
            Attribution(context="acme:registered/fraud", artifact=VERSION),
            Execution(key="acme:register/3", type="lineage.Register"),
            *joined("acme:register/3", [MODEL], [VERSION]),
        ),
        said("evaluate", "mlflow", 2.5, *_evaluation()),
        said("approve", "people", 3, *_approval()),
        said("declare", "people", 3, *_declaration()),
        _move("deploy", 4, ServingAction.DEPLOY, [VERSION]),
        said(
            "promote",
            "mlflow",
            5,
            Artifact(
                key=VERSION,
                type="lineage.ModelVersion",
                properties={"stage": "production", "aliases": {"items": ["champion"]}},
            ),
        ),
        said("incident", "pager", 6, *_incident()),
        _move("remove", 7, ServingAction.REMOVE, []),
    ]


def _training() -> list[AnyRecord]:
    return [
        Artifact(
            key=DATA,
            type="lineage.DataSet",
            properties={"display_name": HOSTILE, "content_digest": DIGEST},
        ),
        Claim(kind=Kind.ARTIFACT, node=DATA, identifier=DIGEST, link_class=LinkClass.CONTENT),
        Artifact(key=MODEL, type="lineage.Model", properties={"framework": "xgboost"}),
        Artifact(key=COMMIT, type="lineage.CodeRevision", properties={"commit": "ab" * 20}),
        Execution(
            key=RUN,
            type="lineage.Train",
            properties={
                "display_name": "run 847",
                "hyperparameters": {"depth": 6, "rate": 0.1},
                "metrics": {"auc": 0.91},
                "code_commit": "ab" * 20,
                "code_is_dirty": False,
                "python_version": "3.11.7",
                "numpy_seed": 7,
                "started_time": "2026-01-02T00:00:00Z",
                "started_by": "ann",
            },
        ),
        *joined(RUN, [DATA, COMMIT], [MODEL]),
    ]


def _other_model() -> list[AnyRecord]:
    return [
        Artifact(key=OTHER, type="lineage.Model", properties={"display_name": "other"}),
        Execution(key="acme:run/other", type="lineage.Train"),
        *joined("acme:run/other", [DATA], [OTHER]),
    ]


def _evaluation() -> list[AnyRecord]:
    return [
        Artifact(key=TEST, type="lineage.Split", properties={"role": "test", "row_count": 50}),
        Artifact(
            key="acme:metrics/1",
            type="lineage.Metrics",
            properties={
                "values": {"auc": 0.88},
                "metrics_by_slice": {"young": {"auc": 0.8}},
            },
        ),
        Execution(key="acme:evaluate/1", type="lineage.Evaluate", properties={"has_passed": True}),
        *joined("acme:evaluate/1", [VERSION, TEST], ["acme:metrics/1"]),
    ]


def _approval() -> list[AnyRecord]:
    return [
        Artifact(
            key=APPROVAL,
            type="lineage.Approval",
            properties={
                "approver": "bea",
                "approver_role": "validator",
                "decision": "approved",
                "meaning": "fit for production",
                "decided_time": "2026-01-04T00:00:00Z",
            },
        ),
        Execution(key="acme:approve/1", type="lineage.Approve"),
        *joined("acme:approve/1", [VERSION], [APPROVAL]),
    ]


def _declaration() -> list[AnyRecord]:
    return [
        Artifact(
            key="acme:declaration/1",
            type="lineage.Declaration",
            properties={
                "purpose": "find fraud",
                "tier": "high",
                "review_date": "2026-01-10",
                "restrictions": {"items": ["no credit decisions"]},
            },
        ),
        Execution(key="acme:declare/1", type="lineage.Declare"),
        *joined("acme:declare/1", [VERSION], ["acme:declaration/1"]),
    ]


def _incident() -> list[AnyRecord]:
    return [
        Artifact(
            key="acme:incident/1",
            type="lineage.Incident",
            properties={"severity": "high", "summary": "too many alarms"},
        ),
        Context(key=BLUE, type="lineage.Service"),
        Attribution(context=BLUE, artifact="acme:incident/1"),
        Execution(key="acme:monitor/1", type="lineage.Monitor"),
        *joined("acme:monitor/1", [], ["acme:incident/1"]),
    ]


def _move(name: str, at: float, action: ServingAction, inputs: list[str]) -> Statement:
    move = ServingMove(
        action=action, at=day(at), place=BLUE, deployment=DEPLOYMENT, role=Role.CHAMPION
    )
    is_removal = action is ServingAction.REMOVE
    execution = f"acme:move/{name}"
    return said(
        name,
        "k8s",
        at,
        Context(
            key=PRODUCTION,
            type="lineage.Environment",
            properties={"display_name": "production"},
        ),
        Context(key=BLUE, type="lineage.Service"),
        ParentContext(parent=PRODUCTION, child=BLUE),
        Execution(
            key=execution,
            type="lineage.Retire" if is_removal else "lineage.Deploy",
            custom_properties=move_property(move),
        ),
        Association(context=BLUE, execution=execution),
        Artifact(key=DEPLOYMENT, type="lineage.Deployment"),
        Attribution(context=BLUE, artifact=DEPLOYMENT),
        *joined(
            execution,
            [*inputs, *([DEPLOYMENT] if is_removal else [])],
            [] if is_removal else [DEPLOYMENT],
        ),
    )
