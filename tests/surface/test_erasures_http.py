"""Erasures that take two, through HTTP: who may, what is told again, what is refused and how."""

import json
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

import httpx
import pytest

from access_table import COLUMNS, TABLE, may
from doubles import FakeClock, SeededRandomness
from erasing import OWNED, A, entry_at, said
from keyholders import bearer
from lineage.erasure.proposing import PROPOSAL_DAYS
from lineage.ledger import PartsErased, open_ledger
from lineage.service import Ledger
from lineage_api.app import create_app
from lineage_api.rest.erasures import BODY_BYTES_MAX
from lineage_api.settings import Settings
from lineage_schemas.access import Role
from lineage_schemas.errors import StoreError
from lineage_schemas.limits import INT_MAX
from surface_client import Object, SurfaceClient, problem, running

PATH = "/api/v1/erasures"
ASKED: Object = {"targets": [A], "legal_basis": "GDPR 17(1)", "reason": "they asked"}
MOST_DAYS_US = PROPOSAL_DAYS * 86_400_000_000


class Office:
    """A server of a ledger with one thing to erase, and officers with keys of their own."""

    def __init__(self, ledger: Ledger, client: SurfaceClient, clock: FakeClock) -> None:
        self.ledger = ledger
        self.client = client
        self.clock = clock
        (receipt,) = ledger.record([said("1", OWNED)])
        assert receipt.position is not None
        self.at = receipt.position
        self.keys = {
            name: self.made(name, Role.PRIVACY_OFFICER, "default") for name in ("ada", "bob", "eve")
        }

    def made(self, name: str, role: Role, *namespaces: str) -> str:
        """Grant a role, and return a key."""
        self.ledger.access.grant(name, role, namespaces)
        return self.ledger.access.make_key(name)[0]

    def post(self, who: str, path: str, body: object, **more: str) -> httpx.Response:
        """Send a body as somebody, by name or key."""
        headers = bearer(self.keys.get(who, who)) | {"Content-Type": "application/json"} | more
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.client.send("POST", f"{PATH}{path}", content=content, headers=headers)

    def get(self, who: str, path: str = "", **more: str) -> httpx.Response:
        """Ask as somebody."""
        headers = bearer(self.keys.get(who, who)) | more
        return self.client.send("GET", f"{PATH}{path}", headers=headers)

    def proposed(self, who: str = "ada", **changes: object) -> int:
        """Propose, and return where that is stated."""
        answer = self.post(who, "", ASKED | changes)
        assert answer.status_code == 200, answer.text
        return int(answer.json()["position"])

    def is_erased(self) -> bool:
        """Whether it is."""
        return entry_at(self.ledger, self.at).erased is PartsErased.PERSONAL


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    clock = FakeClock()
    path = tmp_path / "ledger.db"
    with (
        open_ledger(path, clock=clock, randomness=SeededRandomness()) as ledger,
        running(create_app(ledger, Settings(sign_in="required"))) as client,
    ):
        yield Office(ledger, client, clock)


def test_one_proposes_and_another_approves(office: Office) -> None:
    planned = office.post("ada", "/plan", {"targets": [A]}).json()
    assert (planned["positions"], planned["position"]) == ([office.at], None)
    at = office.proposed()
    assert not office.is_erased()
    (listed,) = office.get("bob").json()["proposals"]
    assert listed == office.get("bob", f"/{at}").json()
    assert (listed["state"], listed["requester"], listed["positions"]) == (
        "open",
        "ada",
        [office.at],
    )
    answer = office.post("bob", f"/{at}/approve", {})
    assert answer.status_code == 200
    assert (answer.json()["refused"], answer.json()["scrubbed"]) == (False, True)
    assert office.is_erased()
    shown = office.get("eve", f"/{at}").json()
    assert (shown["state"], shown["decider"]) == ("erased", "bob")
    assert shown["decided_by"] == answer.json()["position"]


def test_sent_again_nothing_is_done_again(office: Office) -> None:
    at = office.proposed()
    assert office.proposed() == at
    first = office.post("bob", f"/{at}/approve", {})
    size = office.ledger.head().size
    again = office.post("bob", f"/{at}/approve", {})
    assert again.json() == first.json()
    other = office.proposed("ada", targets=[office.at], parts="all")
    refused = office.post("bob", f"/{other}/refuse", {"reason": "keep the facts"}).json()
    assert refused == office.post("bob", f"/{other}/refuse", {"reason": "x"}).json()
    assert office.ledger.head().size == size + 2


