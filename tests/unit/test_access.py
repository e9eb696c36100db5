"""Grants and API keys: what they allow, for how long, and who could do what then."""

import logging
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest

from accounting import access_log
from checks import check_ledger
from doubles import NOON_US, FakeClock, SeededRandomness
from erasing import OWNED, asked, records_of, said
from lineage import open_ledger
from lineage.access import checking
from lineage.access.state import AccessState, read_access
from lineage.ledger import Action, Artifact, Ledger, PartsErased, Principal, Role, TraceQuery
from lineage.service import Ledger as Service
from lineage.stores.base import Reader, Store
from lineage.writing.submission import LOCAL_PRINCIPAL
from lineage_schemas.access import EVERY
from lineage_schemas.errors import (
    ForbiddenError,
    InvalidInputError,
    LedgerError,
    NotFoundError,
    PreconditionError,
    UnauthenticatedError,
)
from lineage_schemas.instants import instant_of

ADA, BOB = Principal("ada"), Principal("bob")
NOON = instant_of(NOON_US)
HOUR_US = 3_600_000_000
TOMORROW = NOON + timedelta(days=1)


class HandClock(FakeClock):
    """A clock that moves only when somebody moves it."""

    def __init__(self) -> None:
        super().__init__(NOON_US, 0)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def ledger(store: Store, clock: HandClock) -> Ledger:
    return Service(store, clock, SeededRandomness(), accounts=access_log())


def can(ledger: Ledger, who: Principal, action: Action, namespace: str = "default") -> bool:
    return ledger.access.allowed(who, action, namespace)


# --- grants --------------------------------------------------------------------------------------


def test_a_grant_says_who_made_it_when_and_for_how_long(ledger: Ledger) -> None:
    view = ledger.access.grant(
        "ada", Role.INGEST, ["b", "a", "b"], sources=["ci"], expires=TOMORROW, reason="onboarding"
    )
    assert ledger.access.grants() == (view,)
    assert (view.grantee, view.role, view.granted_by) == ("ada", Role.INGEST, "local")
    assert (view.namespaces, view.sources) == (("a", "b"), ("ci",))
    assert view.granted_at == "2026-01-01T12:00:00.000000Z"
    assert view.expires == "2026-01-02T12:00:00.000000Z"
    assert (view.in_force, view.revoked_by, view.reason) == (True, None, "onboarding")
    assert ledger.access.is_set_up()
    check_ledger(ledger)


def test_an_ingest_speaks_for_its_sources_in_its_namespaces_alone(ledger: Ledger) -> None:
    ledger.access.grant("ada", Role.INGEST, ["default"], sources=["ci"])
    assert ledger.record([said("1", OWNED)], principal=ADA)
    other = said("2", OWNED)
    with pytest.raises(ForbiddenError, match=r"statement 2"):
        ledger.record([type(other)(id="2", source="dvc", records=(OWNED,))], principal=ADA)
    with pytest.raises(ForbiddenError):
        ledger.record([said("3", OWNED)], namespace="elsewhere", principal=ADA)
    with pytest.raises(ForbiddenError):
        ledger.find("claims", principal=ADA)


def test_a_batch_of_which_one_statement_is_not_allowed_is_refused_whole(ledger: Ledger) -> None:
    ledger.access.grant("ada", Role.INGEST, ["default"], sources=["ci"])
    size = ledger.head().size
    fine = said("1", OWNED)
    foul = type(fine)(id="2", source="dvc", records=(OWNED,))
    with pytest.raises(ForbiddenError):
        ledger.record([fine, foul], principal=ADA)
    assert ledger.head().size == size


def test_a_group_has_what_it_was_granted(ledger: Ledger) -> None:
    ledger.access.grant("group:data", Role.READER, ["default"])
    member = Principal("ada", groups=frozenset({"data", "all"}))
    assert can(ledger, member, Action.READ)
    assert not can(ledger, ADA, Action.READ)
    # Whoever could choose to be called like a group would have its grants.
    assert not can(ledger, Principal("group:data"), Action.READ)


