"""A revocation against writers that are under way: what comes after it is refused."""

from pathlib import Path
from threading import Barrier, Thread

import pytest

from checks import check_ledger
from lineage import open_ledger
from lineage.ledger import Artifact, Ledger, Principal, Role, Statement
from lineage_schemas.errors import ForbiddenError, LedgerError, PreconditionError

WRITERS = 4
ENOUGH = 200


def write(ledger: Ledger, number: int, begun: Barrier) -> int:
    """Write until it is forbidden; return how many were taken."""
    who = Principal("ada")
    for count in range(ENOUGH * 100):
        node = Artifact(key=f"acme:{number}/{count}")
        try:
            ledger.record(
                [Statement(id=f"{number}/{count}", source="ci", records=(node,))], principal=who
            )
        except ForbiddenError:
            return count
        if count == 0:
            begun.wait(timeout=60)
    raise AssertionError("nobody was stopped")


def test_nothing_enters_behind_the_revocation(tmp_path: Path) -> None:
    path = tmp_path / "one.db"
    with open_ledger(path) as first, open_ledger(path) as second:
        view = first.access.grant("ada", Role.INGEST, ["default"])
        begun = Barrier(WRITERS + 1)
        taken: dict[int, int] = {}

        def run(number: int) -> None:
            taken[number] = write(first if number % 2 else second, number, begun)

        threads = [Thread(target=run, args=(number,)) for number in range(WRITERS)]
        for thread in threads:
            thread.start()
        begun.wait(timeout=60)
        revoked = second.access.revoke(view.position)
        for thread in threads:
            thread.join(timeout=60)
        assert revoked.revoked_by is not None
        entries = [
            one
            for start in range(0, first.head().size, 1_000)
            for one in first.entries(start, count=1_000).entries
            if one.source == "ci" and start <= one.position < start + 1_000
        ]
        assert len(entries) == sum(taken.values())
        assert min(taken.values()) >= 1
        assert max(one.position for one in entries) < revoked.revoked_by
        check_ledger(first)


@pytest.mark.parametrize("names", [("bob", "eve"), ("bob", "bob")])
def test_of_two_who_approve_at_once_one_erases(tmp_path: Path, names: tuple[str, str]) -> None:
    path = tmp_path / "one.db"
    node = Artifact(key="acme:a", custom_properties={"owner": "Eve"}, personal=("owner",))
    with open_ledger(path) as first, open_ledger(path) as second:
        first.record([Statement(id="1", source="ci", records=(node,))])
        for name in {"ada", *names}:
            first.access.grant(name, Role.PRIVACY_OFFICER, ["default"])
        at = first.erasures.propose(
            ["acme:a"], legal_basis="GDPR 17", principal=Principal("ada")
        ).position
        assert at is not None
        begun = Barrier(2)
        became: list[int | LedgerError | None] = []

        def run(ledger: Ledger, name: str) -> None:
            begun.wait(timeout=60)
            try:
                became.append(ledger.erasures.approve(at, principal=Principal(name)).position)
            except LedgerError as error:
                became.append(error)

        threads = [
            Thread(target=run, args=(ledger, name))
            for ledger, name in zip((first, second), names, strict=True)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=60)
        decided = first.erasures.proposal(at).decided_by
        if names[0] == names[1]:
            assert became == [decided, decided]
        else:
            assert decided in became
            assert [type(one) for one in became if one != decided] == [PreconditionError]
        check_ledger(first)
