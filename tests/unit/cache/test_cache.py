"""Which plans are found in the cache of a session, and when cached rows are computed and given back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from headrace_driver.cache import levels
from headrace_driver.cache.data import CachedData, KeptRows
from headrace_driver.cache.entries import SessionCache
from headrace_driver.cache.matching import relations_in
from headrace_driver.cache.materialise import Computation, Materialiser
from headrace_driver.errors import SparkError
from headrace_driver.plan import logical as lp
from headrace_driver.plan import types as t
from headrace_driver.plan.expressions import Alias, Attribute, Call, Expression, Literal, new_id
from headrace_driver.plan.physical.operator import ONE_TASK


def _range(end: int = 10) -> lp.Range:
    return lp.Range(0, end, 1, None, (Attribute("id", t.LONG, False, new_id()),))


def _filter(child: lp.LogicalPlan, above: int) -> lp.Filter:
    condition: Expression = Call(">", (child.output[0], Literal(above, t.LONG)), t.BOOLEAN, False)
    return lp.Filter(child, condition)


def _cache() -> tuple[SessionCache, list[CachedData]]:
    forgotten: list[CachedData] = []
    return SessionCache(None, forgotten.append), forgotten


def test_equal_plans_are_found_whatever_their_columns_are_called() -> None:
    cache, _ = _cache()
    cached = cache.add(_filter(_range(), 3), levels.DEFAULT)
    again = _filter(_range(), 3)
    assert cache.find(again) is cached
    assert cache.find(lp.SubqueryAlias(again, "t")) is cached
    assert cache.find(_filter(_range(), 4)) is None
    assert cache.find(_filter(_range(11), 3)) is None


def test_the_outermost_cached_part_is_used_under_the_plans_own_columns() -> None:
    cache, _ = _cache()
    inner = cache.add(_range(), levels.DEFAULT)
    outer = cache.add(_filter(_range(), 3), levels.DEFAULT)
    plan = _filter(_range(), 3)
    whole = lp.Project(plan, (Alias(plan.output[0], "x", new_id()),))
    used = cache.use_in(whole)
    assert relations_in(used) == [outer]
    assert isinstance(used, lp.Project)
    assert used.child.output == plan.output
    assert relations_in(cache.use_in(plan, but=outer)) == [inner]
    assert relations_in(cache.use_in(_filter(_range(), 5))) == [inner]


def test_a_plan_without_cached_parts_is_left_alone() -> None:
    cache, _ = _cache()
    cache.add(_range(), levels.DEFAULT)
    plan = _filter(_range(11), 3)
    assert cache.use_in(plan) is plan


def test_a_level_once_given_stays_and_none_caches_nothing() -> None:
    cache, forgotten = _cache()
    first = cache.add(_range(), levels.DEFAULT)
    assert cache.add(_range(), levels.named("disk_only")) is first
    assert first is not None
    assert first.level is levels.DEFAULT
    assert cache.add(_range(5), levels.NONE) is None
    assert cache.remove(_range())
    assert not cache.remove(_range())
    assert forgotten == [first]


def test_levels_are_spoken_of_as_by_spark() -> None:
    assert levels.DEFAULT.description == "StorageLevel(disk, memory, deserialized, 1 replicas)"
    assert levels.named("Memory_Only_Ser_2").description == "StorageLevel(memory, 2 replicas)"
    with pytest.raises(SparkError, match="Invalid StorageLevel: BAD"):
        levels.named("BAD")


class _Job:
    def __init__(self) -> None:
        self.cancelled = self.released = 0

    def cancel(self, reason: str) -> bool:
        self.cancelled += 1
        return True

    def release(self) -> None:
        self.released += 1


class _Compute:
    """Jobs that end when `gate` opens."""

    def __init__(self) -> None:
        self.jobs: list[_Job] = []
        self.gate = asyncio.Event()
        self.error: Exception | None = None
        self.lost: Callable[[], None] = lambda: None
        self.reads: dict[int, list[CachedData]] = {}

    async def plan(self, cached: CachedData) -> tuple[object, Sequence[CachedData]]:
        return None, self.reads.get(cached.number, [])

    async def submit(self, cached: CachedData, prepared: object, lost: Callable[[], None]) -> Computation:
        self.jobs.append(_Job())
        self.lost = lost

        async def rows() -> KeptRows:
            await self.gate.wait()
            if self.error is not None:
                raise self.error
            return KeptRows(len(self.jobs), 1, 1, 10, 80, 80, ONE_TASK)

        return Computation(self.jobs[-1], rows)


def _data(session: Any = None) -> CachedData:
    return CachedData(_range(), levels.DEFAULT, session)


def test_rows_are_computed_once_and_go_with_the_last_reader() -> None:
    async def play() -> None:
        compute = _Compute()
        materialiser, cached = Materialiser(compute), _data()
        readers = [asyncio.create_task(materialiser.hold(cached)) for _ in range(2)]
        await asyncio.sleep(0)
        compute.gate.set()
        await asyncio.gather(*readers)
        assert len(compute.jobs) == 1
        materialiser.forget(cached)
        materialiser.let_go(cached)
        await asyncio.sleep(0)
        assert compute.jobs[0].released == 0
        materialiser.let_go(cached)
        assert compute.jobs[0].released == 1
        assert cached.kept is None
        assert len(materialiser) == 0

    asyncio.run(play())


def test_nobody_waiting_ends_the_computation() -> None:
    async def play() -> None:
        compute = _Compute()
        materialiser, cached = Materialiser(compute), _data()
        reader = asyncio.create_task(materialiser.hold(cached))
        await asyncio.sleep(0.01)
        reader.cancel()
        await asyncio.sleep(0.01)
        assert (compute.jobs[0].cancelled, compute.jobs[0].released) == (1, 1)
        assert len(materialiser) == 0
        compute.gate.set()
        await materialiser.hold(cached)
        assert cached.kept is not None

    asyncio.run(play())


def test_a_failure_reaches_the_reader_and_the_next_one_tries_again() -> None:
    async def play() -> None:
        compute = _Compute()
        compute.error = ValueError("no such file")
        compute.gate.set()
        materialiser, cached = Materialiser(compute), _data()
        with pytest.raises(ValueError, match="no such file"):
            await materialiser.hold(cached)
        compute.error = None
        await materialiser.hold(cached)
        assert len(compute.jobs) == 2

    asyncio.run(play())


def test_rows_read_by_the_computation_of_others_stay_as_long_as_those() -> None:
    async def play() -> None:
        compute = _Compute()
        compute.gate.set()
        materialiser, inner, outer = Materialiser(compute), _data(), _data()
        compute.reads[outer.number] = [inner]
        await materialiser.hold(outer)
        materialiser.let_go(outer)
        materialiser.forget(inner)
        await asyncio.sleep(0)
        assert inner.kept is not None
        materialiser.forget(outer)
        await asyncio.sleep(0)
        assert [job.released for job in compute.jobs] == [1, 1]
        assert len(materialiser) == 0

    asyncio.run(play())


def test_lost_rows_are_computed_anew_for_the_next_reader() -> None:
    async def play() -> None:
        compute = _Compute()
        compute.gate.set()
        materialiser, cached = Materialiser(compute), _data()
        await materialiser.hold(cached)
        compute.lost()
        assert cached.kept is None
        materialiser.let_go(cached)
        await materialiser.hold(cached)
        assert len(compute.jobs) == 2

    asyncio.run(play())