def test_a_grant_ends_when_it_expires_and_not_before(ledger: Ledger, clock: HandClock) -> None:
    ledger.access.grant("ada", Role.READER, ["default"], expires=NOON + timedelta(hours=1))
    clock.now_us = NOON_US + HOUR_US - 1
    assert can(ledger, ADA, Action.READ)
    clock.now_us += 1
    assert not can(ledger, ADA, Action.READ)
    with pytest.raises(ForbiddenError):
        ledger.types(principal=ADA)
    assert [one.in_force for one in ledger.access.grants()] == [False]


def test_a_clock_that_is_put_back_revives_nothing(ledger: Ledger, clock: HandClock) -> None:
    ledger.access.grant("ada", Role.READER, ["default"], expires=NOON + timedelta(hours=1))
    clock.now_us = NOON_US + 2 * HOUR_US
    ledger.record([said("1", OWNED)])
    clock.now_us = NOON_US
    assert not can(ledger, ADA, Action.READ)


def test_a_revoked_grant_holds_no_longer(ledger: Ledger) -> None:
    view = ledger.access.grant("ada", Role.INGEST, ["default"])
    ledger.record([said("1", OWNED)], principal=ADA)
    after = ledger.access.revoke(view.position, reason="left")
    assert (after.in_force, after.revoked_by) == (False, ledger.head().size - 1)
    with pytest.raises(ForbiddenError):
        ledger.record([said("2", OWNED)], principal=ADA)
    with pytest.raises(PreconditionError):
        ledger.access.revoke(view.position)
    assert ledger.access.is_set_up()
    check_ledger(ledger)


def test_a_revocation_counts_for_what_was_prepared_before_it(ledger: Ledger) -> None:
    view = ledger.access.grant("ada", Role.INGEST, ["default"])
    waiting = ledger.prepare([said("1", OWNED)], principal=ADA)
    ledger.access.revoke(view.position)
    (outcome,) = ledger.commit([waiting])
    assert isinstance(outcome, ForbiddenError)


def test_a_position_that_states_no_grant_cannot_be_revoked(ledger: Ledger) -> None:
    with pytest.raises(NotFoundError):
        ledger.access.revoke(0)


@pytest.mark.parametrize(
    ("grantee", "role", "namespaces", "sources"),
    [
        ("", Role.READER, ["a"], []),
        ("local", Role.READER, ["a"], []),
        ("ledger", Role.READER, ["a"], []),
        ("group:", Role.READER, ["a"], []),
        ("group:group:x", Role.READER, ["a"], []),
        ("ada", Role.READER, [], []),
        ("ada", Role.READER, [""], []),
        ("ada", Role.READER, ["a\n"], []),
        ("ada", Role.READER, ["a"], ["ci"]),
        ("ada", Role.OPERATOR, ["a"], []),
        ("ada", Role.KEY_CUSTODIAN, ["a"], []),
        ("ada", Role.READER, [f"n{number}" for number in range(257)], []),
    ],
)
def test_what_no_grant_can_be(
    ledger: Ledger, grantee: str, role: Role, namespaces: list[str], sources: list[str]
) -> None:
    with pytest.raises(InvalidInputError):
        ledger.access.grant(grantee, role, namespaces, sources=sources)
    assert ledger.head().size == 0


def test_what_is_over_already_is_not_granted(ledger: Ledger) -> None:
    with pytest.raises(InvalidInputError):
        ledger.access.grant("ada", Role.READER, ["a"], expires=NOON)


def test_no_namespace_is_called_like_all_of_them(ledger: Ledger) -> None:
    with pytest.raises(InvalidInputError):
        ledger.record([said("1", OWNED)], namespace=EVERY)


# --- administrators ------------------------------------------------------------------------------


