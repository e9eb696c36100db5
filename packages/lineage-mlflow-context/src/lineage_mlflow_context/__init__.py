"""Tags for MLflow runs that say what ran them: MLflow finds ``LineageRunContext`` by itself."""

from __future__ import annotations

import os
from collections.abc import Mapping

from lineage_mlflow_context.reading import tags_of

__all__ = ["LineageRunContext"]


class LineageRunContext:
    """What MLflow asks when a run starts. It knows its interface by these two methods alone."""

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        self._environ = os.environ if environ is None else environ

    def in_context(self) -> bool:
        """Tell whether there is anything to say."""
        return bool(self.tags())

    def tags(self) -> dict[str, str]:
        """Return the tags; no secret is in any of them, and none is longer than MLflow takes."""
        return tags_of(self._environ)
