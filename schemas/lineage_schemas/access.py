"""Who may do what: grants and API keys, as the log states them and as answers show them.

The facts of these records are kept for ever, so people stand in them under pseudonyms: the names
lie in the erasable parts of the actors' own entries. Of a key the log has its SHA-256 alone.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from lineage_schemas.mlmd import Record, Word

EVERY: Final = "*"
"""Stands for every namespace, or every source."""

GROUP_PREFIX: Final = "group:"
"""A grantee that begins so is a group, and whoever belongs to it has what it was granted."""

WEBHOOK_PREFIX: Final = "webhook:"
"""Who speaks under a name that begins so has signed what it sent, and has no other credential."""

ISSUER_END: Final = "#"
"""Between an issuer of tokens, which never has it, and a name there: so no two callers share a
name."""


class Role(Word):
    """What somebody may be. ``lineage.access.roles`` says what each may do."""

    INGEST = "ingest"
    READER = "reader"
    AUDITOR = "auditor"
    REPORT_ISSUER = "report-issuer"
    APPROVER = "approver"
    PRIVACY_OFFICER = "privacy-officer"
    NAMESPACE_ADMIN = "namespace-admin"
    OPERATOR = "operator"
    KEY_CUSTODIAN = "key-custodian"


class Grant(Record, frozen=True, kw_only=True, tag="grant"):
    """From here on somebody has a role in these namespaces, until it expires or is revoked.

    ``grantee`` is a pseudonym. ``sources`` narrow what an ``ingest`` may speak for; other roles
    have none.
    """

    grantee: str
    role: Role
    namespaces: tuple[str, ...]
    sources: tuple[str, ...] = ()
    expires_us: int | None = None
    reason: str = ""


class GrantRevocation(Record, frozen=True, kw_only=True, tag="grant_revocation"):
    """The grant stated at ``position`` holds no longer."""

    position: int
    reason: str = ""


class ApiKeyIssue(Record, frozen=True, kw_only=True, tag="api_key_issue"):
    """Whoever shows the secret of this digest speaks as ``principal`` (a pseudonym).

    The secret has 256 random bits, so its plain SHA-256 can neither be guessed nor searched. The
    roles, namespaces and sources narrow what the principal may do anyway; empty ones do not.
    """

    key: str
    digest: str
    principal: str
    roles: tuple[Role, ...] = ()
    namespaces: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    expires_us: int | None = None
    reason: str = ""


class ApiKeyRevocation(Record, frozen=True, kw_only=True, tag="api_key_revocation"):
    """The API key opens nothing any more."""

    key: str
    reason: str = ""


class Access(Record, frozen=True, kw_only=True, tag="access"):
    """Somebody was given an answer, or was refused one: what an access log is made of.

    ``text`` is the form of what was asked, without any value; ``question`` is the SHA-256 of all of
    it, and lies in the erasable personal part, for what is short can be guessed by its digest.
    ``size`` and ``root`` are the basis of the answer; ``count`` is how many things it holds.
    ``error`` is the code of the error that was the answer: that a thing is not there, for one.
    """

    door: str
    operation: str
    namespace: str
    text: str = ""
    question: str = ""
    origin: str = ""
    size: int | None = None
    root: str = ""
    count: int | None = None
    denied: int = 0
    purpose: str = ""
    error: str = ""


ACCESS_TYPES: Final = (
    Grant,
    GrantRevocation,
    ApiKeyIssue,
    ApiKeyRevocation,
    Access,
)


class GrantView(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A grant as it stood when it was asked for.

    ``grantee`` and ``granted_by`` are names, or pseudonyms where the names were erased.
    """

    position: int
    grantee: str
    role: Role
    namespaces: tuple[str, ...]
    sources: tuple[str, ...] = ()
    granted_by: str
    granted_at: str
    expires: str | None = None
    revoked_by: int | None = None
    in_force: bool
    reason: str = ""


class ApiKeyView(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An API key as it stood when it was asked for; never its secret.

    ``foreign``: its principal has a name that no key may speak for, so it opens nothing.
    """

    key: str
    position: int
    principal: str
    roles: tuple[Role, ...] = ()
    namespaces: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    issued_by: str
    issued_at: str
    expires: str | None = None
    revoked_by: int | None = None
    in_force: bool
    foreign: bool = False
    reason: str = ""


class AccessView(Struct, frozen=True, kw_only=True):
    """A record of an access log, when it was stated, and whom it is about.

    ``who`` is a name, or a pseudonym where the name was erased.
    """

    position: int
    at: str
    who: str
    access: Access


class AccessPage(Struct, frozen=True, kw_only=True):
    """Records of an access log, in its order; ``next_position`` is where the next page begins."""

    records: tuple[AccessView, ...]
    next_position: int | None