def test_an_administrator_grants_in_its_namespaces_and_not_to_itself(ledger: Ledger) -> None:
    access = ledger.access
    access.grant("ada", Role.NAMESPACE_ADMIN, ["a", "b"])
    admin = Principal("ada", groups=frozenset({"admins"}))
    view = access.grant("bob", Role.READER, ["a"], principal=admin)
    assert view.granted_by == "ada"
    for grantee, namespaces in (("bob", ["c"]), ("bob", ["a", "c"]), ("bob", ["*"])):
        with pytest.raises(ForbiddenError):
            access.grant(grantee, Role.READER, namespaces, principal=admin)
    for itself in ("ada", "group:admins"):
        with pytest.raises(ForbiddenError, match="to itself"):
            access.grant(itself, Role.READER, ["a"], principal=admin)
    # A key does not say which groups are its holder's own, so it opens none to anybody.
    by_key = access.authenticate(access.make_key("ada")[0])
    for group in ("group:admins", "group:others"):
        with pytest.raises(ForbiddenError, match="By an API key"):
            access.grant(group, Role.READER, ["a"], principal=by_key)
    assert access.grant("bob", Role.READER, ["b"], principal=by_key).in_force
    with pytest.raises(ForbiddenError):
        access.grant("bob", Role.OPERATOR, ["*"], principal=admin)
    everywhere = access.grant("cyd", Role.READER, ["*"])
    with pytest.raises(ForbiddenError):
        access.revoke(everywhere.position, principal=admin)
    assert not access.revoke(view.position, principal=admin).in_force


def test_an_administrator_sees_the_grants_of_its_namespace_alone(ledger: Ledger) -> None:
    access = ledger.access
    access.grant("ada", Role.NAMESPACE_ADMIN, ["a"])
    access.grant("bob", Role.READER, ["a", "secret place"])
    access.grant("cyd", Role.READER, ["secret place"])
    access.grant("dan", Role.READER, ["*"])
    shown = access.grants(namespace="a", principal=ADA)
    assert [(one.grantee, one.namespaces) for one in shown] == [
        ("ada", ("a",)),
        ("bob", ("a",)),
        ("dan", ("*",)),
    ]
    with pytest.raises(ForbiddenError):
        access.grants(principal=ADA)


def test_an_administrator_hears_of_no_grant_and_no_key_of_another_namespace(
    ledger: Ledger,
) -> None:
    access = ledger.access
    access.grant("ada", Role.NAMESPACE_ADMIN, ["a"])
    both = access.grant("bob", Role.READER, ["a", "secret place"])
    other = access.grant("cyd", Role.READER, ["secret place"])
    keys = [
        access.make_key("bob", reason="for all of Bob's")[1],
        access.make_key("cyd", namespaces=["secret place"])[1],
        access.make_key("cyd", reason="for all of Cyd's")[1],
        access.make_key("cyd", namespaces=["a"])[1],
    ]
    shown = access.api_keys(namespace="a", principal=ADA)
    assert [one.key for one in shown] == [keys[0].key, keys[3].key]
    nowhere = ledger.head().size - 1
    refusals: set[str] = set()
    for position in (both.position, other.position, nowhere, 10**9):
        with pytest.raises(ForbiddenError) as refused:
            access.revoke(position, principal=ADA)
        refusals.add(repr(refused.value))
    for key in (keys[0].key, keys[1].key, keys[2].key, "0" * 16):
        with pytest.raises(ForbiddenError) as refused:
            access.revoke_api_key(key, principal=ADA)
        refusals.add(repr(refused.value))
    assert len(refusals) == 1
    assert "secret place" not in refusals.pop()
    assert not access.revoke_api_key(keys[3].key, principal=ADA).in_force


# --- roles that are kept apart -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"),
    [(Role.INGEST, Role.APPROVER), (Role.OPERATOR, Role.KEY_CUSTODIAN)],
)
@pytest.mark.parametrize("swap", [False, True])
def test_roles_that_are_kept_apart_are_not_granted_together(
    ledger: Ledger, one: Role, other: Role, *, swap: bool
) -> None:
    first, second = (other, one) if swap else (one, other)
    view = ledger.access.grant("ada", first, ["*"])
    with pytest.raises(PreconditionError, match=first.value):
        ledger.access.grant("ada", second, ["*"])
    ledger.access.grant("bob", second, ["*"])
    ledger.access.revoke(view.position)
    ledger.access.grant("ada", second, ["*"])


def test_they_are_kept_apart_in_one_namespace_and_not_across(ledger: Ledger) -> None:
    ledger.access.grant("ada", Role.INGEST, ["a"])
    ledger.access.grant("ada", Role.APPROVER, ["b"])
    assert can(ledger, ADA, Action.INGEST, "a")
    assert not can(ledger, ADA, Action.INGEST, "b")
    assert can(ledger, ADA, Action.APPROVE, "b")
    with pytest.raises(PreconditionError):
        ledger.access.grant("ada", Role.APPROVER, ["*"])


