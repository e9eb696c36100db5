"""No call of a ledger is open to whoever was granted nothing, and none is forgotten."""

from collections.abc import Callable, Iterator
from inspect import isfunction
from io import BytesIO
from pathlib import Path

import pytest

from access_table import may
from accounting import access_log
from doubles import FakeClock, SeededRandomness
from erasing import OWNED, A, asked, said
from lineage import open_ledger
from lineage.access.control import AccessControl
from lineage.anchoring.keys import MemoryKeys
from lineage.anchoring.notary import Notary
from lineage.anchoring.sidecar import MemorySidecar
from lineage.custody import Custody
from lineage.erasures import Erasures
from lineage.exploring import Exploring
from lineage.ledger import (
    Action,
    BetweenQuery,
    ColumnsQuery,
    CommonQuery,
    CompareQuery,
    DiffQuery,
    HistoryQuery,
    ImpactQuery,
    Ledger,
    PathsQuery,
    Principal,
    ProofQuery,
    ProvenanceQuery,
    Role,
    Shown,
    TraceQuery,
    WhyQuery,
)
from lineage.linking import Linking
from lineage.looks import Looks
from lineage.moving.leaving import Moves
from lineage.proofs.tiles import ENTRIES, Tile
from lineage.recovery import Recoverer
from lineage.registry import Registry
from lineage.reporting import Reports
from lineage.service import Ledger as Service
from lineage.stores.memory import MemoryStore
from lineage.watching import Watching
from lineage_schemas.errors import ForbiddenError, LedgerError, StoreError

EVE = Principal("eve")
ADA = Principal("ada")
Call = Callable[[Ledger, Principal], object]

