"""What things of a cluster are called: each within its cluster, which has one name for ever."""

from __future__ import annotations

from urllib.parse import quote

from lineage_schemas.errors import InvalidInputError
from lineage_schemas.identifiers import normalise_identifier

PLATFORM = "kubernetes"


def check_name(name: str, what: str) -> str:
    """Return the name of a cluster or server, if it can be one segment of an identifier.

    Raises:
        InvalidInputError: empty, with a slash, or with blanks.
    """
    if not name or set(name) & set("/@ \t\r\n"):
        raise InvalidInputError(
            f"The name of {what} is one segment without blanks, / and @",
            where=repr(name)[:64],
            hint="Such as prod-eu-1. It stands in every identifier, for ever.",
        )
    return name


def object_key(cluster: str, namespace: str, kind: str, name: str, revision: str = "") -> str:
    """Return the key of an object, or of one revision of it.

    Raises:
        InvalidIdentifierError: a namespace that is none.
    """
    rest = f"/{quote(revision, safe='')}" if revision else ""
    name = quote(name, safe="")
    return normalise_identifier(f"k8s:{cluster}/{namespace or '_'}/{kind}/{name}{rest}")


def environment_key(cluster: str, namespace: str) -> str:
    """Return the key of a namespace, which is where things are deployed to."""
    return object_key(cluster, "_", "namespace", namespace)


def move_key(deployment: str, what: str) -> str:
    """Return the key of an execution that did something to a deployment or a place."""
    return f"k8s-move:{deployment.removeprefix('k8s:')}/{quote(what, safe=':')}"