def test_what_a_group_brings_together_allows_neither(ledger: Ledger) -> None:
    ledger.access.grant("ada", Role.INGEST, ["a"])
    ledger.access.grant("group:judges", Role.APPROVER, ["*"])
    both = Principal("ada", groups=frozenset({"judges"}))
    assert not can(ledger, both, Action.INGEST, "a")
    assert not can(ledger, both, Action.APPROVE, "a")
    assert can(ledger, both, Action.APPROVE, "b")
    assert can(ledger, ADA, Action.INGEST, "a")


def test_a_key_that_is_narrowed_to_one_of_them_does_not_get_round_it(ledger: Ledger) -> None:
    ledger.access.grant("ada", Role.APPROVER, ["a"], expires=TOMORROW)
    secret, _ = ledger.access.make_key("ada", roles=[Role.INGEST])
    assert not can(ledger, ledger.access.authenticate(secret), Action.INGEST, "a")


# --- keys ----------------------------------------------------------------------------------------


def test_a_key_speaks_for_whom_it_was_made(ledger: Ledger) -> None:
    ledger.access.grant("ada", Role.INGEST, ["default"])
    secret, view = ledger.access.make_key("ada", expires=TOMORROW, reason="the pipeline")
    who = ledger.access.authenticate(secret)
    assert (who.name, who.key, who.is_local) == ("ada", view.key, False)
    assert ledger.record([said("1", OWNED)], principal=who)
    assert ledger.access.api_keys() == (view,)
    assert secret.split("_")[1] == view.key
    check_ledger(ledger)


def test_a_key_allows_no_more_than_its_principal_and_its_narrowing(ledger: Ledger) -> None:
    ledger.access.grant("ada", Role.READER, ["a", "b"])
    ledger.access.grant("ada", Role.INGEST, ["a"])
    narrowed, _ = ledger.access.make_key("ada", roles=[Role.READER], namespaces=["a", "c"])
    who = ledger.access.authenticate(narrowed)
    allowed = {
        (action, namespace)
        for action in (Action.READ, Action.INGEST)
        for namespace in ("a", "b", "c", "*")
        if can(ledger, who, action, namespace)
    }
    assert allowed == {(Action.READ, "a")}
    source, _ = ledger.access.make_key("ada", sources=["ci"])
    who = ledger.access.authenticate(source)
    assert ledger.access.allowed(who, Action.INGEST, "a", "ci")
    assert not ledger.access.allowed(who, Action.INGEST, "a", "dvc")


def test_a_key_that_is_unknown_expired_revoked_or_wrong_is_refused_in_the_same_words(
    ledger: Ledger, clock: HandClock
) -> None:
    ledger.access.grant("ada", Role.READER, ["default"])
    good, _ = ledger.access.make_key("ada")
    short, _ = ledger.access.make_key("ada", expires=NOON + timedelta(hours=1))
    gone, view = ledger.access.make_key("ada")
    ledger.access.revoke_api_key(view.key)
    clock.now_us += HOUR_US
    wrong = good[:-1] + ("0" if good[-1] != "0" else "1")
    unknown = "llk_" + "0" * 16 + good[20:]
    said_of: set[str] = set()
    for secret in (short, gone, wrong, unknown, "", "llk", "x_y_z", good + "_", "\ud800", good[4:]):
        with pytest.raises(UnauthenticatedError) as refused:
            ledger.access.authenticate(secret)
        said_of.add(str(refused.value))
        assert not secret or secret not in repr(refused.value)
    assert len(said_of) == 1
    assert ledger.access.authenticate(good) == Principal("ada", key=good.split("_")[1])


def test_a_key_that_was_revoked_after_it_was_shown_opens_nothing(ledger: Ledger) -> None:
    ledger.access.grant("ada", Role.INGEST, ["default"])
    secret, view = ledger.access.make_key("ada")
    who = ledger.access.authenticate(secret)
    waiting = ledger.prepare([said("1", OWNED)], principal=who)
    ledger.access.revoke_api_key(view.key, principal=ADA)
    (outcome,) = ledger.commit([waiting])
    assert isinstance(outcome, ForbiddenError)
    with pytest.raises(ForbiddenError):
        ledger.head(principal=who)
    with pytest.raises(PreconditionError):
        ledger.access.revoke_api_key(view.key)


