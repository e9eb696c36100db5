"""Identifiers: what a thing is called across tools, ``scheme:value``, each in one normal form.

Nodes of the graph are joined by comparing identifiers byte by byte, so two spellings of one thing
must have one normal form, and two things must never share one. What a scheme says is
case-insensitive (hosts, hexadecimal digits) is lower case; everything else is kept as it came.

    mlflow:run/SERVER/ID                     mlflow:KIND/SERVER/REST
    mlflow-run:ID                            mlflow-logged-model:ID
    git:commit/SHA                           git:KIND/REST
    dvc:REST
    sha256:DIGEST                            md5:DIGEST
    dvc-md5:DIGEST                           dvc-md5:DIGEST.dir
    dvc-dir:DIGEST.dir
    oci:REGISTRY/REPOSITORY@sha256:DIGEST
    ol:dataset/NAMESPACE/NAME                ol:job/NAMESPACE/NAME    ol:run/ID
    ci:KIND/HOST/REST
    k8s:CLUSTER/NAMESPACE/KIND/NAME          k8s:CLUSTER/NAMESPACE/KIND/NAME/REVISION
    uri:URI
    mlmd:KIND/ID

Any other scheme is a tool of one's own, and its values are opaque.

``mlflow-run`` and ``mlflow-logged-model`` are for whoever knows an id and not its server: the ids
are random, so the same one under two names of a server is the same thing. They are claimed, and
``mlflow:run/SERVER/ID`` is the key. How MLflow's and DVC's names become identifiers is written in
``mlflow_names`` and ``dvc_names``.

``md5`` is the digest of a file's own bytes: what DVC writes beside ``hash: md5``, and what S3 calls
the ETag of an object that was uploaded in one part. An ETag with a dash in it is no digest.
``dvc-md5`` is what DVC wrote before its third version: of text it is the MD5 after CR LF became LF,
so it is another algorithm under the same name. ``dvc-dir`` is the MD5 of a directory's listing, in
which files stand with their ``md5``; a listing of ``dvc-md5`` digests is ``dvc-md5:DIGEST.dir``.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from lineage_schemas.errors import InvalidIdentifierError, LimitExceededError
from lineage_schemas.limits import IDENTIFIER_BYTES_MAX, INT_MAX
from lineage_schemas.openlineage_names import (
    BLANK,
    escaped,
    normalise_dataset,
    normalise_name,
    normalise_namespace,
    unescaped,
)
from lineage_schemas.uris import ascii_lower, normalise_uri, shown, without_passwords

if TYPE_CHECKING:
    from collections.abc import Callable

EMPTY_DIGESTS: Final = frozenset(
    {
        "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "md5:d41d8cd98f00b204e9800998ecf8427e",
        "dvc-md5:d41d8cd98f00b204e9800998ecf8427e",
        "dvc-md5:d751713988987e9331980363e24189ce.dir",
        "dvc-dir:d751713988987e9331980363e24189ce.dir",
    }
)
"""What nothing hashes to. Two empty files have nothing in common, nor have two empty directories
(DVC lists one as ``[]``)."""

_REMEMBERED: Final = 65_536
"""Nodes are named again by whoever reads what they made; some 16 MiB at the most."""

_IDENTIFIER: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):(.+)", re.DOTALL)
_PLAIN: Final = re.compile(r"([a-z][a-z0-9+.\-]*):[!-?A-~]+")
"""Printable ASCII without blanks and without "@": of one's own scheme, in normal form as it is."""

_FORBIDDEN: Final = re.compile("[\0-\x1f\x7f-\x9f\ud800-\udfff]")
_BLANK_END: Final = re.compile(rf"\A[{BLANK}]|[{BLANK}]\Z")
_CONTENT_DIGEST: Final = re.compile(
    r"sha256:[0-9a-f]{64}|md5:[0-9a-f]{32}|dvc-md5:[0-9a-f]{32}(?:\.dir)?|dvc-dir:[0-9a-f]{32}\.dir",
    re.IGNORECASE,
)

