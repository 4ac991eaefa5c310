"""Result blocks on their way through the driver."""

from __future__ import annotations

import asyncio
import errno
import tempfile
from typing import Any

import pytest

from headrace_driver.cluster.spool import BlockSpool, SpoolFull


@pytest.mark.parametrize("in_memory", [True, False])
def test_blocks_come_out_as_they_went_in(in_memory: bool) -> None:
    async def scenario() -> list[tuple[bytes, int]]:
        kept = BlockSpool(in_memory=in_memory)
        for number in range(5):
            await kept.add(bytes([number]) * (1000 + number), number)
        out = [block async for block in kept]
        kept.close()
        return out

    assert asyncio.run(scenario()) == [(bytes([number]) * (1000 + number), number) for number in range(5)]


def test_a_full_disk_is_a_typed_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def write(self, _: bytes) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

        def close(self) -> None: ...

    def opened(**_: Any) -> Full:
        return Full()

    monkeypatch.setattr(tempfile, "TemporaryFile", opened)
    with pytest.raises(SpoolFull) as raised:
        asyncio.run(BlockSpool(in_memory=False).add(b"x" * 10, 1))
    assert raised.value.needed_bytes == 10
