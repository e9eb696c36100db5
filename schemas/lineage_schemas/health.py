"""What is found when somebody looks whether an installation is well."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class Verdict(StrEnum):
    """How bad it is: a problem keeps something from working, or from being believed."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


class Finding(Struct, frozen=True, kw_only=True):
    """What one check found: what, where, and what to try. No secret is in any of the three."""

    check: str
    verdict: Verdict
    what: str
    where: str = ""
    hint: str = ""


def fine(check: str, what: str, where: str = "") -> Finding:
    """Return a finding that all is well."""
    return Finding(check=check, verdict=Verdict.OK, what=what, where=where)


def warning(check: str, what: str, where: str = "", hint: str = "") -> Finding:
    """Return a finding that somebody should know of."""
    return Finding(check=check, verdict=Verdict.WARNING, what=what, where=where, hint=hint)


def problem(check: str, what: str, where: str = "", hint: str = "") -> Finding:
    """Return a finding that somebody must do something about."""
    return Finding(check=check, verdict=Verdict.PROBLEM, what=what, where=where, hint=hint)
