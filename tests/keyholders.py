"""Whoever knows the API keys, in the place of a ledger that has made some."""

from __future__ import annotations

from collections.abc import Sequence

from lineage.service import Ledger
from lineage.writing.submission import Principal
from lineage_schemas.access import EVERY, Role
from lineage_schemas.errors import LedgerError, UnauthenticatedError

ADA_KEY = "llk_AdaAdaAdaAdaAdaAdaAdaAda"
BOB_KEY = "llk_BobBobBobBobBobBobBobBob"


class KeyHolderDouble:
    """Knows some keys, and counts how often it was asked."""

    def __init__(self) -> None:
        self.keys = {ADA_KEY: Principal("ada"), BOB_KEY: Principal("bob")}
        self.asked = 0
        self.fails: LedgerError | None = None

    def authenticate(self, secret: str) -> Principal:
        self.asked += 1
        if self.fails is not None:
            raise self.fails
        if secret not in self.keys:
            raise UnauthenticatedError("This credential is not valid here")
        return self.keys[secret]


def let_in(ledger: Ledger, *names: str, roles: Sequence[Role] = (Role.INGEST,)) -> None:
    """Grant roles in every namespace."""
    for name in names:
        for role in roles:
            ledger.access.grant(name, role, [EVERY])


def bearer(credential: str) -> dict[str, str]:
    """Return the header that carries a credential."""
    return {"Authorization": f"Bearer {credential}"}