_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_MD5: Final = re.compile(r"[0-9a-f]{32}")
_DVC_MD5: Final = re.compile(r"[0-9a-f]{32}(?:\.dir)?")
_DVC_DIRECTORY: Final = re.compile(r"[0-9a-f]{32}\.dir")
_GIT_OBJECT: Final = re.compile(r"(?:[0-9a-f]{40}|[0-9a-f]{64})")
_UUID: Final = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_KIND: Final = re.compile(r"[a-z][a-z0-9_\-]*")
_SCOPED: Final = re.compile(r"([A-Za-z][A-Za-z0-9_\-]*)/([^/]+)/(.+)", re.DOTALL)
_MLFLOW_IDS: Final = {
    "run": re.compile(r"[0-9a-f]{32}"),
    "logged-model": re.compile(r"m-[0-9a-f]{32}"),
}
_OCI: Final = re.compile(
    r"(?P<registry>[a-z0-9.\-]+(?::[0-9]+)?|\[[0-9a-f:]+\](?::[0-9]+)?)"
    r"/(?P<repository>[a-z0-9]+(?:(?:[._]|__|-+|/)[a-z0-9]+)*)"
    r"(?::[a-z0-9_][a-z0-9_.\-]{0,127})?@sha256:(?P<digest>[0-9a-f]{64})"
)
_K8S: Final = re.compile(
    r"(?P<cluster>[^/]+)/(?P<namespace>[^/]+)/(?P<kind>[A-Za-z][A-Za-z0-9.\-]*)"
    r"/(?P<name>[^/]+)(?P<revision>/[^/]+)?",
    re.DOTALL,
)
_K8S_NAMESPACE: Final = re.compile(r"[a-z0-9](?:[a-z0-9\-]{0,61}[a-z0-9])?|_")
_MLMD: Final = re.compile(r"(artifact|execution|context)/([1-9][0-9]{0,18})")


@lru_cache(maxsize=_REMEMBERED)
def normalise_identifier(text: str) -> str:
    """Return the normal form of an identifier; a normal form is its own.

    Raises:
        InvalidIdentifierError: no scheme, a control character, a lone surrogate, a blank at an
            end, or what its scheme does not allow.
        LimitExceededError: longer than ``IDENTIFIER_BYTES_MAX``, as given or in normal form.
    """
    _check_length(text)
    plain = _PLAIN.fullmatch(text)
    if plain is not None and plain[1] not in _SCHEMES:
        return text
    parts = _IDENTIFIER.fullmatch(text)
    if parts is None:
        raise InvalidIdentifierError(
            "An identifier is not scheme:value",
            where=shown(text),
            hint="Write it as sha256:..., git:commit/..., uri:https://..., or mytool:...",
        )
    if _FORBIDDEN.search(text) is not None:
        raise InvalidIdentifierError(
            "An identifier holds a control character or a lone surrogate", where=shown(text)
        )
    scheme = parts[1].lower()
    if _BLANK_END.search(parts[2]) is not None:
        raise InvalidIdentifierError("An identifier begins or ends blank", where=shown(text))
    normalise = _SCHEMES.get(scheme, without_passwords)
    # Without this a URI of one's own scheme (tool://user:password@host) would keep its password.
    bare = without_passwords(f"{scheme}:{parts[2]}")
    result = f"{scheme}:{normalise(bare[len(scheme) + 1 :])}"
    if result != text:
        _check_length(result)
    return result


@lru_cache(maxsize=_REMEMBERED)
def dataset_identifier(namespace: str, name: str) -> str:
    """Return the identifier of OpenLineage's data set; ``dataset_of`` is the way back.

    Raises:
        InvalidIdentifierError: either is empty, or holds U+0000 or a lone surrogate.
        LimitExceededError: longer than ``IDENTIFIER_BYTES_MAX``.
    """
    namespace, name = normalise_dataset(namespace, name)
    return _checked(f"ol:dataset/{_segment(namespace)}/{escaped(name)}")


@lru_cache(maxsize=_REMEMBERED)
def job_identifier(namespace: str, name: str) -> str:
    """Return the identifier of OpenLineage's job.

    Raises:
        InvalidIdentifierError: either is empty, or holds U+0000 or a lone surrogate.
        LimitExceededError: longer than ``IDENTIFIER_BYTES_MAX``.
    """
    namespace, name = normalise_namespace(namespace), normalise_name(name)
    return _checked(f"ol:job/{_segment(namespace)}/{escaped(name)}")