CALLS: dict[str, Call] = {
    "Ledger.record": lambda one, who: one.record([said("x", OWNED)], principal=who),
    "Ledger.basis": lambda one, who: one.basis(principal=who),
    "Ledger.trace": lambda one, who: one.trace(TraceQuery(start=(A,)), principal=who),
    "Exploring.trace": lambda one, who: one.graph.trace(TraceQuery(start=(A,)), principal=who),
    "Ledger.trace_ids": lambda one, who: one.trace_ids(TraceQuery(start=(A,)), principal=who),
    "Exploring.trace_ids": lambda one, who: one.graph.trace_ids(
        TraceQuery(start=(A,)), principal=who
    ),
    "Exploring.columns": lambda one, who: one.graph.columns(ColumnsQuery(dataset=A), principal=who),
    "Exploring.paths": lambda one, who: one.graph.paths(PathsQuery(start=A, end=A), principal=who),
    "Exploring.common": lambda one, who: one.graph.common(CommonQuery(start=(A, A)), principal=who),
    "Exploring.impact": lambda one, who: one.graph.impact(ImpactQuery(start=(A,)), principal=who),
    "Exploring.orphans": lambda one, who: one.graph.orphans(principal=who),
    "Exploring.cycles": lambda one, who: one.graph.cycles(principal=who),
    "Exploring.history": lambda one, who: one.graph.history(HistoryQuery(node=A), principal=who),
    "Exploring.late": lambda one, who: one.graph.late(principal=who),
    "Ledger.show": lambda one, who: one.show(A, principal=who),
    "Ledger.contexts_of": lambda one, who: one.contexts_of([], principal=who),
    "Ledger.find": lambda one, who: one.find("claims", principal=who),
    "Ledger.list_nodes": lambda one, who: one.list_nodes("artifact", principal=who),
    "Exploring.diff": lambda one, who: one.graph.diff(
        DiffQuery(trace=TraceQuery(start=(A,))), 0, principal=who
    ),
    "Exploring.between": lambda one, who: one.graph.between(BetweenQuery(first=0), principal=who),
    "Exploring.provenance": lambda one, who: one.graph.provenance(
        ProvenanceQuery(subject=A), principal=who
    ),
    "Exploring.compare": lambda one, who: one.graph.compare(
        CompareQuery(one=A, other=A), principal=who
    ),
    "Linking.links": lambda one, who: one.linking.links(principal=who),
    "Linking.unresolved": lambda one, who: one.linking.unresolved(principal=who),
    "Linking.why": lambda one, who: one.linking.why(WhyQuery(one=A, other=A), principal=who),
    "Linking.conflicts": lambda one, who: one.linking.conflicts(principal=who),
    "Reports.dossier": lambda one, who: one.reports.dossier(A, principal=who),
    "Registry.model": lambda one, who: one.registry.model(A, principal=who),
    "Registry.serving": lambda one, who: one.registry.serving(principal=who),
    "Ledger.types": lambda one, who: one.types(principal=who),
    "Ledger.entries": lambda one, who: one.entries(principal=who),
    "Ledger.prove": lambda one, who: one.prove(ProofQuery(target=A), principal=who),
    "Ledger.audit": lambda one, who: one.audit(principal=who),
    "Ledger.rebuild": lambda one, who: one.rebuild(principal=who),
    "Watching.sources": lambda one, who: one.watching.sources(principal=who),
    "Watching.faults": lambda one, who: one.watching.faults(principal=who),
    "Watching.expect": lambda one, who: one.watching.expect("ci", 60, principal=who),
    "Custody.state": lambda one, who: one.custody.state(principal=who),
    "Moves.back_up": lambda one, who: one.moves.back_up(Path("/dev/null/nowhere"), principal=who),
    "Moves.export": lambda one, who: one.moves.export(BytesIO(), principal=who),
    "Looks.known": lambda one, who: one.looks.known("shelf", ["thing/a"], principal=who),
    "Looks.revisions": lambda one, who: one.looks.revisions("shelf", "thing/a", principal=who),
    "Looks.subjects": lambda one, who: one.looks.subjects("shelf", "thing", principal=who),
    "Looks.scans": lambda one, who: one.looks.scans("shelf", principal=who),
    "Custody.rotate_key": lambda one, who: one.custody.rotate_key("why", principal=who),
    "Custody.anchor_in_directory": lambda one, who: one.custody.anchor_in_directory(
        Path("/dev/null/nowhere"), principal=who
    ),
    "Custody.note_anchor": lambda one, who: one.custody.note_anchor(
        "x", one.custody.checkpoint(), principal=who
    ),
    "Erasures.plan": lambda one, who: one.erasures.plan([A], principal=who),
    "Erasures.erase": lambda one, who: one.erasures.erase(asked(A), principal=who),
    "Erasures.propose": lambda one, who: one.erasures.propose([A], legal_basis="b", principal=who),
    "Erasures.approve": lambda one, who: one.erasures.approve(0, principal=who),
    "Erasures.refuse": lambda one, who: one.erasures.refuse(0, reason="r", principal=who),
    "Erasures.proposal": lambda one, who: one.erasures.proposal(0, principal=who),
    "Erasures.proposals": lambda one, who: one.erasures.proposals(principal=who),
    "Erasures.proposal_page": lambda one, who: one.erasures.proposal_page(principal=who),
    "Erasures.hold": lambda one, who: one.erasures.hold(A, authority="court", principal=who),
    "Erasures.retain": lambda one, who: one.erasures.retain(
        A, retention_class="c", keep_days=1, legal_basis="b", principal=who
    ),
    "Erasures.release": lambda one, who: one.erasures.release(0, reason="r", principal=who),
    "Erasures.restraints": lambda one, who: one.erasures.restraints(principal=who),
    "Recoverer.adopt": lambda one, who: _recoverer(one).adopt(b"", principal=who),
    "Recoverer.declare_loss": lambda one, who: _recoverer(one).declare_loss("r", principal=who),
    "AccessControl.grant": lambda one, who: one.access.grant(
        "bob", Role.READER, ["default"], principal=who
    ),
    "AccessControl.revoke": lambda one, who: one.access.revoke(
        one.access.grants()[0].position, principal=who
    ),
    "AccessControl.grants": lambda one, who: one.access.grants(principal=who),
    "AccessControl.who": lambda one, who: one.access.who(Action.READ, principal=who),
    "AccessControl.log": lambda one, who: one.access.log(principal=who),
    "AccessControl.make_key": lambda one, who: one.access.make_key("eve", principal=who),
    "AccessControl.revoke_api_key": lambda one, who: one.access.revoke_api_key(
        one.access.api_keys()[0].key, principal=who
    ),
    "AccessControl.api_keys": lambda one, who: one.access.api_keys(principal=who),
}
"""Calls that need a grant: none of them does anything for whoever has none."""

