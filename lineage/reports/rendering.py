"""Write a report out: as JSON, whose SHA-256 names its content, and as a page to read or print."""

from __future__ import annotations

from enum import StrEnum
from hashlib import sha256
from importlib.resources import files
from typing import Final, NamedTuple

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup
from msgspec import Struct, json

from lineage.reports.telling import is_moment, time_words
from lineage_schemas.codec import encode_json
from lineage_schemas.reports import Fact, Finding, FindingCode, ItemStatus, Report
from lineage_schemas.values import JsonValue

_TEMPLATE: Final = "report.html"
_REDACTED: Final = "$redacted"
_FINDINGS: Final = {
    FindingCode.REDACTED: "Erased",
    FindingCode.TRUNCATED: "Cut by a limit",
    FindingCode.SOURCE: "Sources that are late, or not as they should be",
    FindingCode.OVERDUE: "Overdue",
    FindingCode.UNPLACED: "Moves that could not be read",
    FindingCode.MISSING: "Missing",
    FindingCode.PARTIAL: "There in part",
    FindingCode.STUB: "Named, and never described",
    FindingCode.LATE: "Recorded long after",
}
"""What findings are called, in the order in which they are read."""
_TABLES: Final = {
    "approvals": ("decision", "approver", "approver_role", "meaning", "decided_time", "about"),
    "serving": ("environment", "role", "traffic ratio", "from", "to", "why it ended"),
}
"""Sections that begin with a table of their items, and the facts that are its columns."""
_US: Final = 1_000_000
_STATUSES: Final = {
    ItemStatus.PROVIDED: "provided",
    ItemStatus.PARTIAL: "partial",
    ItemStatus.MISSING: "missing",
    ItemStatus.NOT_APPLICABLE: "not applicable",
}


class ReportForm(StrEnum):
    """What a report is written as."""

    JSON = "json"
    HTML = "html"


MEDIA_TYPES: Final = {
    ReportForm.JSON: "application/json",
    ReportForm.HTML: "text/html; charset=utf-8",
}


class RenderedReport(Struct, frozen=True, kw_only=True):
    """A report as it is handed out. ``digest`` is the SHA-256 of its JSON form, in either form."""

    report: Report
    form: ReportForm
    body: bytes
    digest: str


def render(report: Report, form: ReportForm) -> RenderedReport:
    """Return a report in a form. The same report gives the same bytes."""
    told = encode_json(report) + b"\n"
    digest = sha256(told).hexdigest()
    body = told if form is ReportForm.JSON else _page(report, digest)
    return RenderedReport(report=report, form=form, body=body, digest=digest)


def _page(report: Report, digest: str) -> bytes:
    # Everything that is put in is escaped; one that is missing is an error, never a blank.
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string(_read(_TEMPLATE))
    text = template.render(
        report=report,
        digest=digest,
        statuses=_STATUSES,
        style=Markup(_read("report.css")),  # noqa: S704 - our own file
        counts=_counts(report),
        groups=_groups(report),
        names={one.key: one for one in report.names},
        tables=_TABLES,
        shown=_shown,
        measured=_measured,
        words=_words,
        is_redacted=_is_redacted,
        is_time=_is_time,
        first=_first,
    )
    # A lone surrogate cannot be in a value: the log refuses it.
    return text.encode()


def _read(name: str) -> str:
    return (files("lineage.reports") / "templates" / name).read_text("utf-8")


def _counts(report: Report) -> dict[str, int]:
    counts = dict.fromkeys(_STATUSES.values(), 0)
    for section in report.sections:
        for item in section.items:
            counts[_STATUSES[item.status]] += 1
    return counts


class _Row(NamedTuple):
    """One gap, and all that have it."""

    title: str
    item: str
    what: str
    things: tuple[str, ...]
    positions: tuple[int, ...]


def _groups(report: Report) -> list[tuple[str, list[_Row]]]:
    """Return the findings by what they are called; those of one gap of several things as one."""
    titles = {section.name: section.title for section in report.sections}
    groups: list[tuple[str, list[_Row]]] = []
    for code, name in _FINDINGS.items():
        rows: dict[tuple[str, str, str], list[Finding]] = {}
        for one in report.findings:
            if one.code is code:
                title = titles.get(one.section or "", "")
                rows.setdefault((title, one.item or "", one.what), []).append(one)
        if rows:
            groups.append((name, [_Row(*key, *_of(found)) for key, found in rows.items()]))
    return groups


def _of(found: list[Finding]) -> tuple[tuple[str, ...], tuple[int, ...]]:
    things = tuple(one.where for one in found if one.where is not None)
    return things, tuple(sorted({position for one in found for position in one.positions}))


def _first(facts: tuple[Fact, ...], name: str) -> Fact | None:
    """Return the first fact of a name, whatever is said of it in brackets."""
    return next((one for one in facts if one.name.partition(" (")[0] == name), None)


def _words(name: str) -> str:
    """Return the name of a fact as people write it."""
    return name.removeprefix("declared.").replace("_", " ")


def _is_time(value: JsonValue) -> bool:
    return isinstance(value, str) and is_moment(value)


def _measured(value: JsonValue, unit: str | None) -> str | None:
    """Return a number with its unit, as people read it; ``None`` of what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if unit == "ratio":
        return f"{value * 100:.10g} %"
    if unit == "microseconds":
        return f"{value / _US:.10g} s"
    if unit == "bytes":
        return f"{value:,} bytes"
    return None


def _is_redacted(value: JsonValue) -> bool:
    return isinstance(value, dict) and value.keys() == {_REDACTED}


def _shown(value: JsonValue) -> str:
    """Return a plain value as text; what has parts is shown by the template."""
    if isinstance(value, str):
        return time_words(value)
    if value is True or value is False:
        return "yes" if value else "no"
    return json.encode(value).decode()