def run_identifier(run_id: str) -> str:
    """Return the identifier of OpenLineage's run; a UUID is lower case, any other id is kept.

    Raises:
        InvalidIdentifierError: empty, or holds U+0000 or a lone surrogate.
        LimitExceededError: longer than ``IDENTIFIER_BYTES_MAX``.
    """
    run_id = normalise_name(run_id)
    plain = run_id.lower() if _UUID.fullmatch(run_id) else escaped(run_id)
    return _checked(f"ol:run/{plain}")


def dataset_of(identifier: str) -> tuple[str, str]:
    """Return namespace and name of OpenLineage's data set, both in their one spelling.

    Raises:
        InvalidIdentifierError: no identifier, or not one of a data set.
        LimitExceededError: longer than ``IDENTIFIER_BYTES_MAX``.
    """
    return _named(identifier, "ol:dataset/", "data set")


def job_of(identifier: str) -> tuple[str, str]:
    """Return namespace and name of OpenLineage's job, both in their one spelling.

    Raises:
        InvalidIdentifierError: no identifier, or not one of a job.
        LimitExceededError: longer than ``IDENTIFIER_BYTES_MAX``.
    """
    return _named(identifier, "ol:job/", "job")


def _named(identifier: str, prefix: str, what: str) -> tuple[str, str]:
    plain = normalise_identifier(identifier)
    if not plain.startswith(prefix):
        raise InvalidIdentifierError(
            f"An identifier is not one of an OpenLineage {what}",
            where=shown(identifier),
            hint=f"It begins with {prefix}.",
        )
    namespace, _, name = plain.removeprefix(prefix).partition("/")
    return unescaped(namespace), unescaped(name)


def is_content_digest(identifier: str) -> bool:
    """Tell whether an identifier is a bare digest of content, which may never be a key."""
    return _CONTENT_DIGEST.fullmatch(identifier) is not None


def is_empty_content(identifier: str) -> bool:
    """Tell whether an identifier is the digest of no content at all, which may never link."""
    return ascii_lower(identifier) in EMPTY_DIGESTS


def _checked(identifier: str) -> str:
    _check_length(identifier)
    return identifier


def _check_length(text: str) -> None:
    # A lone surrogate has no UTF-8; it is counted here and refused later.
    size = len(text) if text.isascii() else len(text.encode(errors="surrogatepass"))
    if size > IDENTIFIER_BYTES_MAX:
        raise LimitExceededError(
            f"An identifier is longer than {IDENTIFIER_BYTES_MAX} bytes (IDENTIFIER_BYTES_MAX)",
            where=shown(text),
        )


def _refusal(what: str, value: str, hint: str) -> InvalidIdentifierError:
    return InvalidIdentifierError(what, where=shown(value), hint=hint)


def _segment(text: str) -> str:
    """Percent-encode a namespace so that it is one segment: only unreserved characters stay."""
    return quote(text, safe="")


def _digest(form: re.Pattern[str], what: str) -> Callable[[str], str]:
    def normalise(value: str) -> str:
        plain = ascii_lower(value)
        if form.fullmatch(plain) is None:
            raise _refusal(f"That is no {what} digest", value, "Write it in hexadecimal, whole.")
        return plain

    return normalise


def _git(value: str) -> str:
    kind, _, rest = value.partition("/")
    kind = ascii_lower(kind)
    if not rest or _KIND.fullmatch(kind) is None:
        raise _refusal("A git identifier is not git:KIND/REST", value, "Write git:commit/SHA.")
    if kind in {"blob", "commit", "tree"}:
        rest = ascii_lower(rest)
        if _GIT_OBJECT.fullmatch(rest) is None:
            raise _refusal(
                f"A git {kind} is not a full object id",
                value,
                "Write all 40 (or 64) hexadecimal digits: short ids stop being unique.",
            )
    return f"{kind}/{rest}"


def _scoped(scheme: str, value: str) -> tuple[str, str, str]:
    """Split KIND/SERVER/REST, with kind and server in lower case."""
    parts = _SCOPED.fullmatch(value)
    if parts is None:
        raise _refusal(
            f"The identifier is not {scheme}:KIND/SERVER/REST",
            value,
            "Name the server: ids and names of one server mean other things on another.",
        )
    return ascii_lower(parts[1]), ascii_lower(parts[2]), parts[3]