SIGNED_IN: dict[str, Call] = {
    "Ledger.head": lambda one, who: one.head(principal=who),
    "Custody.checkpoint": lambda one, who: one.custody.checkpoint(principal=who),
    "Custody.last_checkpoint": lambda one, who: one.custody.last_checkpoint(principal=who),
    "Custody.prove_growth": lambda one, who: one.custody.prove_growth(
        one.custody.checkpoint().note.encode(), principal=who
    ),
    "Custody.tile": lambda one, who: one.custody.tile(Tile(0, 0, 1), principal=who),
    "Custody.keys": lambda one, who: one.custody.keys(principal=who),
    "Custody.prove_handover": lambda one, who: one.custody.prove_handover(principal=who),
}
"""Calls that show no data of anybody's: whoever is signed in may make them."""

TAKES = {
    "Ledger.record": "ingest",
    "Ledger.entries": "read-entries",
    "Exploring.between": "read-entries",
    "Exploring.history": "read-entries",
    "Exploring.late": "read-entries",
    "Ledger.prove": "prove",
    "Ledger.audit": "audit",
    "Ledger.rebuild": "rebuild",
    "Watching.faults": "operate",
    "Watching.expect": "ingest",
    "Custody.state": "operate",
    "Moves.back_up": "backup",
    "Moves.export": "export",
    "Looks.known": "ingest",
    "Looks.revisions": "ingest",
    "Looks.subjects": "ingest",
    "Looks.scans": "ingest",
    "Custody.rotate_key": "rotate-key",
    "Custody.anchor_in_directory": "anchor",
    "Custody.note_anchor": "anchor",
    "Erasures.plan": "plan-erasure",
    "Erasures.propose": "propose-erasure",
    "Erasures.approve": "approve-erasure",
    "Erasures.refuse": "approve-erasure",
    "Erasures.proposal": "see-restraints",
    "Erasures.proposals": "see-restraints",
    "Erasures.proposal_page": "see-restraints",
    "Erasures.restraints": "see-restraints",
    "Erasures.hold": "restrain",
    "Erasures.retain": "restrain",
    "Erasures.release": "restrain",
    "Recoverer.adopt": "recover",
    "Recoverer.declare_loss": "recover",
    "AccessControl.grant": "grant",
    "AccessControl.revoke": "grant",
    "AccessControl.revoke_api_key": "grant",
    "AccessControl.grants": "see-grants",
    "AccessControl.who": "see-grants",
    "AccessControl.api_keys": "see-grants",
    "AccessControl.log": "read-access-log",
}
"""Which action a call takes; the other calls of the ledger are plain readings."""

OF_ONESELF = {"Erasures.erase", "AccessControl.make_key"}
"""The first is the local principal's alone; the second anybody's who has any role, for oneself."""

INNER = {
    "Ledger.close": "whoever has the object may let go of it",
    "Ledger.keep_accounts": "writes what was counted, and signs it",
    "Ledger.sign": "the ledger's own work",
    "Ledger.prepare_graph": "the ledger's own work",
    "Ledger.origin": "part of every answer",
    "Ledger.prepare": "touches no store; commit checks",
    "Ledger.prepare_message": "as prepare",
    "Ledger.receive": "prepare_message and commit",
    "Ledger.commit": "what record does; each delivery names its principal",
    "Custody.signs": "no call",
    "Custody.begin": "the ledger's own work",
    "Custody.follow": "as begin",
    "Custody.sign_now": "as begin",
    "Custody.catch_up": "as begin",
    "Custody.sign_rest": "as begin",
    "Custody.remember_erasures": "as begin",
    "Custody.tell_others": "as begin",
    "Custody.reading": "opens what a call then checks",
    "Custody.judging": "as reading",
    "Erasures.finish": "does what was allowed before, and interrupted",
    "AccessControl.authenticate": "how somebody comes to be a principal",
    "AccessControl.is_set_up": "whether there is anything to check",
    "AccessControl.allowed": "the check itself",
    "AccessControl.check": "the check itself",
    "AccessControl.tell": "states what a surface gives; grants nothing",
}
"""What needs no action, and why."""


