"""What GitHub's webhooks state. Pure: no clock, no randomness, no I/O.

    workflow_run        Execution lineage.Run, Context lineage.PipelineRun; the commit as its input
    workflow_job        Execution lineage.Run, in the context of its run
    deployment          Artifact lineage.Deployment in its place, output of an Execution lineage.Run
                        whose inputs are the commit, and what the payload names
    deployment_status   that run's state; success is a move (lineage.Deploy or RollBack), and so is
                        inactive (lineage.Retire)
    deployment_review   Artifact lineage.Approval, output of lineage.Approve, about the commit
    package,
    registry_package    Artifact lineage.ContainerImage, where it is one
    push                Artifacts lineage.CodeRevision
    release             Artifact lineage.Document, output of lineage.Declare

Everything is an observation at the time that the message states of what it tells. GitHub signs the
body, and neither the name of the event nor the delivery's id: so what a body is about is told by
its own fields, and the name must agree. Every key, value and time comes from the body. The same
body under another delivery's id is another message, and states nothing that was not stated.

A message of another event, of another owner, or one that cannot be read is kept and states nothing;
its flag says why.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from msgspec import Struct

from lineage.connectors.base import Mapped, check_keepable
from lineage.connectors.github.deployments import tell_deployment, tell_status
from lineage.connectors.github.naming import Naming
from lineage.connectors.github.packages import tell_package
from lineage.connectors.github.pushes import tell_push, tell_release
from lineage.connectors.github.reviews import tell_review
from lineage.connectors.github.runs import tell_job, tell_run
from lineage.connectors.github.telling import Told
from lineage.connectors.parcels import distinct
from lineage_schemas.errors import LedgerError
from lineage_schemas.outside.github import (
    Delivered,
    DeploymentMessage,
    DeploymentReviewMessage,
    PackageMessage,
    PushMessage,
    ReleaseMessage,
    WorkflowJobMessage,
    WorkflowRunMessage,
    decode_delivered,
    fields_of,
)

VERSION: Final = "github/1"

UNKNOWN: Final = "unknown_message"
"""The flag of a message of an event that nothing is made of here."""

NO_LINEAGE: Final = "no_lineage"
"""The flag of a message that is understood and says nothing of lineage: ``ping``, for one."""

OTHER_EVENT: Final = "other_event"
"""The flag of a message whose body is not of the event that its header names."""

OTHER_OWNER: Final = "other_owner"
"""The flag of a message about a repository of another owner than the settings name."""

UNREADABLE: Final = "unreadable_message"
"""The flag of a message that is not as GitHub's are known here, or has no name or time it needs."""

PING: Final = "ping"

_T = TypeVar("_T")

_MARKS: Final[tuple[tuple[str, frozenset[str], frozenset[str]], ...]] = (
    ("workflow_job", frozenset({"workflow_job"}), frozenset()),
    ("deployment_status", frozenset({"deployment_status", "deployment"}), frozenset()),
    ("deployment_review", frozenset({"workflow_run", "since"}), frozenset()),
    (
        "deployment",
        frozenset({"deployment"}),
        frozenset({"check_run", "deployment_callback_url"}),
    ),
    ("workflow_run", frozenset({"workflow_run"}), frozenset()),
    ("registry_package", frozenset({"registry_package"}), frozenset()),
    ("package", frozenset({"package"}), frozenset()),
    ("release", frozenset({"release"}), frozenset()),
    ("push", frozenset({"ref", "after", "pusher"}), frozenset()),
    (PING, frozenset({"zen", "hook"}), frozenset()),
)
"""By event: the fields that tell it, and those that are those of another; the first that fits."""


def _reading(form: type[_T], tell: Callable[[_T, Naming], Told]) -> Callable[[bytes, Naming], Told]:
    """Return what reads a payload of one form, and tells it."""
    return lambda body, naming: tell(decode_delivered(body, form), naming)


_TELLING: Final[dict[str, Callable[[bytes, Naming], Told]]] = {
    "deployment": _reading(DeploymentMessage, tell_deployment),
    "deployment_review": _reading(DeploymentReviewMessage, tell_review),
    "deployment_status": _reading(DeploymentMessage, tell_status),
    "package": _reading(PackageMessage, tell_package),
    "push": _reading(PushMessage, tell_push),
    "registry_package": _reading(PackageMessage, tell_package),
    "release": _reading(ReleaseMessage, tell_release),
    "workflow_job": _reading(WorkflowJobMessage, tell_job),
    "workflow_run": _reading(WorkflowRunMessage, tell_run),
}

EVENTS: Final = frozenset({*_TELLING, PING})
"""The events that are known here."""


class GithubMapping(Struct, frozen=True):
    """The first mapping of GitHub's webhooks, for one delivery.

    ``host`` is what the server is called in identifiers; ``owner``, where there is one, is the only
    account whose repositories are spoken of. ``is_raw``: the message is kept as one that cannot be
    read, whatever it is; for what the log refused to take in.
    """

    host: str
    event: str
    delivery_id: str
    owner: str = ""
    is_raw: bool = False
    version: str = VERSION

    def map(self, body: bytes) -> Mapped:
        """Say what one message states.

        Raises:
            DecodeError: no JSON object, or a text in it has U+0000, which the log refuses.
        """
        check_keepable(body)
        fields = fields_of(body)
        flag = self._flag(fields)
        if flag is not None:
            return self._kept(flag)
        try:
            told = self._told(body)
        except LedgerError:
            # It is kept all the same: a later mapping may understand it.
            return self._kept(UNREADABLE)
        if told is None or told.is_empty:
            return self._kept(OTHER_OWNER if told is None else NO_LINEAGE)
        return Mapped(self._id, told.stated, distinct(told.records), told.flags)

    def _flag(self, fields: frozenset[str]) -> str | None:
        if self.event not in EVENTS:
            return UNKNOWN
        if event_of(fields) != self.event:
            return OTHER_EVENT
        if self.is_raw:
            return UNREADABLE
        return NO_LINEAGE if self.event == PING else None

    @property
    def _id(self) -> str:
        return f"webhook/{self.delivery_id}"

    def _kept(self, flag: str) -> Mapped:
        return Mapped(self._id, None, (), message_flags=(flag,))

    def _told(self, body: bytes) -> Told | None:
        shared = decode_delivered(body, Delivered)
        if self.owner and _owner_of(shared).lower() != self.owner.lower():
            return None
        return _TELLING[self.event](body, Naming(self.host, shared.repository))


def event_of(fields: frozenset[str]) -> str | None:
    """Return the event that a body with these fields is of; ``None`` for one not known here."""
    for event, needed, foreign in _MARKS:
        if needed <= fields and not foreign & fields:
            return event
    return None


def _owner_of(message: Delivered) -> str:
    if message.repository is not None:
        return message.repository.full_name.partition("/")[0]
    account = message.organization
    return (account.login if account is not None else None) or ""
