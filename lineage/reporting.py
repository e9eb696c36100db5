"""Make reports: a question like any other, whose answer is a document."""

from __future__ import annotations

from datetime import datetime

from lineage.asking import Asking
from lineage.graph.index import GraphIndex
from lineage.questions.as_of import AsOf, resolve_moment, with_valid
from lineage.questions.labels import clean_name
from lineage.questions.serving import ServingAsked
from lineage.reports.collecting import gather
from lineage.reports.dossier import write_dossier
from lineage.writing.submission import DEFAULT_NAMESPACE, LOCAL_PRINCIPAL, Principal
from lineage_schemas.errors import NotFoundError
from lineage_schemas.reports import Report


class Reports:
    """The reports of a ledger."""

    def __init__(self, asking: Asking, graph: GraphIndex) -> None:
        self._asking = asking
        self._graph = graph

    def dossier(
        self,
        model_version: str,
        *,
        valid_at: datetime | None = None,
        as_of: AsOf = None,
        namespace: str = DEFAULT_NAMESPACE,
        principal: Principal = LOCAL_PRINCIPAL,
    ) -> Report:
        """Tell all that is known of a model version: where it comes from, and what became of it.

        With ``valid_at`` what is stated later is left out, and counted. A basis that is handed back
        brings its valid time along, and gives the same report, byte for byte. Left out, sources are
        judged now; as of a size they are judged as of its last entry.

        Raises:
            InvalidInputError: a name that is none, a time without a time zone, a basis of an
                interval of stated time, or no model version.
            AmbiguousLabelError: a label of several things.
            NotFoundError: the log has not heard of it.
            UnknownBasisError: as ``basis``.
        """
        name = clean_name(model_version)
        valid = resolve_moment(valid_at, as_of)
        where = namespace, principal, as_of
        with self._asking.question(where, "dossier", name, valid and valid.words) as asked:
            if asked.number is None:
                what = "Nobody has said anything in this namespace yet"
                raise NotFoundError(what, where=name)
            snapshot = self._graph.snapshot(asked.unbound, asked.number)
            basis = with_valid(asked.basis, valid)
            gathered = gather(ServingAsked(asked.reader, snapshot, asked.number, basis), name)
            asked.count = len(gathered.things)
            return write_dossier(gathered)