def _recoverer(ledger: Ledger) -> Recoverer:
    assert ledger.recovery is not None
    return ledger.recovery


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Ledger]:
    """Return a ledger in which nobody was granted anything."""
    path = tmp_path / "one.db"
    with open_ledger(path, clock=FakeClock(), randomness=SeededRandomness()) as made:
        made.record([said("1", OWNED)])
        yield made


@pytest.fixture
def ledger(bare: Ledger) -> Ledger:
    """Return a ledger in which Ada may read, and Eve nothing."""
    bare.access.grant("ada", Role.READER, ["default"])
    bare.access.make_key("ada")
    return bare


def test_every_public_call_names_what_it_takes() -> None:
    facades = (
        *(Ledger, Custody, Erasures, Recoverer, AccessControl),
        *(Exploring, Moves, Linking, Looks, Registry, Reports, Watching),
    )
    public = {
        f"{facade.__name__}.{name}"
        for facade in facades
        for name, value in vars(facade).items()
        if not name.startswith("_") and (isfunction(value) or isinstance(value, property))
    }
    assert {*CALLS, *SIGNED_IN, *INNER} == public


@pytest.mark.parametrize("name", CALLS)
def test_a_call_is_refused_to_whoever_was_granted_nothing(ledger: Ledger, name: str) -> None:
    size = ledger.head().size
    with pytest.raises(ForbiddenError):
        CALLS[name](ledger, EVE)
    assert ledger.head().size == size


@pytest.mark.parametrize(
    ("role", "name"), [(role, name) for role in Role for name in CALLS if name not in OF_ONESELF]
)
def test_a_role_opens_the_calls_that_take_its_actions_and_no_other(role: Role, name: str) -> None:
    ledger = in_memory()
    ledger.access.grant("eve", role, ["*"])
    refused = False
    try:
        CALLS[name](ledger, EVE)
    except ForbiddenError:
        refused = True
    except LedgerError:
        pass  # it may, and there is nothing of the kind here
    assert refused is not may(role.value, TAKES.get(name, "read"))


@pytest.mark.parametrize("role", Role)
def test_no_role_erases_on_one_persons_word_and_every_role_makes_its_own_keys(role: Role) -> None:
    ledger = in_memory()
    ledger.access.grant("eve", role, ["*"])
    with pytest.raises(ForbiddenError):
        CALLS["Erasures.erase"](ledger, EVE)
    assert CALLS["AccessControl.make_key"](ledger, EVE)


def in_memory() -> Ledger:
    """Return a ledger that signs, in memory, with something to ask of."""
    randomness = SeededRandomness()
    notary = Notary(MemorySidecar(), MemoryKeys(randomness))
    made = Service(MemoryStore("test/origin"), FakeClock(), randomness, notary, access_log())
    made.record([said("1", OWNED)])
    made.access.grant("ada", Role.READER, ["default"])
    made.access.make_key("ada")
    return made


@pytest.mark.parametrize("name", SIGNED_IN)
def test_checking_the_log_is_open_to_whoever_is_signed_in(ledger: Ledger, name: str) -> None:
    ledger.custody.rotate_key("so that there is a handover")
    assert SIGNED_IN[name](ledger, EVE) is not None


@pytest.mark.parametrize(
    "name", sorted({*CALLS, *SIGNED_IN} - {"AccessControl.revoke", "AccessControl.revoke_api_key"})
)
def test_nobody_but_the_local_principal_acts_where_nothing_is_set_up(
    bare: Ledger, name: str
) -> None:
    with pytest.raises(ForbiddenError):
        {**CALLS, **SIGNED_IN}[name](bare, ADA)


def test_bundles_of_entries_take_an_auditor_of_every_namespace(ledger: Ledger) -> None:
    ledger.access.grant("bob", Role.AUDITOR, ["default"])
    ledger.access.grant("cyd", Role.AUDITOR, ["*"])
    ledger.custody.checkpoint()
    bundle = Tile(ENTRIES, 0, 1)
    for name in ("ada", "bob"):
        with pytest.raises(ForbiddenError):
            ledger.custody.tile(bundle, principal=Principal(name))
    assert ledger.custody.tile(bundle, principal=Principal("cyd"))


