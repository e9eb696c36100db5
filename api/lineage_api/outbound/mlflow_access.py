"""What opens an MLflow server: files that are named, and what MLflow's own client reads.

As there, a user with a password goes before a token. A file that is named goes before both, and of
two files that say different things neither does. Names of headers are in lower case here: spelled
in two ways, one header would be sent twice.
"""

from __future__ import annotations

import configparser
import re
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from msgspec import Struct

from lineage_api.outbound.connecting import tls_context
from lineage_api.outbound.transport import Access
from lineage_schemas.errors import InvalidInputError

TOKEN: Final = "MLFLOW_TRACKING_TOKEN"  # noqa: S105 (the name of a variable)
USERNAME: Final = "MLFLOW_TRACKING_USERNAME"
PASSWORD: Final = "MLFLOW_TRACKING_PASSWORD"  # noqa: S105 (as above)
CA_FILE: Final = "MLFLOW_TRACKING_SERVER_CERT_PATH"
CERTIFICATE_FILE: Final = "MLFLOW_TRACKING_CLIENT_CERT_PATH"
WORKSPACE: Final = "MLFLOW_WORKSPACE"

NOT_DONE: Final = {
    "MLFLOW_TRACKING_INSECURE_TLS": "Certificates are always checked: name yours with --ca-file.",
    "MLFLOW_TRACKING_AUTH": "Give a token or a user instead.",
    "MLFLOW_TRACKING_AWS_SIGV4": "Give a token or a user instead.",
}
"""Variables that ask for what is not done here, and what to do instead."""

WORKSPACE_HEADER: Final = "x-mlflow-workspace"
AUTHORIZATION: Final = "authorization"
SECRET_BYTES_MAX: Final = 65_536

_HEADER: Final = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\x20-\x7e]*)")
_OURS: Final = frozenset(
    {"host", "connection", "content-length", "transfer-encoding", "accept-encoding", "expect"}
)


class AccessFiles(Struct, frozen=True, kw_only=True):
    """Files that the caller names. Empty: none."""

    token: str = ""
    headers: str = ""
    ca: str = ""
    certificate: str = ""
    key: str = ""
    workspace: str = ""


def read_access(files: AccessFiles, environ: Mapping[str, str], home: Path) -> Access:
    """Return what opens a server.

    Raises:
        InvalidInputError: a file cannot be read or holds something else, or a variable asks for
            what is not done here; or two files say who we are. Quotes no secret.
    """
    for variable, hint in NOT_DONE.items():
        if environ.get(variable, "").strip().lower() not in {"", "false", "0"}:
            raise InvalidInputError("This is not done here", where=variable, hint=hint)
    headers = _headers_in(files.headers)
    if AUTHORIZATION in headers:
        if files.token:
            raise InvalidInputError(
                "A token is named, and this file has a header Authorization as well",
                where=files.headers,
                hint="Name one of the two.",
            )
    elif authorization := _authorization(files.token, environ, home):
        headers[AUTHORIZATION] = authorization
    if files.workspace:
        headers[WORKSPACE_HEADER] = _plain(files.workspace, "--workspace")
    elif workspace := environ.get(WORKSPACE, ""):
        headers.setdefault(WORKSPACE_HEADER, _plain(workspace, WORKSPACE))
    tls = tls_context(
        files.ca or environ.get(CA_FILE, ""),
        files.certificate or environ.get(CERTIFICATE_FILE, ""),
        files.key,
    )
    return Access(headers, tls)


def _authorization(token_file: str, environ: Mapping[str, str], home: Path) -> str:
    if token_file:
        return f"Bearer {_plain(_text(token_file).strip(), token_file)}"
    kept = _credentials_file(home / ".mlflow" / "credentials")
    user = environ.get(USERNAME) or kept.get(USERNAME.lower(), "")
    password = environ.get(PASSWORD) or kept.get(PASSWORD.lower(), "")
    if user and password:
        return f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"
    if token := environ.get(TOKEN, ""):
        return f"Bearer {_plain(token, TOKEN)}"
    return ""


def _credentials_file(path: Path) -> Mapping[str, str]:
    if not path.exists():
        return {}
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(_text(str(path)))
    except configparser.Error:
        raise InvalidInputError(
            "MLflow's file of credentials is damaged", where=str(path)
        ) from None
    return dict(parser["mlflow"]) if "mlflow" in parser else {}


def _headers_in(file: str) -> dict[str, str]:
    if not file:
        return {}
    headers: dict[str, str] = {}
    for number, line in enumerate(_text(file).splitlines(), 1):
        if not line.strip():
            continue
        found = _HEADER.fullmatch(line)
        if found is None or found[1].lower() in _OURS:
            raise InvalidInputError(
                "This line is no header that may be sent",
                where=f"{file}, line {number}",
                hint="Write one a line, as NAME: VALUE.",
            )
        headers[found[1].lower()] = found[2].strip()
    return headers


def _plain(value: str, where: str) -> str:
    """Return what fits into a header; anything else is not quoted."""
    if not value or not value.isascii() or not value.isprintable():
        raise InvalidInputError(
            "What is there does not fit into a header", where=where, hint="One line of ASCII."
        )
    return value


def _text(file: str) -> str:
    try:
        with Path(file).open("rb") as stream:
            content = stream.read(SECRET_BYTES_MAX + 1)
        if len(content) > SECRET_BYTES_MAX:
            raise InvalidInputError(
                f"This file is over the limit of {SECRET_BYTES_MAX} bytes (SECRET_BYTES_MAX)",
                where=file,
            )
        return content.decode()
    except (OSError, UnicodeDecodeError) as error:
        # The text of a decoding error quotes bytes of the secret.
        why = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        raise InvalidInputError(f"This file cannot be read: {why}", where=file) from None
