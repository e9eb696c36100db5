"""What GitHub delivers: kept once, and only where a secret that is known here has signed it."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from urllib.parse import urlencode

import pytest

from canonical import canonical_graph
from github_deliveries import PATH, SECRET, deliver, headers, signature
from lineage.ledger import Principal, Role
from lineage.questions.revisions import read_stated
from lineage.service import Ledger
from lineage_api.app import create_app
from lineage_api.identity.github_servers import GithubServer
from lineage_api.identity.mlflow_servers import MlflowServer
from lineage_api.settings import Settings, check_settings
from lineage_schemas.errors import ForbiddenError, InvalidInputError
from lineage_schemas.mlmd import Artifact, Kind
from lineage_schemas.records import Actor, ActorOrigin, Message, Statement
from surface_client import SurfaceClient, problem, running

ID = "72d3162e-cc78-11e3-81ab-4c9367dc0958"
SHA = "5a" * 20
REPOSITORY = {"id": 17, "full_name": "acme/fraud", "html_url": "https://github.com/acme/fraud"}
PUSH = {
    "ref": "refs/heads/main",
    "before": "00" * 20,
    "after": SHA,
    "commits": [{"id": SHA, "message": "Raise the bar", "timestamp": "2026-01-31T12:00:00Z"}],
    "head_commit": {"id": SHA, "message": "Raise the bar", "timestamp": "2026-01-31T12:00:00Z"},
    "pusher": {"name": "ada"},
    "repository": {**REPOSITORY, "pushed_at": 1_769_860_805},
}
BODY = json.dumps(PUSH).encode()

# From GitHub's page "Validating webhook deliveries": secret, payload, signature.
VECTOR = (
    "It's a Secret to Everybody",
    b"Hello, World!",
    "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
)

Open = Callable[..., AbstractContextManager[SurfaceClient]]


@pytest.fixture
def secret_file(tmp_path: Path) -> Path:
    file = tmp_path / "webhook-secret"
    file.write_text(f"{SECRET}\n")
    return file


@pytest.fixture
def serve(ledger: Ledger, secret_file: Path) -> Open:
    """Serve with some settings changed; one server is known."""

    @contextmanager
    def serving(*servers: GithubServer, **changes: object) -> Iterator[SurfaceClient]:
        known = servers or (GithubServer(name="github.com", secret_files=(str(secret_file),)),)
        settings = Settings(github=known, **changes)  # type: ignore[arg-type]
        with running(create_app(ledger, settings)) as client:
            yield client

    return serving


@pytest.fixture
def client(serve: Open) -> Iterator[SurfaceClient]:
    with serve() as client:
        yield client


def messages(ledger: Ledger) -> list[Message]:
    """Return every message in the log."""
    with ledger._store.read() as reader:
        entries = reader.entries(0, reader.head().size)
        records = [record for entry in entries for record in read_stated(entry) or ()]
    return [one for one in records if isinstance(one, Message)]


def actors(ledger: Ledger) -> list[str]:
    """Return who signed something."""
    with ledger._store.read() as reader:
        entries = reader.entries(0, reader.head().size)
        records = [record for entry in entries for record in read_stated(entry) or ()]
    signed = [one for one in records if isinstance(one, Actor)]
    return [one.name for one in signed if one.origin is ActorOrigin.SIGNED]


def test_a_delivery_is_kept_as_it_came_and_states_what_it_tells(
    client: SurfaceClient, ledger: Ledger
) -> None:
    answer = deliver(client, "push", PUSH, ID)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["outcome"], told["event"], told["flags"]) == ("appended", "push", [])
    known = ledger.looks.known("github:github.com", [f"webhook/{ID}"])[f"webhook/{ID}"]
    assert known.body == BODY
    assert known.position == told["position"]
    assert ledger.show(f"git:commit/{SHA}")[0].node.properties["message"] == "Raise the bar"
    assert actors(ledger) == ["webhook:github/github.com"]


def test_the_signature_is_the_one_in_the_documentation() -> None:
    secret, body, signed = VECTOR
    assert signature(body, secret) == signed


def test_a_delivery_that_comes_twice_is_there_once(client: SurfaceClient, ledger: Ledger) -> None:
    first = deliver(client, "push", PUSH, ID).json()
    size = ledger.head().size
    second = deliver(client, "push", PUSH, ID)
    assert second.status_code == 200
    assert second.json() == first | {"outcome": "duplicate"}
    assert ledger.head().size == size


def test_a_replay_under_another_id_states_nothing_new(
    client: SurfaceClient, ledger: Ledger
) -> None:
    deliver(client, "push", PUSH, ID)
    deliver(client, "push", {**PUSH, "after": "6b" * 20, "commits": []}, "later")
    graph = canonical_graph(ledger)
    assert deliver(client, "push", PUSH, "replayed").json()["outcome"] == "appended"
    assert canonical_graph(ledger) == graph


def test_a_replay_under_the_name_of_another_event_states_nothing(
    client: SurfaceClient, ledger: Ledger
) -> None:
    told = deliver(client, "release", PUSH, ID).json()
    assert (told["flags"], told["statements"]) == (["other_event"], 0)
    assert messages(ledger)[-1].flags == ("other_event",)


def test_an_id_means_one_delivery(client: SurfaceClient, ledger: Ledger) -> None:
    deliver(client, "push", PUSH, ID)
    size = ledger.head().size
    problem(deliver(client, "push", PUSH | {"forced": True}, ID), 409, "statement_conflict")
    assert ledger.head().size == size


def test_a_form_is_signed_as_it_is_sent(client: SurfaceClient, ledger: Ledger) -> None:
    form = urlencode({"payload": BODY.decode()}).encode()
    media = {"Content-Type": "application/x-www-form-urlencoded"}
    assert deliver(client, "push", form, ID, **media).status_code == 200
    known = ledger.looks.known("github:github.com", [f"webhook/{ID}"])[f"webhook/{ID}"]
    assert known.body == BODY
    sent = headers("push", "2", signature(BODY)) | media
    problem(client.send("POST", PATH, content=form, headers=sent), 401, "unauthenticated")


@pytest.mark.parametrize(
    "form", [b"", b"payload", b"other={}", b"payload={}&more=1", b"payload=%FF", b"payload="]
)
def test_what_is_signed_and_no_form_is_refused(
    client: SurfaceClient, ledger: Ledger, form: bytes
) -> None:
    media = {"Content-Type": "application/x-www-form-urlencoded"}
    problem(deliver(client, "push", form, **media), 400, "undecodable")
    assert messages(ledger) == []


# --- signatures ----------------------------------------------------------------------------------

RIGHT = headers("push", ID, signature(BODY))


def without(name: str) -> dict[str, str]:
    return {key: one for key, one in RIGHT.items() if key != name}


WRONG: dict[str, dict[str, str]] = {
    "another secret": headers("push", ID, signature(BODY, "It's no Secret to Everybody")),
    "another body": headers("push", ID, signature(BODY + b" ")),
    "no signature": without("X-Hub-Signature-256"),
    "an empty signature": headers("push", ID, ""),
    "no version": headers("push", ID, signature(BODY).removeprefix("sha256=")),
    "the version before": headers("push", ID, signature(BODY).replace("sha256", "sha1")),
    "a short signature": headers("push", ID, signature(BODY)[:-1]),
    "letters of no alphabet": headers("push", ID, "sha256=" + "\u00e4" * 64),
    "no id": without("X-GitHub-Delivery"),
    "an id of another form": headers("push", "a/b", signature(BODY)),
    "no event": without("X-GitHub-Event"),
    "an event of another form": headers("pu sh", ID, signature(BODY)),
}


@pytest.mark.parametrize("why", WRONG)
def test_what_is_not_signed_is_not_written(client: SurfaceClient, ledger: Ledger, why: str) -> None:
    size = ledger.head().size
    sent = [(key.encode(), one.encode("latin-1")) for key, one in WRONG[why].items()]
    answer = client.send("POST", PATH, content=BODY, headers=sent)  # type: ignore[arg-type]
    problem(answer, 401, "unauthenticated")
    assert answer.headers["www-authenticate"].startswith("GitHub-Signature")
    assert SECRET not in answer.text
    assert ledger.head().size == size


def test_a_header_that_is_there_twice_is_refused(client: SurfaceClient) -> None:
    twice = [*RIGHT.items(), ("X-GitHub-Event", "ping")]
    answer = client.send("POST", PATH, content=BODY, headers=twice)  # type: ignore[arg-type]
    problem(answer, 401, "unauthenticated")


def test_two_secrets_hold_while_one_is_changed(serve: Open, secret_file: Path) -> None:
    old = secret_file.with_name("old")
    old.write_text("another secret that is long")
    server = GithubServer(name="github.com", secret_files=(str(old), str(secret_file)))
    with serve(server) as client:
        assert deliver(client, "push", PUSH).status_code == 200
        secret_file.write_text("and now a third one, for good")
        problem(deliver(client, "push", PUSH, "2"), 401, "unauthenticated")


# --- servers -------------------------------------------------------------------------------------


def test_without_a_secret_or_a_server_nothing_is_taken(serve: Open, ledger: Ledger) -> None:
    with serve(GithubServer(name="github.com")) as client:
        told = problem(deliver(client, "push", PUSH), 412, "failed_precondition")
        assert "github, secret_files" in str(told["hint"])
        told = problem(deliver(client, "push", PUSH, path=f"{PATH}?server=x"), 404, "not_found")
        assert PATH in str(told["hint"])
    with running(create_app(ledger, Settings())) as client:
        problem(deliver(client, "push", PUSH), 404, "not_found")
    assert messages(ledger) == []


def test_accounts_have_secrets_of_their_own_and_speak_for_nobody_else(
    serve: Open, ledger: Ledger, secret_file: Path
) -> None:
    files = (str(secret_file),)
    servers = (
        GithubServer(name="github.com/acme", secret_files=files, source="code"),
        GithubServer(name="github.com/other", secret_files=files),
        GithubServer(name="ghe.example.org:8443", secret_files=files, namespace="team"),
    )
    with serve(*servers) as client:
        problem(deliver(client, "push", PUSH), 404, "not_found")
        told = [
            deliver(client, "push", PUSH, path=f"{PATH}?server={one.name}").json()
            for one in servers
        ]
    assert [one["flags"] for one in told] == [[], ["other_owner"], []]
    assert [one["statements"] for one in told] == [1, 0, 1]
    assert f"webhook/{ID}" in ledger.looks.known("code", [f"webhook/{ID}"])
    (project,) = ledger.show(
        "git:repository/ghe.example.org%3A8443%2Facme%2Ffraud", namespace="team"
    )
    assert project.node.properties["repository"] == "ghe.example.org:8443/acme/fraud"


@pytest.mark.parametrize(
    "servers",
    [
        pytest.param((GithubServer(name="GitHub.com"),), id="capitals"),
        pytest.param((GithubServer(name="github.com/"),), id="no account"),
        pytest.param((GithubServer(name="github.com/a/b"),), id="a repository"),
        pytest.param((GithubServer(name="a"), GithubServer(name="a")), id="twice"),
        pytest.param(
            (GithubServer(name="a", source="s"), GithubServer(name="b", source="s")), id="source"
        ),
        pytest.param((GithubServer(name="a", secret_files=("1", "2", "3")),), id="three secrets"),
        pytest.param(tuple(GithubServer(name=str(one)) for one in range(65)), id="too many"),
    ],
)
def test_servers_that_cannot_be_are_refused_at_the_start(servers: tuple[GithubServer, ...]) -> None:
    with pytest.raises(InvalidInputError, match="GitHub server"):
        check_settings(Settings(github=servers))


def test_a_server_of_each_tool_may_have_one_name(secret_file: Path) -> None:
    files = (str(secret_file),)
    github = (GithubServer(name="a", secret_files=files),)
    check_settings(Settings(github=github, mlflow=(MlflowServer(name="a", secret_files=files),)))


# --- what is in it -------------------------------------------------------------------------------


def test_a_ping_is_answered_and_says_nothing(client: SurfaceClient, ledger: Ledger) -> None:
    ping = {"zen": "Design for failure.", "hook_id": 1, "hook": {"config": {"secret": "****"}}}
    told = deliver(client, "ping", ping).json()
    assert (told["flags"], told["statements"]) == (["no_lineage"], 0)
    assert messages(ledger)[-1].flags == ("no_lineage",)


@pytest.mark.parametrize(
    ("event", "body", "flag"),
    [
        ("star", {"action": "created", "repository": REPOSITORY}, "unknown_message"),
        ("push", PUSH | {"commits": "none"}, "unreadable_message"),
        ("push", PUSH | {"repository": None}, "unreadable_message"),
        ("push", {"something": "else"}, "other_event"),
        # The log has a limit for the names of properties, and GitHub none for those of branches.
        ("push", PUSH | {"ref": "refs/heads/" + "x" * 1_100}, "unreadable_message"),
    ],
    ids=["an event", "a type", "no repository", "another event", "a long name"],
)
def test_what_is_not_understood_is_kept_with_a_flag(
    client: SurfaceClient, ledger: Ledger, event: str, body: dict[str, object], flag: str
) -> None:
    told = deliver(client, event, body).json()
    assert (told["outcome"], told["flags"], told["statements"]) == ("appended", [flag], 0)
    (message,) = messages(ledger)
    assert message.flags == (flag,)
    assert json.loads(bytes(message.body)) == body


def test_secrets_in_it_are_not_kept(client: SurfaceClient, ledger: Ledger) -> None:
    commit = {"id": SHA, "message": "Use https://user:hunter22@host.example/x"}
    deliver(client, "push", PUSH | {"commits": [commit], "head_commit": commit})
    (message,) = messages(ledger)
    assert b"hunter22" not in bytes(message.body)
    assert message.secrets_filtered == 2
    assert "hunter22" not in str(ledger.show(f"git:commit/{SHA}")[0].node.properties)


@pytest.mark.parametrize(
    "body", [b"[]", b"{", b"1", b"", b"[" * 100_000, b'{"a":"\xff"}'], ids=range(6)
)
def test_what_is_signed_and_no_delivery_is_refused(
    client: SurfaceClient, ledger: Ledger, body: bytes
) -> None:
    problem(deliver(client, "push", body), 400, "undecodable")
    assert messages(ledger) == []


def test_a_body_has_a_limit_and_is_not_compressed(client: SurfaceClient) -> None:
    problem(deliver(client, "push", b'"' + b"x" * 1_100_000 + b'"'), 413, "body_too_large")
    problem(deliver(client, "push", b" " * 2_200_000), 413, "body_too_large")
    told = deliver(client, "push", BODY, **{"Content-Encoding": "gzip"})
    problem(told, 415, "unsupported_encoding")
    told = deliver(client, "push", BODY, **{"Content-Type": "text/plain"})
    problem(told, 415, "unsupported_media_type")


# --- where callers sign in -----------------------------------------------------------------------


def test_it_needs_a_grant_and_no_credential(serve: Open, ledger: Ledger) -> None:
    ledger.access.grant("somebody", Role.READER, ["*"])
    with serve(sign_in="required") as client:
        problem(deliver(client, "push", PUSH), 403, "forbidden")
        name = "webhook:github/github.com"
        ledger.access.grant(name, Role.INGEST, ["default"], sources=["github:github.com"])
        assert deliver(client, "push", PUSH).status_code == 200
        problem(client.get("/log/checkpoint"), 401, "unauthenticated")
    with pytest.raises(InvalidInputError, match="signs what it sends"):
        ledger.access.make_key(name)


def test_a_review_is_told_by_a_server_that_may_ingest(serve: Open, ledger: Ledger) -> None:
    """It was decided at GitHub: here nobody approves by it, and nobody but GitHub can change it."""
    server = "webhook:github/github.com"
    ledger.access.grant(server, Role.INGEST, ["default"], sources=["github:github.com"])
    with serve(sign_in="required") as client:
        for number, action in enumerate(("requested", "approved")):
            told = deliver(client, "deployment_review", review(action), f"review-{number}")
            assert (told.status_code, told.json()["flags"]) == (200, []), told.text
    key = "github:review/github.com/30/1/production"
    (said,) = ledger.show(key, kind=Kind.ARTIFACT)
    assert said.node.properties["decision"] == "approved"
    ledger.access.grant("machine", Role.INGEST, ["default"])
    changed = Artifact(key=key, type="lineage.Approval", properties={"decision": "rejected"})
    forged = Statement(id="s", source="machine", records=(changed,), mapping="github/1")
    with pytest.raises(ForbiddenError, match="approve"):
        ledger.record([forged], principal=Principal("machine"))


def review(action: str) -> dict[str, object]:
    """Return a review of a deployment, with the fields that GitHub's documentation names."""
    run = {"id": 30, "run_attempt": 1, "head_sha": SHA, "updated_at": "2026-01-31T12:05:00Z"}
    return {
        "action": action,
        "since": "2026-01-31T12:04:00Z",
        "environment": "production",
        "approver": {"login": "jo"},
        "workflow_run": run,
        "repository": REPOSITORY,
    }


def test_guessing_is_counted_and_signing_is_not(serve: Open, ledger: Ledger) -> None:
    ledger.access.grant("webhook:github/github.com", Role.INGEST, ["*"])
    with serve(sign_in="required", address_rate=0.001, address_burst=3) as client:
        for number in range(9):
            assert deliver(client, "push", PUSH, str(number)).status_code == 200
        guess = headers("push", ID, signature(BODY, "It's no Secret to Everybody"))
        told = [client.send("POST", PATH, content=BODY, headers=guess) for _ in range(4)]
        assert [one.status_code for one in told] == [401, 401, 401, 429]