def test_what_an_approval_could_not_finish_it_finishes_when_sent_again(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = office.proposed()
    custody = type(office.ledger.custody)
    with monkeypatch.context() as broken:

        def fail(_: object) -> None:
            raise StoreError("The sidecar cannot be written")

        broken.setattr(custody, "remember_erasures", fail)
        problem(office.post("bob", f"/{at}/approve", {}), 503, "store_unavailable")
    assert office.is_erased()
    assert office.post("bob", f"/{at}/approve", {}).json()["scrubbed"]


def test_nobody_approves_what_they_proposed(office: Office) -> None:
    at = office.proposed()
    document = problem(office.post("ada", f"/{at}/approve", {}), 403, "forbidden")
    assert document["detail"] == "Whoever proposes an erasure cannot approve it"
    second = office.ledger.access.make_key("ada")[0]
    problem(office.post(second, f"/{at}/approve", {}), 403, "forbidden")
    assert not office.is_erased()


def test_what_was_decided_is_not_decided_again(office: Office) -> None:
    at = office.proposed()
    office.post("bob", f"/{at}/refuse", {"reason": "wrong person"})
    document = problem(office.post("eve", f"/{at}/approve", {}), 412, "failed_precondition")
    assert "it was refused" in str(document["detail"])
    assert document["where"] == f"by position {office.ledger.head().size - 1}"
    assert document["hint"]
    problem(office.post("eve", f"/{at}/refuse", {"reason": "x"}), 412, "failed_precondition")
    assert not office.is_erased()


def test_an_expired_one_is_not_approved(office: Office) -> None:
    at = office.proposed()
    office.clock.now_us += MOST_DAYS_US
    document = problem(office.post("bob", f"/{at}/approve", {}), 412, "failed_precondition")
    assert "expired" in str(document["detail"])
    assert office.get("bob", f"/{at}").json()["state"] == "expired"
    assert office.proposed() != at


def test_what_is_gone_meanwhile_is_told_and_not_erased_twice(office: Office) -> None:
    first, second = office.proposed(), office.proposed("bob")
    office.post("eve", f"/{second}/approve", {})
    answer = office.post("eve", f"/{first}/approve", {}).json()
    assert (answer["positions"], answer["position"], answer["refused"]) == ([], None, False)
    assert office.get("eve", f"/{first}").json()["state"] == "nothing-left"
    problem(office.post("ada", "", ASKED), 412, "failed_precondition")


def test_a_hold_refuses_and_the_answer_says_so(office: Office) -> None:
    at = office.proposed()
    office.ledger.erasures.hold(A, authority="Court of Ghent")
    answer = office.post("bob", f"/{at}/approve", {})
    assert answer.status_code == 200
    assert answer.json()["refused"]
    assert answer.json()["objections"][0]["name"] == "Court of Ghent"
    assert not office.is_erased()


def test_pages_and_what_nobody_has_decided(office: Office) -> None:
    first, second = office.proposed(), office.proposed("bob")
    page = office.get("eve", "?count=1").json()
    assert [one["position"] for one in page["proposals"]] == [first]
    rest = office.get("eve", f"?count=5&start={page['next_position']}").json()
    assert [one["position"] for one in rest["proposals"]] == [second]
    assert rest["next_position"] is None
    office.post("eve", f"/{first}/refuse", {"reason": "no"})
    undecided = office.get("eve", "?undecided=true").json()["proposals"]
    assert [one["position"] for one in undecided] == [second]
    for query in ("?count=0", "?count=1001", "?start=-1", "?undecided=maybe", "?count=1e1"):
        problem(office.get("eve", query), 400, "invalid_argument")
    problem(office.get("eve", "?page=1"), 400, "invalid_argument")


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("", {"targets": [A]}, "undecodable"),
        ("", {"targets": [A], "legal_basis": "b", "approver": "bob"}, "undecodable"),
        ("", {"targets": [-1], "legal_basis": "b"}, "undecodable"),
        ("", {"targets": [INT_MAX + 1], "legal_basis": "b"}, "undecodable"),
        ("", {"targets": [A], "legal_basis": "b", "parts": "half"}, "undecodable"),
        ("", {"targets": [], "legal_basis": "b"}, "invalid_argument"),
        ("", {"targets": [A], "legal_basis": " "}, "invalid_argument"),
        ("", b"[" * 100_000, "undecodable"),
        ("", b"\xff", "undecodable"),
        ("/0/approve", b"", "undecodable"),
        ("/0/approve", {"reason": "x"}, "undecodable"),
        ("/0/refuse", {}, "undecodable"),
        ("/0/refuse", {"reason": ""}, "invalid_argument"),
    ],
)
def test_what_is_sent_wrongly_is_refused(
    office: Office, path: str, body: object, code: str
) -> None:
    size = office.ledger.head().size
    document = problem(office.post("ada", path, body), 400, code)
    assert document["detail"]
    assert office.ledger.head().size == size


def test_positions_that_are_no_proposals_are_not_there(office: Office) -> None:
    for text in ("0", str(office.at), str(INT_MAX), str(INT_MAX + 1), "9" * 5_000, "-1", "x", "²"):
        problem(office.get("ada", f"/{text}"), 404, "not_found")
        problem(office.post("ada", f"/{text}/approve", {}), 404, "not_found")


