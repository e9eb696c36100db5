"""Identifiers: one normal form a thing, no password in any, and what each scheme refuses."""

import hashlib
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage_schemas.errors import InvalidIdentifierError, InvalidInputError, LimitExceededError
from lineage_schemas.identifiers import (
    dataset_identifier,
    dataset_of,
    is_content_digest,
    is_empty_content,
    job_identifier,
    normalise_identifier,
    run_identifier,
)
from lineage_schemas.limits import IDENTIFIER_BYTES_MAX

RUN = "0123456789abcdef" * 2
SHA1 = "0123456789" * 4
SHA256 = "0123456789abcdef" * 4

NORMAL_FORMS = [
    # RFC 3986, section 6.2.2: the example that both spellings of are equivalent.
    ("uri:eXAMPLE://a/./b/../b/%63/%7bfoo%7d", "uri:example://a/b/c/%7Bfoo%7D"),
    ("uri:example://a/b/c/%7Bfoo%7D", "uri:example://a/b/c/%7Bfoo%7D"),
    # Section 6.2.2.1: case.
    ("uri:HTTP://www.EXAMPLE.com/", "uri:http://www.example.com/"),
    ("uri:http://a/%3a", "uri:http://a/%3A"),
    ("uri:http://a/Path?Query#Fragment", "uri:http://a/Path?Query#Fragment"),
    # Section 6.2.2.2: unreserved characters are not encoded, reserved ones stay as they came.
    ("uri:http://www.ics.uci.edu/%7Emcmahill/", "uri:http://www.ics.uci.edu/~mcmahill/"),
    ("uri:http://a/%2F%2f/", "uri:http://a/%2F%2F/"),
    ("uri:http://a/?x=%41%2B#%2d", "uri:http://a/?x=A%2B#-"),
    ("uri:http://%45xample.%63om/", "uri:http://example.com/"),
    # Section 6.2.2.3, with the examples of section 5.2.4.
    ("uri:x://h/a/b/c/./../../g", "uri:x://h/a/g"),
    ("uri:http://h/..", "uri:http://h/"),
    ("uri:http://h/../../a", "uri:http://h/a"),
    ("uri:http://h/a/.", "uri:http://h/a/"),
    ("uri:http://h/a/..", "uri:http://h/"),
    ("uri:http://h/a//../b", "uri:http://h/a/b"),
    ("uri:http://h/%2e%2E/a", "uri:http://h/a"),
    ("uri:http://h/a.b/..c/d..", "uri:http://h/a.b/..c/d.."),
    ("uri:x:/.//a", "uri:x:/.//a"),
    ("uri:x:/a/..//b", "uri:x:/.//b"),
    ("uri:urn:a/../b", "uri:urn:a/../b"),
    # Section 6.2.3: four spellings of one.
    ("uri:http://example.com", "uri:http://example.com/"),
    ("uri:http://example.com/", "uri:http://example.com/"),
    ("uri:http://example.com:/", "uri:http://example.com/"),
    ("uri:http://example.com:80/", "uri:http://example.com/"),
    ("uri:https://example.com:0443", "uri:https://example.com/"),
    ("uri:https://example.com:80?", "uri:https://example.com:80/?"),
    ("uri:ssh://git@Host.example:22/r.git", "uri:ssh://git@host.example/r.git"),
    ("uri:postgres://db:5432", "uri:postgres://db:5432"),
    ("uri:x://h:000", "uri:x://h:0"),
    # Section 1.1.2.
    ("uri:ldap://[2001:DB8::7]/c=GB?one", "uri:ldap://[2001:db8::7]/c=GB?one"),
    ("uri:mailto:John.Doe@example.com", "uri:mailto:John.Doe@example.com"),
    ("uri:urn:oasis:names:tc", "uri:urn:oasis:names:tc"),
    ("uri:telnet://192.0.2.16:80/", "uri:telnet://192.0.2.16:80/"),
    ("uri:http://[FE80::1%25eth0]:8080/", "uri:http://[fe80::1%25eth0]:8080/"),
    # RFC 8089, and RFC 3987, section 3.1.
    ("uri:file:/data/a", "uri:file:///data/a"),
    ("uri:FILE://LocalHost/data/a", "uri:file:///data/a"),
    ("uri:file:///data/a", "uri:file:///data/a"),
    ("uri:file://nas/data", "uri:file://nas/data"),
    ("uri:s3://Bucket/a b/é[1]", "uri:s3://bucket/a%20b/%C3%A9%5B1%5D"),
    # The scheme of an identifier is not case sensitive either.
    ("URI:HTTP://A", "uri:http://a/"),
    (f"MLflow:RUN/MLflow.Example:5000/{RUN.upper()}", f"mlflow:run/mlflow.example:5000/{RUN}"),
    (f"mlflow:logged-model/S/M-{RUN.upper()}", f"mlflow:logged-model/s/m-{RUN}"),
    ("mlflow:model/Server/Fraud Model", "mlflow:model/server/Fraud Model"),
    ("mlflow:model-version/server/Fraud/3", "mlflow:model-version/server/Fraud/3"),
    (f"git:commit/{SHA1.upper()}", f"git:commit/{SHA1}"),
    (f"git:Commit/{SHA256.upper()}", f"git:commit/{SHA256}"),
    ("git:tag/Repo/v1.0-RC", "git:tag/Repo/v1.0-RC"),
    ("dvc:Repo/data/Raw.csv", "dvc:Repo/data/Raw.csv"),
    (f"SHA256:{SHA256.upper()}", f"sha256:{SHA256}"),
    (f"md5:{RUN.upper()}", f"md5:{RUN}"),
    (f"DVC-MD5:{RUN.upper()}", f"dvc-md5:{RUN}"),
    (f"dvc-md5:{RUN.upper()}.DIR", f"dvc-md5:{RUN}.dir"),
    (f"DVC-Dir:{RUN.upper()}.Dir", f"dvc-dir:{RUN}.dir"),
    (f"MLflow-Run:{RUN.upper()}", f"mlflow-run:{RUN}"),
    (f"mlflow-logged-model:M-{RUN.upper()}", f"mlflow-logged-model:m-{RUN}"),
    (f"oci:GHCR.io/Org/Image@SHA256:{SHA256.upper()}", f"oci:ghcr.io/org/image@sha256:{SHA256}"),
    (f"oci:localhost:5000/a/b__c:v1@sha256:{SHA256}", f"oci:localhost:5000/a/b__c@sha256:{SHA256}"),
    (f"oci:index.docker.io/library/x@sha256:{SHA256}", f"oci:docker.io/library/x@sha256:{SHA256}"),
    ("ci:run/GitHub.com/Org/Repo/17/2", "ci:run/github.com/Org/Repo/17/2"),
    ("k8s:Prod/production/Deployment/fraud", "k8s:Prod/production/deployment/fraud"),
    ("k8s:prod/_/Namespace/a", "k8s:prod/_/namespace/a"),
    ("k8s:prod/ns/Deployment/fraud/7", "k8s:prod/ns/deployment/fraud/7"),
    ("mlmd:Artifact/12", "mlmd:artifact/12"),
    ("mlmd:context/9223372036854775807", "mlmd:context/9223372036854775807"),
    ("ol:run/0190A0B0-1111-7222-8333-ABCDEF012345", "ol:run/0190a0b0-1111-7222-8333-abcdef012345"),
    ("ol:run/Manual__2026", "ol:run/Manual__2026"),
    ("ol:dataset/S3A%3A%2F%2FBucket/Key%2FA", "ol:dataset/s3%3A%2F%2Fbucket/Key/A"),
    ("ol:dataset/file/%2ftmp/100%25", "ol:dataset/file//tmp/100%25"),
    ("ol:Job/My-Airflow/Dag.Task", "ol:job/My-Airflow/Dag.Task"),
    ("mytool:Any thing/At All?", "mytool:Any thing/At All?"),
    ("My.Tool+2-x:é", "my.tool+2-x:é"),
]

