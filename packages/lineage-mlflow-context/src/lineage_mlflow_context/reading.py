"""From the variables of an environment to tags. Pure: the same variables give the same tags."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from lineage_mlflow_context.providers import PROVIDERS
from lineage_mlflow_context.urls import public_url

TAG_LENGTH_MAX: Final = 5_000
"""What every version of MLflow takes. A longer value is left out: cut, an id is another id."""

SAID: Final = {
    "LINEAGE_CI_PROVIDER": "lineage.ci.provider",
    "LINEAGE_CI_HOST": "lineage.ci.host",
    "LINEAGE_CI_REPOSITORY": "lineage.ci.repository",
    "LINEAGE_CI_RUN_ID": "lineage.ci.run_id",
    "LINEAGE_CI_RUN_ATTEMPT": "lineage.ci.run_attempt",
    "LINEAGE_CI_RUN_NUMBER": "lineage.ci.run_number",
    "LINEAGE_CI_URL": "lineage.ci.url",
    "LINEAGE_GIT_COMMIT": "lineage.git.commit",
}
"""What somebody may set where a system says nothing by itself; it goes before what a system says.
"""

DVC: Final = {
    "DVC_STAGE": "lineage.dvc.stage",
    "DVC_EXP_NAME": "lineage.dvc.experiment",
    "DVC_EXP_BASELINE_REV": "lineage.dvc.rev",
}

_IMAGE: Final = re.compile(r"(?:[a-z-]+://)?((?:[^\s@?#]+@)?sha256:[0-9a-f]{64})")
"""Kubernetes may write before an image how it was pulled, which is no part of its name."""

_COMMIT: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


def tags_of(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what the variables say, by the names of the tags; what is not well formed is left out.

    Of a URL everything that may open a door (user, query, fragment) is left out.
    """
    found: dict[str, str] = {}
    for recognise in PROVIDERS:
        ci = recognise(environ)
        if ci:
            found.update({f"lineage.{name}": value for name, value in ci.items()})
            break
    for names in (SAID, DVC):
        found.update({tag: environ[name] for name, tag in names.items() if environ.get(name)})
    image = _IMAGE.fullmatch(environ.get("LINEAGE_IMAGE_DIGEST", "").strip())
    if image:
        found["lineage.image.digest"] = image[1]
    return {name: value for name, value in map(_cleaned, found.items()) if _fits(name, value)}


def _cleaned(item: tuple[str, str]) -> tuple[str, str]:
    name, value = item
    value = value.strip()
    if name == "lineage.ci.url":
        return name, public_url(value)
    return name, value.lower() if name == "lineage.git.commit" else value


def _fits(name: str, value: str) -> bool:
    if name == "lineage.git.commit" and not _COMMIT.fullmatch(value):
        return False
    return bool(value) and value.isprintable() and len(value) <= TAG_LENGTH_MAX
