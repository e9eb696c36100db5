"""``/reports``: documents for whoever has to answer for a model, as JSON and as pages.

``GET /reports/dossier/KEY`` tells all that is known of a model version. ``asOf`` (a size or a
time) and ``validAt`` (a time) choose the past, or ``basis``: the basis of a dossier, in JSON, which
gives the same bytes again; ``form`` is ``json`` or ``html``, and without it the
header ``Accept`` decides. The namespace is named by the header ``Lineage-Namespace`` or by the
query. The tag of an answer is the SHA-256 of the JSON form, and the form.
"""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lineage.questions.as_of import AsOf
from lineage.reports.rendering import MEDIA_TYPES, RenderedReport, ReportForm, render
from lineage_api.bodies import read_parameters
from lineage_api.namespaces import HEADER, PARAMETER, namespace_of
from lineage_api.surface import principal_of, surface_of
from lineage_schemas.basis import Basis
from lineage_schemas.errors import DecodeError, InvalidInputError
from lineage_schemas.instants import instant_of, parse_instant
from lineage_schemas.limits import INT_MAX

DOSSIER_PATH: Final = "/reports/dossier/{key:path}"

_AS_OF: Final = "asOf"
_VALID_AT: Final = "validAt"
_BASIS: Final = "basis"
_FORM: Final = "form"
_BASIS_CHARS_MAX: Final = 32_768
"""The longest basis that is read; one names every source in scope."""
_INT_DIGITS: Final = len(str(INT_MAX))
_PAGE_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
"""What a page may load: nothing; what it needs is in it."""


async def read_dossier(request: Request) -> Response:
    """Return the dossier of a model version.

    Raises:
        InvalidInputError: a parameter that cannot be read, or no model version.
        NotFoundError: the log has not heard of it.
        DecodeError: a basis that is none.
        UnknownBasisError: a size that the log has not reached, or a basis of another log, or from
            before something was erased.
        ForbiddenError: whoever asks may not read.
    """
    surface, principal = surface_of(request), principal_of(request)
    given = read_parameters(request, {PARAMETER, _AS_OF, _VALID_AT, _BASIS, _FORM})
    namespace = namespace_of(request, given)
    valid_at = _moment(given.get(_VALID_AT))
    as_of = _past(given.get(_AS_OF), given.get(_BASIS))
    form = _form(given.get(_FORM), request.headers.get("accept", ""))
    key = request.path_params["key"]

    def made() -> RenderedReport:
        report = surface.ledger.reports.dossier(
            key, valid_at=valid_at, as_of=as_of, namespace=namespace, principal=principal
        )
        return render(report, form)

    rendered = await surface.reading.run(made)
    return _response(request, rendered)


def _response(request: Request, rendered: RenderedReport) -> Response:
    is_signed_in = surface_of(request).settings.sign_in == "required"
    tag = f'"{rendered.digest}.{rendered.form.value}"'
    headers = {
        "Cache-Control": "private, no-cache",
        "Content-Type": MEDIA_TYPES[rendered.form],
        "ETag": tag,
        "Vary": ", ".join(("Accept", HEADER, *(("Authorization",) if is_signed_in else ()))),
        "X-Content-Type-Options": "nosniff",
    }
    if rendered.form is ReportForm.HTML:
        headers["Content-Security-Policy"] = _PAGE_POLICY
    listed = ",".join(request.headers.getlist("if-none-match")).split(",")
    known = {one.strip().removeprefix("W/") for one in listed}
    if tag in known or "*" in known:
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(rendered.body, headers=headers)


def _past(as_of: str | None, basis: str | None) -> AsOf:
    if basis is None:
        return _as_of(as_of)
    if as_of is not None:
        raise InvalidInputError(
            "A basis says as of when", where=_BASIS, hint=f"Leave {_AS_OF} out."
        )
    if len(basis) > _BASIS_CHARS_MAX:
        what = f"A basis has at most {_BASIS_CHARS_MAX} characters"
        raise InvalidInputError(what, where=_BASIS)
    try:
        return msgspec.json.decode(basis, type=Basis)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise DecodeError(
            f"This is no basis in JSON: {error}",
            where=_BASIS,
            hint="Give the value of `basis` of a dossier, with percent signs.",
        ) from error


def _as_of(text: str | None) -> AsOf:
    if text is not None and text.isascii() and text.isdigit():
        if len(text) > _INT_DIGITS:
            raise InvalidInputError(f"A size has at most {_INT_DIGITS} digits", where=_AS_OF)
        return int(text)
    return _moment(text)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else instant_of(parse_instant(text))


def _form(text: str | None, accept: str) -> ReportForm:
    if text is None:
        html, plain = (
            _quality(accept, MEDIA_TYPES[form]) for form in (ReportForm.HTML, ReportForm.JSON)
        )
        return ReportForm.HTML if html > plain else ReportForm.JSON
    try:
        return ReportForm(text)
    except ValueError:
        forms = " or ".join(form.value for form in ReportForm)
        raise InvalidInputError(f"A report is written as {forms}", where=_FORM) from None


def _quality(accept: str, media_type: str) -> float:
    """Return how much a media type is wanted by name; what is not named is not wanted."""
    name = media_type.partition(";")[0]
    for one in accept.lower().split(","):
        listed, *parameters = (part.strip() for part in one.split(";"))
        if listed == name:
            told = next((part[2:] for part in parameters if part.startswith("q=")), "1")
            try:
                return float(told)
            except ValueError:
                return 0.0
    return 0.0


ROUTES: Final = (Route(DOSSIER_PATH, read_dossier, methods=["GET"]),)