PASSWORDS = [
    ("uri:https://user:secret@example.com/a", "uri:https://example.com/a"),
    ("uri:https://secret@example.com", "uri:https://example.com/"),
    ("uri:HTTPS://user:secret@example.com:443", "uri:https://example.com/"),
    ("uri:ssh://git:secret@host/r", "uri:ssh://git@host/r"),
    ("uri:ssh://:secret@host/r", "uri:ssh://host/r"),
    ("uri:postgres://me:se@cret@db/x", "uri:postgres://me@db/x"),
    ("uri:ftp://me:a:secret@h/x", "uri:ftp://me@h/x"),
    ("uri:git+https://secret@github.com/o/r", "uri:git+https://github.com/o/r"),
    ("uri:jdbc:postgresql://me:secret@db/x", "uri:jdbc:postgresql://me@db/x"),
    ("uri:https://h/login?next=https://me:secret@x/", "uri:https://h/login?next=https://x/"),
    ("uri:foo:/a:/.//me:secret@h", "uri:foo:/a://me@h"),
    ("uri:foo:/http:/.//secret@../b", "uri:foo:/http:/b"),
    ("https://me:secret@h/x", "https://h/x"),
    ("mytool://me:secret@h/x", "mytool://me@h/x"),
    ("dvc:https://secret@github.com/o/r/data.csv", "dvc:https://github.com/o/r/data.csv"),
    ("git:repository/https://me:secret@h/r", "git:repository/https://h/r"),
    (
        f"ol:dataset/{quote('postgresql://me:secret@DB:5432', safe='')}/a.b",
        f"ol:dataset/{quote('postgres://me@db:5432', safe='')}/a.b",
    ),
    ("ol:dataset/file/https:%2F%2Fme:secret%40h/x", "ol:dataset/file/https://h/x"),
    (f"ol:job/{quote('https://secret@h', safe='')}/j", f"ol:job/{quote('https://h', safe='')}/j"),
]

