"""Write a report out: as JSON, whose SHA-256 names its content, and as a page to read or print."""

from __future__ import annotations

from enum import StrEnum
from hashlib import sha256
from importlib.resources import files
from typing import Final

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup
from msgspec import Struct, json

from lineage_schemas.codec import encode_json
from lineage_schemas.reports import ItemStatus, Report
from lineage_schemas.values import JsonValue

_TEMPLATE: Final = "report.html"
_REDACTED: Final = "$redacted"
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
        shown=_shown,
        is_redacted=_is_redacted,
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


def _is_redacted(value: JsonValue) -> bool:
    return isinstance(value, dict) and value.keys() == {_REDACTED}


def _shown(value: JsonValue) -> str:
    """Return a plain value as text; what has parts is shown by the template."""
    if isinstance(value, str):
        return value
    if value is True or value is False:
        return "yes" if value else "no"
    return json.encode(value).decode()