def test_what_is_shown_to_whoever_may_is_what_the_local_principal_sees(ledger: Ledger) -> None:
    query = TraceQuery(start=(A,))
    assert ledger.trace(query, principal=ADA) == ledger.trace(query)
    ledger.access.grant("bob", Role.AUDITOR, ["default"])
    proof = ProofQuery(target=A, shown=Shown(facts=False, personal=False))
    assert ledger.prove(proof, principal=Principal("bob")) == ledger.prove(proof)


def test_an_export_is_accounted_for_before_it_is_given(ledger: Ledger) -> None:
    ledger.access.grant("cyd", Role.AUDITOR, ["*"])
    ledger.custody.checkpoint()
    target = BytesIO()
    ledger.moves.export(target, principal=Principal("cyd"))
    (told,) = ledger.access.log().records
    assert (told.who, told.access.operation) == ("cyd", "export")
    assert (told.access.size, told.access.root) == (ledger.head().size, ledger.head().root.hex())
    assert told.access.count == ledger.head().size
    assert target.getvalue()


def test_a_backup_is_accounted_for_before_it_has_its_name(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.access.grant("cyd", Role.OPERATOR, ["*"])
    ledger.custody.checkpoint()
    answer = ledger.moves.back_up(tmp_path / "backup.db", principal=Principal("cyd"))
    (told,) = ledger.access.log().records
    assert (told.who, told.access.operation) == ("cyd", "back_up")
    assert (told.access.size, told.access.root) == (answer.size, answer.root)
    assert told.access.count == answer.size
    accounts = ledger._checks.accounts
    assert accounts is not None

    def fail(*_: object) -> None:
        raise StoreError("The access log cannot be written")

    monkeypatch.setattr(accounts, "tell", fail)
    for path, call in (
        (tmp_path / "second.db", ledger.moves.back_up),
        (tmp_path / "export.jsonl", ledger.moves.export),
    ):
        who = "cyd" if call == ledger.moves.back_up else "dot"
        ledger.access.grant("dot", Role.AUDITOR, ["*"])
        with pytest.raises(StoreError, match="access log"):
            call(path, principal=Principal(who))
        assert not [one for one in tmp_path.iterdir() if one.name.startswith(path.name)]


def test_what_the_local_principal_takes_is_not_accounted_for(
    ledger: Ledger, tmp_path: Path
) -> None:
    ledger.moves.back_up(tmp_path / "backup.db")
    ledger.moves.export(BytesIO())
    assert ledger.access.log().records == ()


def test_handing_the_ledger_over_takes_more_than_reading_all_of_it(ledger: Ledger) -> None:
    ledger.access.grant("cyd", Role.AUDITOR, ["*"])
    with pytest.raises(ForbiddenError):
        ledger.moves.export(BytesIO(), final=True, principal=Principal("cyd"))
    assert ledger.record([said("2", OWNED)])
    ledger.access.grant("cyd", Role.KEY_CUSTODIAN, ["*"])
    ledger.moves.export(BytesIO(), final=True, principal=Principal("cyd"))
    with pytest.raises(LedgerError):
        ledger.record([said("3", OWNED)])


RECORDING = {"Ledger.record", "Watching.expect"}
"""What is refused by the writer, who then signs what others have written."""


@pytest.mark.parametrize("name", sorted({*CALLS} - {"Custody.note_anchor", *RECORDING}))
def test_nothing_is_signed_for_whoever_is_refused(ledger: Ledger, name: str) -> None:
    ledger.custody.checkpoint()
    # Bypassing the service, which would sign.
    ledger._intake.commit([ledger.prepare([said("2", OWNED)])])
    signed = ledger.custody.last_checkpoint()
    assert signed.size < ledger.head().size
    with pytest.raises(ForbiddenError):
        CALLS[name](ledger, EVE)
    assert ledger.custody.last_checkpoint().size == signed.size