def test_a_foreign_page_can_send_nothing_without_asking_for_leave(office: Office) -> None:
    """A form or a script of another page sends no JSON unless a preflight lets it: none does."""
    at = office.proposed()
    for media_type in ("text/plain", "application/x-www-form-urlencoded", ""):
        more = {"Content-Type": media_type}
        problem(office.post("bob", f"/{at}/approve", {}, **more), 415, "unsupported_media_type")
    large = json.dumps(ASKED | {"reason": "x" * BODY_BYTES_MAX}).encode()
    problem(office.post("ada", "", large), 413, "body_too_large")
    assert not office.is_erased()


def test_another_namespace_has_proposals_of_its_own(office: Office) -> None:
    office.ledger.record([said("1", OWNED)], namespace="team")
    zoe = office.made("zoe", Role.PRIVACY_OFFICER, "team")
    at = office.proposed()
    team = {"Lineage-Namespace": "team"}
    problem(office.post(zoe, f"/{at}/approve", {}), 403, "forbidden")
    problem(office.post(zoe, f"/{at}/approve", {}, **team), 404, "not_found")
    problem(office.get("ada", "?namespace=team"), 403, "forbidden")
    assert office.get(zoe, "?namespace=team").json() == {"proposals": [], "next_position": None}
    made = office.post(zoe, "?namespace=team", ASKED).json()
    assert office.get(zoe, f"/{made['position']}", **team).json()["requester"] == "zoe"


def test_nobody_is_served_without_a_credential(office: Office) -> None:
    at = office.proposed()
    for method, path in (("GET", PATH), ("POST", PATH), ("POST", f"{PATH}/{at}/approve")):
        problem(office.client.send(method, path), 401, "unauthenticated")


def test_the_access_log_tells_who_looked(office: Office) -> None:
    at = office.proposed()
    office.get("bob", f"/{at}", **{"Lineage-Purpose": "request 12"})
    problem(office.post("ada", f"/{at}/approve", {}), 403, "forbidden")
    problem(office.get("bob", "/999999"), 404, "not_found")
    problem(office.post("bob", "/999999/refuse", {"reason": "no"}), 404, "not_found")
    records = office.ledger.access.log().records
    said = [(one.who, one.access) for one in records]
    told = [(who, one.door, one.operation, one.text, one.purpose) for who, one in said]
    assert ("ada", "http", "propose", "propose(str)", "") in told
    assert ("bob", "http", "proposal", "proposal(int)", "request 12") in told
    # That a thing is not there is an answer too.
    errors = [(who, one.operation, one.error) for who, one in said if one.error]
    assert errors == [("bob", "proposal", "not_found"), ("bob", "refuse", "not_found")]


DOORS: dict[str, tuple[str, Callable[[Office, str, int], httpx.Response]]] = {
    "plan": ("plan-erasure", lambda one, who, _: one.post(who, "/plan", {"targets": [A]})),
    "propose": ("propose-erasure", lambda one, who, _: one.post(who, "", ASKED)),
    "list": ("see-restraints", lambda one, who, _: one.get(who)),
    "show": ("see-restraints", lambda one, who, at: one.get(who, f"/{at}")),
    "approve": ("approve-erasure", lambda one, who, at: one.post(who, f"/{at}/approve", {})),
    "refuse": (
        "approve-erasure",
        lambda one, who, at: one.post(who, f"/{at}/refuse", {"reason": "no"}),
    ),
}


def test_the_doors_take_actions_of_the_table() -> None:
    assert {action for action, _ in DOORS.values()} <= set(COLUMNS)


@pytest.mark.parametrize("role", TABLE)
def test_a_role_opens_the_doors_that_the_table_says(office: Office, role: str) -> None:
    who = office.made("max", Role(role), "*")
    for action, door in DOORS.values():
        at = office.proposed()
        answer = door(office, who, at)
        if may(role, action):
            assert answer.status_code == 200, answer.text
        else:
            problem(answer, 403, "forbidden")
            assert office.get("ada", f"/{at}").json()["state"] == "open"
        if office.is_erased():
            office.ledger.record([said(f"anew-{at}", OWNED)])


@pytest.mark.parametrize(("role", "door"), list(product(TABLE, DOORS)))
def test_a_role_in_another_namespace_opens_none(office: Office, role: str, door: str) -> None:
    if role in {"operator", "key-custodian"}:
        who = office.ledger.access.make_key("max")[0]
    else:
        who = office.made("max", Role(role), "elsewhere")
    at = office.proposed()
    problem(DOORS[door][1](office, who, at), 403, "forbidden")
    assert office.get("ada", f"/{at}").json()["state"] == "open"


def test_where_nobody_signs_in_everybody_is_one_person(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with (
        open_ledger(path, clock=FakeClock(), randomness=SeededRandomness()) as ledger,
        running(create_app(ledger, Settings())) as client,
    ):
        ledger.record([said("1", OWNED)])
        at = client.post(PATH, ASKED).json()["position"]
        document = problem(client.post(f"{PATH}/{at}/approve", {}), 403, "forbidden")
        assert "lineage redact" in str(document["hint"])
        assert client.post(f"{PATH}/{at}/refuse", {"reason": "no"}).json()["decider"] == "local"
        assert client.get(PATH).json()["proposals"][0]["state"] == "refused"