REFUSED = [
    "",
    "noscheme",
    ":value",
    "scheme:",
    "1st:value",
    "my tool:value",
    " mytool:value",
    "mytool: value",
    "mytool:value ",
    "mytool:value\u00a0",
    "mytool:a\nb",
    "mytool:a\0b",
    "mytool:a\x7fb",
    "mytool:a\x85b",
    "mytool:a\ud800b",
    "uri:relative/path",
    "uri://host/path",
    "uri:http:///path",
    "uri:http://:80/",
    "uri:http:path",
    "uri:http://h/%",
    "uri:http://h/%4",
    "uri:http://h/%zz",
    "uri:http://h:port/",
    "uri:http://a:1,b:2/",
    "uri:http://[nonsense]/",
    "uri:http://[::1/",
    "uri:http://::1/",
    "uri:http://user:secret/more@h/",
    "mlflow:run/847",
    f"mlflow:run/{RUN}",
    "mlflow:run/server/847",
    f"mlflow:run/server/{RUN}0",
    f"mlflow:logged-model/server/{RUN}",
    "mlflow:model/fraud",
    "git:commit/abc1234",
    f"git:commit/{SHA1}0",
    f"git:tree/{SHA1[:-1]}g",
    "git:commit",
    f"git:{SHA1}",
    f"sha256:{RUN}",
    f"sha256:{SHA256[:-1]}g",
    f"md5:{SHA256}",
    f"md5:{RUN}.dir",
    f"md5:{RUN}-3",
    f"dvc-md5:{RUN}.dirs",
    f"dvc-md5:{RUN[1:]}",
    f"dvc-dir:{RUN}",
    f"dvc-dir:{SHA256}.dir",
    "mlflow-run:847",
    f"mlflow-run:server/{RUN}",
    f"mlflow-run:m-{RUN}",
    f"mlflow-logged-model:{RUN}",
    f"md5:{RUN[:-1]}\u0131",
    "oci:ghcr.io/org/image:latest",
    f"oci:library/python@sha256:{SHA256}",
    f"oci:python@sha256:{SHA256}",
    f"oci:ghcr.io/a@sha256:{RUN}",
    f"oci:ghcr.io/a//b@sha256:{SHA256}",
    "ci:run/17",
    "ci:run/github.com",
    "k8s:prod/ns/Deployment",
    "k8s:prod/no_dns/Deployment/a",
    "k8s:prod//Deployment/a",
    "k8s:prod/ns/Deployment/a/1/2",
    "mlmd:artifact/0",
    "mlmd:artifact/01",
    "mlmd:artifact/9223372036854775808",
    "mlmd:model/1",
    "ol:dataset/file",
    "ol:dataset//name",
    "ol:dataset/file/",
    "ol:dataset/file/%00",
    "ol:dataset/file/%ff",
    "ol:dataset/file/100%",
    "ol:run/",
    "ol:table/ns/name",
]