def _mlflow(value: str) -> str:
    kind, server, rest = _scoped("mlflow", value)
    if kind in _MLFLOW_IDS:
        rest = ascii_lower(rest)
        if _MLFLOW_IDS[kind].fullmatch(rest) is None:
            raise _refusal(
                f"An MLflow {kind} has no such id",
                value,
                f"Write mlflow:{kind}/SERVER/ID, with the id of 32 hexadecimal digits.",
            )
    return f"{kind}/{server}/{rest}"


def _mlflow_id(kind: str) -> Callable[[str], str]:
    def normalise(value: str) -> str:
        plain = ascii_lower(value)
        if _MLFLOW_IDS[kind].fullmatch(plain) is None:
            raise _refusal(
                f"An MLflow {kind} has no such id",
                value,
                f"Write mlflow-{kind}:ID, with the id of 32 hexadecimal digits.",
            )
        return plain

    return normalise


def _ci(value: str) -> str:
    return "/".join(_scoped("ci", value))


def _oci(value: str) -> str:
    parts = _OCI.fullmatch(ascii_lower(value))
    if parts is None or not _is_registry(parts["registry"]):
        raise _refusal(
            "An image is not oci:REGISTRY/REPOSITORY@sha256:DIGEST",
            value,
            "Write the registry out, such as docker.io/library/python; a tag alone names nothing.",
        )
    # A tag before the digest is a label that moves, so it is dropped.
    registry = "docker.io" if parts["registry"] == "index.docker.io" else parts["registry"]
    return f"{registry}/{parts['repository']}@sha256:{parts['digest']}"


def _is_registry(text: str) -> bool:
    """Tell a registry from the first part of a repository, by the rule of the container tools."""
    return "." in text or ":" in text or text == "localhost"


def _openlineage(value: str) -> str:
    kind, _, rest = value.partition("/")
    kind = ascii_lower(kind)
    namespace, slash, name = rest.partition("/")
    if kind == "run" and rest:
        whole = run_identifier(unescaped(rest))
    elif kind == "dataset" and slash:
        whole = dataset_identifier(unescaped(namespace), unescaped(name))
    elif kind == "job" and slash:
        whole = job_identifier(unescaped(namespace), unescaped(name))
    else:
        raise _refusal(
            "The identifier is not ol:dataset/NAMESPACE/NAME, ol:job/NAMESPACE/NAME or ol:run/ID",
            value,
            "Percent-encode the namespace, its slashes too.",
        )
    return whole.removeprefix("ol:")


def _k8s(value: str) -> str:
    parts = _K8S.fullmatch(value)
    namespace = "" if parts is None else ascii_lower(parts["namespace"])
    if parts is None or _K8S_NAMESPACE.fullmatch(namespace) is None:
        raise _refusal(
            "The identifier is not k8s:CLUSTER/NAMESPACE/KIND/NAME",
            value,
            "A namespace is a DNS label; write _ for a thing that has none.",
        )
    kind, name, revision = ascii_lower(parts["kind"]), parts["name"], parts["revision"] or ""
    return f"{parts['cluster']}/{namespace}/{kind}/{name}{revision}"


def _mlmd(value: str) -> str:
    parts = _MLMD.fullmatch(ascii_lower(value))
    if parts is None or int(parts[2]) > INT_MAX:
        raise _refusal(
            "The identifier is not mlmd:KIND/ID",
            value,
            "The kind is artifact, execution or context, and the id a whole number from 1.",
        )
    return f"{parts[1]}/{parts[2]}"


_SCHEMES: Final[dict[str, Callable[[str], str]]] = {
    "ci": _ci,
    "dvc-dir": _digest(_DVC_DIRECTORY, "DVC directory"),
    "dvc-md5": _digest(_DVC_MD5, "DVC MD5"),
    "git": _git,
    "k8s": _k8s,
    "md5": _digest(_MD5, "MD5"),
    "mlflow": _mlflow,
    "mlflow-logged-model": _mlflow_id("logged-model"),
    "mlflow-run": _mlflow_id("run"),
    "mlmd": _mlmd,
    "oci": _oci,
    "ol": _openlineage,
    "sha256": _digest(_SHA256, "SHA-256"),
    "uri": normalise_uri,
}
