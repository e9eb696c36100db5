import asyncio
from threading import Event as Signal

import pytest

from lineage_api.reading import WAITING_PER_THREAD_MAX, Pool
from lineage_schemas.errors import OverloadedError

WAIT_SECONDS = 30


def test_a_call_is_answered_or_its_error_raised() -> None:
    async def use() -> None:
        pool = Pool("test", 2)
        assert await pool.run(lambda: 7) == 7
        with pytest.raises(ZeroDivisionError):
            await pool.run(lambda: 1 // 0)
        pool.close()

    asyncio.run(use())


def test_too_many_calls_are_refused_and_there_is_room_again_later() -> None:
    async def use() -> None:
        pool, opened = Pool("test", 1), Signal()
        room = 1 + WAITING_PER_THREAD_MAX
        calls = [
            asyncio.ensure_future(pool.run(lambda: opened.wait(WAIT_SECONDS))) for _ in range(room)
        ]
        await asyncio.sleep(0)
        with pytest.raises(OverloadedError):
            await pool.run(lambda: True)
        opened.set()
        assert all(await asyncio.gather(*calls))
        assert await pool.run(lambda: True)
        pool.close()

    asyncio.run(use())


def test_who_gives_up_waiting_makes_room() -> None:
    async def use() -> None:
        pool, opened = Pool("test", 1), Signal()
        busy = asyncio.ensure_future(pool.run(lambda: opened.wait(WAIT_SECONDS)))
        waiting = [
            asyncio.ensure_future(pool.run(lambda: True)) for _ in range(WAITING_PER_THREAD_MAX)
        ]
        await asyncio.sleep(0)
        for one in waiting:
            one.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        late = asyncio.ensure_future(pool.run(lambda: "late"))
        opened.set()
        assert await late == "late"
        assert await busy
        pool.close()

    asyncio.run(use())
