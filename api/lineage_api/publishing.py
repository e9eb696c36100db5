"""What a server does beside answering: it signs, hands the checkpoint out, and finishes erasures.

Nobody waits for it. What fails is logged when it begins to fail and when it ends, and is tried
again at the next tick with the newest checkpoint. ``/readyz`` tells what keeps it from signing and
from handing out; ``lineage doctor`` and ``/metrics`` tell what an erasure has left to do.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

from lineage.clock import Clock, system_clock
from lineage.service import Ledger
from lineage_api.handing import directory_target, hand_to_webhook, webhook_target
from lineage_api.reading import Pool
from lineage_api.settings import Settings, webhook_secret
from lineage_schemas.errors import LedgerError, NotFoundError
from lineage_schemas.integrity import CheckpointAnswer

ACCOUNTS_SECONDS: Final = 1.0
"""How often the access log is looked after."""

FINISH_SECONDS: Final = 60.0
"""How often to look whether an erasure has left something to do."""

_LOG: Final = logging.getLogger(__name__)


class Faults:
    """What fails at present, by what it is; each change of state is logged once."""

    def __init__(self) -> None:
        self._told: dict[str, str] = {}

    def note(self, what: str, fault: LedgerError | None) -> None:
        """Remember that something fails, or (``None``) that it works."""
        before = self._told.get(what)
        if fault is None:
            if self._told.pop(what, None) is not None:
                _LOG.warning("%s: works again", what)
            return
        self._told[what] = str(fault)
        if before is None:
            _LOG.error("%s: %s", what, fault)

    @property
    def text(self) -> str | None:
        """What fails, as one text; ``None`` where nothing does."""
        return "; ".join(f"{what}: {self._told[what]}" for what in sorted(self._told)) or None


class Publisher:
    """Signs and hands out the checkpoints of one ledger. Each of its calls blocks."""

    def __init__(self, ledger: Ledger, settings: Settings, clock: Clock = system_clock) -> None:
        """Take what to sign, where to hand it, and the time that a message is sent at.

        Raises:
            WebhookError: the webhook's URL or secret is none.
        """
        self._ledger = ledger
        self._clock = clock
        self._is_new = True
        self._secret = webhook_secret(settings)
        self._signing = Faults()
        self._anchoring = Faults()
        self._finishing = Faults()
        self._ways: dict[str, Callable[[CheckpointAnswer], object]] = {}
        if settings.anchor_directory:
            directory = Path(settings.anchor_directory).absolute()
            self._ways[directory_target(directory)] = lambda _: ledger.custody.anchor_in_directory(
                directory
            )
        if settings.anchor_webhook:
            url = settings.anchor_webhook
            self._ways[webhook_target(url)] = lambda answer: hand_to_webhook(
                ledger.custody, answer, url, self._secret, self._clock()
            )

    @property
    def signing_fault(self) -> str | None:
        """Why nothing can be signed at present; ``None`` where it can."""
        return self._signing.text

    @property
    def anchoring_fault(self) -> str | None:
        """To whom the checkpoint cannot be handed at present, and why."""
        return self._anchoring.text

    def sign(self) -> None:
        """Sign what was written and not signed yet, whoever wrote it."""
        fault: LedgerError | None = None
        try:
            self._ledger.custody.sign_rest(thorough=self._is_new)
            self._is_new = False
        except LedgerError as error:
            fault = error
        self._signing.note("signing", fault)

    def keep_accounts(self) -> None:
        """Write down who was refused what, and sign the access log, whoever wrote it."""
        fault: LedgerError | None = None
        try:
            self._ledger.keep_accounts()
        except LedgerError as error:
            fault = error
        self._signing.note("signing the access log", fault)

    def finish(self) -> None:
        """Do what an erasure has left to do that was interrupted, or that was in somebody's way."""
        if not self._ledger.custody.signs:
            return
        fault: LedgerError | None = None
        try:
            self._ledger.erasures.finish()
        except LedgerError as error:
            fault = error
        self._finishing.note("finishing an erasure", fault)

    def hand_out(self) -> None:
        """Hand the last checkpoint to those who do not have it yet."""
        if not self._ways:
            return
        try:
            answer = self._ledger.custody.last_checkpoint()
        except NotFoundError:
            return
        except LedgerError as error:
            self._anchoring.note("reading the checkpoint", error)
            return
        self._anchoring.note("reading the checkpoint", None)
        held = {(one.target, one.size, one.root) for one in answer.anchors}
        for target, hand in self._ways.items():
            if (target, answer.size, answer.root) not in held:
                self._anchoring.note(target, _fault_of(hand, answer))


@asynccontextmanager
async def publishing(
    publisher: Publisher, settings: Settings, pool: Pool
) -> AsyncGenerator[None, None]:
    """Sign, hand out and keep accounts again and again, until the block is left."""
    tasks = [
        asyncio.create_task(_repeat(publisher.keep_accounts, ACCOUNTS_SECONDS, pool)),
        asyncio.create_task(_repeat(publisher.sign, settings.publish_seconds, pool)),
        asyncio.create_task(_repeat(publisher.hand_out, settings.anchor_seconds, pool)),
        asyncio.create_task(_repeat(publisher.finish, FINISH_SECONDS, pool)),
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def _repeat(work: Callable[[], None], seconds: float, pool: Pool) -> None:
    while True:
        try:
            await pool.run(work)
        except Exception:  # noqa: BLE001 - a fault of ours must not end what keeps it checkable
            _LOG.exception("What runs beside the server failed")
        await asyncio.sleep(seconds)


def _fault_of(
    hand: Callable[[CheckpointAnswer], object], answer: CheckpointAnswer
) -> LedgerError | None:
    try:
        hand(answer)
    except LedgerError as error:
        return error
    return None