def test_one_makes_keys_for_oneself_and_no_key_makes_keys(ledger: Ledger) -> None:
    ledger.access.grant("ada", Role.READER, ["default"])
    secret, view = ledger.access.make_key("ada", principal=ADA)
    assert view.issued_by == "ada"
    with pytest.raises(ForbiddenError):
        ledger.access.make_key("ada", principal=ledger.access.authenticate(secret))
    with pytest.raises(ForbiddenError):
        ledger.access.make_key("bob", principal=ADA)


def test_an_administrator_makes_keys_for_machines_that_ingest_in_its_namespaces(
    ledger: Ledger,
) -> None:
    access = ledger.access
    access.grant("ada", Role.NAMESPACE_ADMIN, ["a"])
    access.grant("ada", Role.APPROVER, ["b"])
    access.grant("ada", Role.NAMESPACE_ADMIN, ["b"])
    access.make_key("robot", roles=[Role.INGEST], namespaces=["a"], principal=ADA)
    refused: list[tuple[list[Role], list[str]]] = [
        ([], ["a"]),
        ([Role.READER], ["a"]),
        ([Role.INGEST], []),
        ([Role.INGEST], ["a", "c"]),
        ([Role.INGEST], ["*"]),
        ([Role.INGEST], ["b"]),
    ]
    for roles, namespaces in refused:
        with pytest.raises(ForbiddenError):
            access.make_key("robot", roles=roles, namespaces=namespaces, principal=ADA)