@pytest.mark.parametrize(("text", "normal"), NORMAL_FORMS)
def test_normal_form(text: str, normal: str) -> None:
    assert normalise_identifier(text) == normal


@pytest.mark.parametrize(("text", "normal"), PASSWORDS)
def test_passwords_are_dropped(text: str, normal: str) -> None:
    assert normalise_identifier(text) == normal


@pytest.mark.parametrize("normal", [normal for _, normal in NORMAL_FORMS + PASSWORDS])
def test_normal_form_is_its_own(normal: str) -> None:
    assert normalise_identifier(normal) == normal


@pytest.mark.parametrize("text", REFUSED, ids=ascii)
def test_refused(text: str) -> None:
    with pytest.raises(InvalidIdentifierError) as caught:
        normalise_identifier(text)
    assert caught.value.code == "invalid_identifier"
    assert caught.value.what


@pytest.mark.parametrize(
    "text",
    [
        "uri:http://me:secret@[nonsense]/",
        "uri:http://me:secret@h/%zz",
        "uri:http://me:secret@h:port",
        "uri:http://me:secret/more@h",
        "mytool://me:secret@h/\0",
        "mytool://me:sec/ret@h/\0",
        "mlflow:run/https://me:secret@h/1",
        "x://me:secret@" + "h" * IDENTIFIER_BYTES_MAX,
    ],
)
def test_error_shows_no_password(text: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        normalise_identifier(text)
    assert "secret" not in str(caught.value)
    assert "ret@" not in str(caught.value)


def test_length_is_counted_in_bytes_and_in_normal_form() -> None:
    room = IDENTIFIER_BYTES_MAX - len("mytool:")
    assert normalise_identifier("mytool:" + "a" * room)
    assert normalise_identifier("mytool:" + "é" * (room // 2))
    for text in ("mytool:" + "a" * (room + 1), "mytool:" + "é" * room, "uri:x:" + "é" * 400):
        with pytest.raises(LimitExceededError, match="IDENTIFIER_BYTES_MAX"):
            normalise_identifier(text)
    for build in (dataset_identifier, job_identifier):
        with pytest.raises(LimitExceededError):
            build("s3://bucket", "a" * IDENTIFIER_BYTES_MAX)
    with pytest.raises(LimitExceededError):
        run_identifier("a" * IDENTIFIER_BYTES_MAX)


# --- OpenLineage's names -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("namespace", "name", "expected"),
    [
        # As OpenLineage's naming page has them.
        ("postgres://db.foo.com:6543", "m.sales.orders", None),
        ("s3://sales-metrics", "orders.csv", None),
        ("gs://bucket", "path/to/object", None),
        ("abfss://container@account.dfs.core.windows.net", "path", None),
        ("wasbs://container@account.dfs.core.windows.net", "path", None),
        ("hdfs://stg.foo.com:3000", "/salesorders.csv", None),
        ("file", "/data/orders.csv", None),
        ("file://remote.host", "/data", None),
        ("kafka://a.host:9092", "topic", None),
        ("arn:aws:glue:us-east-1:123456789012", "table/db/t", None),
        ("azurecosmos://host/dbs/Main", "colls/Orders", None),
        ("bigquery", "project.set.table", None),
        # Other spellings of the same.
        ("s3a://bucket", "a", ("s3://bucket", "a")),
        ("S3N://Bucket/", "/a/b", ("s3://bucket", "a/b")),
        ("gs://bucket", "/a", ("gs://bucket", "a")),
        (
            "abfss://Container@ACCOUNT.dfs.core.windows.net/",
            "/A",
            ("abfss://Container@account.dfs.core.windows.net", "A"),
        ),
        ("postgresql://DB.foo.com:5432/", "D.S.T", ("postgres://db.foo.com:5432", "D.S.T")),
        ("file://", "/tmp/x", ("file", "/tmp/x")),
        ("file:", "/tmp/x", ("file", "/tmp/x")),
        ("file:///", "/tmp/x", ("file", "/tmp/x")),
        ("bigquery://", "p.d.t", ("bigquery", "p.d.t")),
        ("inmemory://", "x", ("inmemory://", "x")),
        ("snowflake://ORG-ACCOUNT", "DB.S.T", ("snowflake://org-account", "DB.S.T")),
        ("azurecosmos://HOST/dbs/Main/", "x", ("azurecosmos://host/dbs/Main", "x")),
        ("sqlserver://HOST:1433;database=Db", "s.t", ("sqlserver://host:1433;database=Db", "s.t")),
        ("postgres://me:secret@db", "t", ("postgres://me@db", "t")),
        # What is not collapsed: case, doubled slashes, slashes at the end, dots, other roots.
        ("s3://bucket", "//a//b/./../C/", None),
        ("s3://bucket", "/", None),
        ("hdfs://h", "/a", None),
        ("MyNamespace", "Table", None),
        ("default", " name with ends ", None),
        ("default", "line\nbreak, 100%, \x7f", None),
        ("name space/ü", "ü/%41", None),
        ("/", "x", None),
    ],
)
def test_dataset_names(namespace: str, name: str, expected: tuple[str, str] | None) -> None:
    identifier = dataset_identifier(namespace, name)
    assert dataset_of(identifier) == (expected or (namespace, name))
    assert normalise_identifier(identifier) == identifier


def test_identifiers_of_openlineage_are_readable() -> None:
    assert (
        dataset_identifier("s3a://bucket", "/a b/c%.csv")
        == "ol:dataset/s3%3A%2F%2Fbucket/a b/c%25.csv"
    )
    assert job_identifier("Airflow/", "Dag.task") == "ol:job/Airflow/Dag.task"
    assert run_identifier("0190A0B0-1111-7222-8333-ABCDEF012345").startswith("ol:run/0190a0b0-")


@pytest.mark.parametrize("bad", ["", "a\0b", "a\ud800"], ids=ascii)
def test_openlineage_names_refused(bad: str) -> None:
    for build in (dataset_identifier, job_identifier):
        with pytest.raises(InvalidIdentifierError):
            build(bad, "name")
        with pytest.raises(InvalidIdentifierError):
            build("namespace", bad)
    with pytest.raises(InvalidIdentifierError):
        run_identifier(bad)


@pytest.mark.parametrize("other", ["ol:job/a/b", "mytool:x"])
def test_dataset_of_refuses_other_identifiers(other: str) -> None:
    with pytest.raises(InvalidIdentifierError, match="data set"):
        dataset_of(other)


# --- content -------------------------------------------------------------------------------------


def test_content_digests() -> None:
    nothing = [f"{name}:{hashlib.new(name, b'').hexdigest()}" for name in ("sha256", "md5")]
    for identifier in nothing:
        assert is_content_digest(identifier)
        assert is_empty_content(identifier)
        assert is_empty_content(identifier.upper())
    # What DVC calls an empty file, and an empty directory.
    algorithm = "md5"
    empty, listed = (hashlib.new(algorithm, data).hexdigest() for data in (b"", b"[]"))
    nothing = [f"dvc-md5:{empty}", f"dvc-md5:{listed}.dir", f"dvc-dir:{listed}.dir"]
    for identifier in nothing:
        assert is_content_digest(identifier)
        assert is_empty_content(identifier)
        assert is_empty_content(identifier.upper())
    for identifier in (
        *(f"sha256:{SHA256}", f"md5:{RUN}", f"MD5:{RUN.upper()}"),
        *(f"dvc-md5:{RUN}", f"dvc-md5:{RUN}.dir", f"dvc-dir:{RUN}.dir"),
    ):
        assert is_content_digest(identifier)
        assert not is_empty_content(identifier)
    for identifier in ("uri:x:y", f"sha256:{RUN}", f"git:commit/{SHA1}", f"mysha256:{SHA256}"):
        assert not is_content_digest(identifier)
        assert not is_empty_content(identifier)


# --- properties ----------------------------------------------------------------------------------

PIECES = st.sampled_from(
    [
        *("/", "//", "://", ":", "@", "?", "#", "%2F", "%2e", "%41", "%7e", "%C3%A9", "[", "]"),
        *(".", "..", "/./", "/../", "http", "https://", "s3a://", "file:", "localhost", "HOST"),
        *("run", "model", "dataset", "user:pw@", ":80", ":443", "é", "İ", " ", "a", "%25", "%00"),
        *("\u2028", RUN, SHA1, "\n", "$", "&", "'", ";", "\\", "%"),
    ]
)
MESSY = st.text(max_size=20) | st.lists(PIECES, max_size=12).map("".join)
PATHS = st.lists(
    st.sampled_from(
        ["/", "/", ".", "..", "a", ":", "@", "http:", "//", "%2e", "%2F", "é", "~", "?"]
    )
).map("".join)
STARTS = [
    *(
        "uri:http://h/",
        "uri:https://Me@H:443",
        "uri:file:",
        "uri:x:/",
        "uri:x://",
        "uri:FTP://[::1]",
    ),
    *(
        f"MLflow:run/S/{RUN}",
        "mlflow:model/S",
        f"git:commit/{SHA1}",
        "git:tag/",
        "dvc:",
        "ci:run/H/",
    ),
    *("k8s:C/ns/Kind/", "ol:dataset/s3a%3A%2F%2FB/", "ol:dataset/", "ol:job/x/", "ol:run/"),
    *("mytool:", "https://", "Tool://"),
]
TEXTS = st.builds("{}{}".format, st.sampled_from(STARTS), MESSY | PATHS) | MESSY


def accepted(text: str) -> str | None:
    """Return the normal form, or nothing where the text is refused."""
    try:
        return normalise_identifier(text)
    except InvalidInputError:
        return None


@given(TEXTS)
def test_normalising_twice_changes_nothing_more(text: str) -> None:
    normal = accepted(text)
    assert normal is None or normalise_identifier(normal) == normal


@given(TEXTS)
def test_normal_form_is_one_clean_line(text: str) -> None:
    normal = accepted(text)
    if normal is not None:
        scheme, _, value = normal.partition(":")
        assert scheme == scheme.lower()
        assert value
        assert value == value.strip()
        assert not any(ord(char) < 32 or 127 <= ord(char) < 160 for char in normal)
        assert len(normal.encode()) <= IDENTIFIER_BYTES_MAX


@given(MESSY | PATHS)
def test_uri_in_normal_form_is_ascii(text: str) -> None:
    normal = accepted(f"uri:scheme:{text}")
    assert normal is None or normal.isascii()


PASSWORD = st.text("abcXYZ019:@;=&%", min_size=1).map(lambda text: f"secret{text}secret")


@given(
    st.sampled_from(["uri:", "dvc:", "mytool:", "git:repository/"]),
    st.sampled_from(["https", "ssh", "postgres", "git+https"]),
    st.sampled_from(["", "me", "me%40x"]),
    PASSWORD,
)
def test_no_password_survives(before: str, scheme: str, user: str, password: str) -> None:
    normal = accepted(f"{before}{scheme}://{user}:{password}@host/path")
    assert normal is not None
    assert "secret" not in normal


@given(MESSY, MESSY)
def test_dataset_of_is_the_way_back(namespace: str, name: str) -> None:
    try:
        identifier = dataset_identifier(namespace, name)
    except InvalidInputError:
        return
    assert normalise_identifier(identifier) == identifier
    back = dataset_of(identifier)
    assert dataset_identifier(*back) == identifier
    assert dataset_of(dataset_identifier(*back)) == back


@given(MESSY, MESSY)
def test_job_and_run_identifiers_are_normal_forms(namespace: str, name: str) -> None:
    try:
        identifiers = [job_identifier(namespace, name), run_identifier(name)]
    except InvalidInputError:
        return
    assert [normalise_identifier(one) for one in identifiers] == identifiers
