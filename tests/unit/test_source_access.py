"""What opens an MLflow server is read as MLflow's own client reads it, and never quoted."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from certificates import certify
from lineage.clock import system_clock
from lineage_api.cli.mlflow_source import Given, server_at
from lineage_api.cli.session import Session
from lineage_api.outbound.connecting import tls_context
from lineage_api.outbound.mlflow_access import AccessFiles, read_access
from lineage_api.outbound.origins import read_origin
from lineage_schemas.errors import InvalidInputError
from lineage_schemas.instants import instant_of

BASIC = "Basic dXNlcjpwYXNz"  # printf user:pass | base64


def headers(environ: Mapping[str, str], home: Path, files: AccessFiles | None = None) -> object:
    return dict(read_access(files or AccessFiles(), environ, home).headers)


def kept(home: Path, text: str) -> None:
    (home / ".mlflow").mkdir()
    (home / ".mlflow" / "credentials").write_text(text)


def test_nothing_is_sent_where_nothing_is_known(tmp_path: Path) -> None:
    assert headers({}, tmp_path) == {}


def test_a_user_goes_before_a_token_and_needs_a_password(tmp_path: Path) -> None:
    environ = {"MLFLOW_TRACKING_TOKEN": "t", "MLFLOW_TRACKING_USERNAME": "user"}
    assert headers(environ, tmp_path) == {"authorization": "Bearer t"}
    environ["MLFLOW_TRACKING_PASSWORD"] = "pass"
    assert headers(environ, tmp_path) == {"authorization": BASIC}


def test_the_file_of_credentials_fills_what_the_environment_leaves_out(tmp_path: Path) -> None:
    kept(tmp_path, "[mlflow]\nmlflow_tracking_username = other\nmlflow_tracking_password = pass\n")
    assert headers({"MLFLOW_TRACKING_USERNAME": "user"}, tmp_path) == {"authorization": BASIC}


def test_a_percent_sign_in_a_password_is_one(tmp_path: Path) -> None:
    kept(tmp_path, "[mlflow]\nmlflow_tracking_username = u\nmlflow_tracking_password = %(x)s\n")
    assert headers({}, tmp_path) == {"authorization": "Basic dTolKHgpcw=="}


def test_a_token_in_a_file_goes_before_all(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("in-a-file\n")
    environ = {"MLFLOW_TRACKING_USERNAME": "user", "MLFLOW_TRACKING_PASSWORD": "pass"}
    files = AccessFiles(token=str(file))
    assert headers(environ, tmp_path, files) == {"authorization": "Bearer in-a-file"}


def test_further_headers_and_the_workspace_are_sent(tmp_path: Path) -> None:
    file = tmp_path / "headers"
    file.write_text("X-Team: fraud\n\nCookie:  session=s3cret \n")
    found = headers({"MLFLOW_WORKSPACE": "w1"}, tmp_path, AccessFiles(headers=str(file)))
    assert found == {"x-team": "fraud", "cookie": "session=s3cret", "x-mlflow-workspace": "w1"}
    chosen = AccessFiles(workspace="w2")
    assert headers({"MLFLOW_WORKSPACE": "w1"}, tmp_path, chosen) == {"x-mlflow-workspace": "w2"}


@pytest.mark.parametrize("name", ["Authorization", "authorization", "AUTHORIZATION"])
def test_a_header_in_a_file_goes_before_the_environment_and_not_beside_a_token(
    tmp_path: Path, name: str
) -> None:
    file, token = tmp_path / "headers", tmp_path / "token"
    file.write_text(f"{name}: Bearer in-a-file\nX-Mlflow-Workspace: w1\n")
    token.write_text("s3cret")
    environ = {"MLFLOW_TRACKING_TOKEN": "t", "MLFLOW_WORKSPACE": "w2"}
    found = headers(environ, tmp_path, AccessFiles(headers=str(file)))
    assert found == {"authorization": "Bearer in-a-file", "x-mlflow-workspace": "w1"}
    with pytest.raises(InvalidInputError, match="as well") as caught:
        headers({}, tmp_path, AccessFiles(headers=str(file), token=str(token)))
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "header", "is_warned"),
    [
        ("http://h", "Authorization: Bearer s3cret", True),
        ("http://h", "Cookie: s3cret", True),
        ("http://h", "X-Mlflow-Workspace: w1", False),
        ("https://h", "Cookie: s3cret", False),
    ],
    ids=["authorization", "cookie", "workspace", "encrypted"],
)
def test_what_opens_a_server_goes_out_in_clear_with_a_warning_only(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    url: str,
    header: str,
    *,
    is_warned: bool,
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    file = tmp_path / "headers"
    file.write_text(header)
    said = Given(None, None, "none", 0, AccessFiles(headers=str(file)))
    with server_at(Session(), url, said):
        told = capsys.readouterr().err
    assert ("not encrypted" in told) is is_warned
    assert "s3cret" not in told


@pytest.mark.parametrize(
    "content",
    [
        b"no header: s3cret",
        b"Host: s3cret",
        b"content-length: s3cret",
        b"X: s3cret\x00",
        b"\xffs3cret",
    ],
    ids=["spaces", "host", "length", "control", "bytes"],
)
def test_what_is_no_header_is_refused_unquoted(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "headers"
    file.write_bytes(content)
    with pytest.raises(InvalidInputError) as caught:
        headers({}, tmp_path, AccessFiles(headers=str(file)))
    assert "s3cret" not in str(caught.value)
    assert str(file) in caught.value.where


@pytest.mark.parametrize("token", ["", "two\nlines", "gr\u00fcn"])
def test_what_is_no_token_is_refused_unquoted(tmp_path: Path, token: str) -> None:
    file = tmp_path / "token"
    file.write_text(token, encoding="utf-8")
    with pytest.raises(InvalidInputError, match="does not fit into a header") as caught:
        headers({}, tmp_path, AccessFiles(token=str(file)))
    assert not token or token not in str(caught.value)


@pytest.mark.parametrize(
    "variable",
    ["MLFLOW_TRACKING_INSECURE_TLS", "MLFLOW_TRACKING_AUTH", "MLFLOW_TRACKING_AWS_SIGV4"],
)
def test_what_is_not_done_here_is_said(tmp_path: Path, variable: str) -> None:
    assert headers({variable: "false"}, tmp_path) == {}
    with pytest.raises(InvalidInputError, match="not done here") as caught:
        headers({variable: "true"}, tmp_path)
    assert caught.value.where == variable


def test_nothing_that_opens_a_server_is_in_its_repr(tmp_path: Path) -> None:
    access = read_access(AccessFiles(), {"MLFLOW_TRACKING_TOKEN": "s3cret"}, tmp_path)
    assert repr(access) == "Access(authorization)"


def test_certificates_are_read_or_refused(tmp_path: Path) -> None:
    made = certify(tmp_path, instant_of(system_clock()))
    environ = {"MLFLOW_TRACKING_SERVER_CERT_PATH": str(made.certificate)}
    access = read_access(AccessFiles(), environ, tmp_path)
    assert access.tls is not None
    (authority,) = access.tls.get_ca_certs()
    assert authority["subject"] == ((("commonName", "localhost"),),)
    for files in (("/nowhere", "", ""), (str(made.key), "", ""), ("", str(made.certificate), "")):
        with pytest.raises(InvalidInputError, match="cannot be used"):
            tls_context(*files)


@pytest.mark.parametrize(
    ("url", "whole", "instance"),
    [
        (
            "http://Tracking.example.org:5000",
            "http://tracking.example.org:5000",
            "tracking.example.org:5000",
        ),
        (
            "https://tracking.example.org/",
            "https://tracking.example.org",
            "tracking.example.org:443",
        ),
        ("http://h/ml/Flow/", "http://h/ml/Flow", "h:80+ml+flow"),
        ("http://[::1]:5000", "http://[::1]:5000", "[::1]:5000"),
    ],
)
def test_an_address_has_one_name(url: str, whole: str, instance: str) -> None:
    origin = read_origin(url)
    assert (origin.url, origin.instance) == (whole, instance)


@pytest.mark.parametrize(
    "url",
    [
        *("ftp://h", "h:5000", "http://", "http://h:0", "http://h:70000", "http://h?a=s3cret"),
        *("http://user:s3cret@h", "http://s3cret@h", "http://h#s3cret", "http://h/ s3cret"),
        *("http://h/\u00e4s3cret", "http://[::1s3cret", "http://h/" + "x" * 2_048, "http://h\n"),
    ],
)
def test_what_is_no_address_is_refused_unquoted(url: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        read_origin(url)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "is_open"),
    [("http://h", True), ("https://h", False), ("http://127.0.0.1:5000", False)],
)
def test_an_address_says_whether_others_can_listen(url: str, *, is_open: bool) -> None:
    assert read_origin(url).is_open is is_open