def test_a_key_is_in_no_file_no_log_and_no_error(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with open_ledger(tmp_path / "one.db") as ledger:
        ledger.access.grant("ada", Role.INGEST, ["default"])
        secret, view = ledger.access.make_key("ada")
        who = ledger.access.authenticate(secret)
        note = Artifact(key="acme:n", custom_properties={"note": f"see {secret}, there"})
        (receipt,) = ledger.record([said("1", note)], principal=who)
        assert receipt.secrets_filtered == 1
        shown = [repr(one) for one in (who, view, ledger.access, ledger)]
        try:
            ledger.access.authenticate(secret + "0")
        except LedgerError as error:
            shown.append(repr(error))
        files = [path.read_bytes() for path in tmp_path.iterdir()]
    files += [path.read_bytes() for path in tmp_path.iterdir()]
    hidden = secret.split("_")[2]
    assert len(files) >= 6
    assert not any(hidden.encode() in body for body in files)
    assert not any(hidden in text for text in [*shown, caplog.text])


# --- who could do what then ----------------------------------------------------------------------


def test_who_could_do_what_is_answered_as_of_any_size(ledger: Ledger, clock: HandClock) -> None:
    access = ledger.access
    sizes, wanted = [ledger.head().size], [False]
    view = access.grant("ada", Role.READER, ["default"], expires=NOON + timedelta(hours=5))
    sizes, wanted = [*sizes, ledger.head().size], [*wanted, True]
    clock.now_us += HOUR_US
    access.revoke(view.position)
    sizes, wanted = [*sizes, ledger.head().size], [*wanted, False]
    access.grant("ada", Role.READER, ["default"], expires=NOON + timedelta(hours=2))
    sizes, wanted = [*sizes, ledger.head().size], [*wanted, True]
    clock.now_us += HOUR_US
    ledger.record([said("1", OWNED)])
    sizes, wanted = [*sizes, ledger.head().size], [*wanted, False]
    for size, expected in zip(sizes, wanted, strict=True):
        assert access.allowed(ADA, Action.READ, "default", as_of=size) is expected
    at = [
        access.allowed(ADA, Action.READ, "default", as_of=NOON + timedelta(minutes=minutes))
        for minutes in (-1, 0, 59, 60, 119, 120)
    ]
    assert at == [False, True, True, True, True, False]
    assert [one.in_force for one in access.grants(as_of=sizes[1])] == [True]
    assert [one.in_force for one in access.grants(as_of=sizes[2])] == [False]


def test_a_name_can_be_erased_and_every_proof_still_holds(ledger: Ledger) -> None:
    access = ledger.access
    view = access.grant("ada", Role.READER, ["default"])
    access.make_key("ada")
    root = ledger.head()
    actors = [
        one.position
        for one in ledger.entries(count=100, namespace="lineage").entries
        if any(record.get("name") == "ada" for record in records_of(one))
    ]
    assert len(actors) == 1
    ledger.erasures.erase(asked(*actors, parts=PartsErased.PERSONAL), namespace="lineage")
    (after,) = access.grants()
    assert after.grantee.startswith("actor-")
    assert (after.position, after.role, after.in_force) == (view.position, Role.READER, True)
    assert not can(ledger, ADA, Action.READ)
    assert not access.allowed(ADA, Action.READ, "default", as_of=root.size)
    assert [one.principal for one in access.api_keys()] == [after.grantee]
    check_ledger(ledger)


def test_views_of_access_are_the_same_when_folded_again(ledger: Ledger) -> None:
    view = ledger.access.grant("ada", Role.READER, ["default"])
    ledger.access.make_key("ada")
    ledger.access.revoke(view.position)
    ledger.access.grant("bob", Role.READER, ["default"])
    before = ledger.access.grants(), ledger.access.api_keys()
    assert ledger.rebuild().identical
    assert (ledger.access.grants(), ledger.access.api_keys()) == before
    answer = ledger.trace(TraceQuery(start=("acme:a",)), principal=BOB)
    assert answer.unknown == ("acme:a",)


# --- what a check costs --------------------------------------------------------------------------


class CountingReader:
    """A reader that counts what is asked of it."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> object:
        self.asked.append(name)
        return getattr(self.reader, name)


def test_checking_somebody_who_was_seen_before_costs_two_look_ups(ledger: Ledger) -> None:
    for number in range(50):
        ledger.access.grant(f"reader {number}", Role.READER, ["default"])
    who = Principal("reader 7")
    ledger.types(principal=who)
    with ledger._store.read() as reader:
        counting = CountingReader(reader)
        ledger._checks.check(cast("Reader", counting), who, Action.READ, "default")
        assert counting.asked == ["find", "find"]
        local = CountingReader(reader)
        ledger._checks.check(cast("Reader", local), LOCAL_PRINCIPAL, Action.READ, "default")
        assert local.asked == []


@pytest.mark.parametrize("grants", [10, 100])
def test_what_is_recorded_by_anybody_makes_nobody_read_grants_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, grants: int
) -> None:
    """Statements, holds and disclosures too: only what changes who may do what is one."""
    reads: list[int | None] = []

    def counted(reader: Reader, size: int | None = None) -> AccessState:
        reads.append(size)
        return read_access(reader, size)

    path = tmp_path / "one.db"
    with open_ledger(path) as first, open_ledger(path) as second:
        for number in range(grants):
            first.access.grant(f"reader {number}", Role.READER, ["default"])
        who = Principal("reader 7")
        second.record([said("0", OWNED)])
        assert can(first, who, Action.READ)
        assert can(second, who, Action.READ)
        monkeypatch.setattr(checking, "read_access", counted)
        for number in range(5):
            first.record([said(f"by the first {number}", OWNED)])
            second.record([said(f"by the second {number}", OWNED)])
            held = second.erasures.hold(None, authority="court")
            first.erasures.release(held.position, reason="over")
            second.types(principal=who)
            with second._store.read() as reader:
                counting = CountingReader(reader)
                second._checks.check(cast("Reader", counting), who, Action.READ, "default")
                assert counting.asked == ["find", "find"]
        assert reads == []
        first.access.grant("late", Role.READER, ["default"])
        first.types(principal=who)
        reads.clear()
        for _ in range(5):
            second.types(principal=who)
        assert len(reads) == 1


def test_a_grant_by_another_process_is_seen_at_once(tmp_path: Path) -> None:
    path = tmp_path / "one.db"
    with open_ledger(path) as first, open_ledger(path) as second:
        first.access.grant("ada", Role.READER, ["default"])
        assert can(second, ADA, Action.READ)
        first.access.revoke(first.access.grants()[0].position)
        assert not can(second, ADA, Action.READ)
        first.access.grant("ada", Role.READER, ["default"])
        assert can(second, ADA, Action.READ)
