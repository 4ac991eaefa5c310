"""The journal: what is written is there again, all or nothing, in order, for one driver at a time."""

from __future__ import annotations

import asyncio
import pickle
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.errors import RefusedError
from headrace_driver.journal import changes, payloads, schema
from headrace_driver.journal.state import KeptCached, KeptRead, KeptState, load
from headrace_driver.journal.store import Change, FencedError, JournalError, JournalStore
from headrace_driver.journal.writer import JournalWriter, NoJournal
from headrace_driver.plan.expressions import new_id
from headrace_proto.v1 import task_pb2

ME = ("me", "00112233-4455-6677-8899-aabbccddeeff")


def written(directory: Path, *units: list[Change]) -> None:
    store = JournalStore(directory)
    for unit in units:
        store.write(unit, sync=False)
    store.close()


def state_of(directory: Path) -> KeptState:
    store = JournalStore(directory)
    try:
        return load(store)
    finally:
        store.close()


def everything() -> list[list[Change]]:
    """One unit of every kind a driver writes, in an order it could."""
    return [
        [changes.session_opened(ME, "side"), changes.setting_changed(ME, "a", "1")],
        [changes.setting_changed(ME, "b", "2"), changes.setting_changed(ME, "a", None)],
        [changes.view_named(ME, "v", "V", b"plan")],
        [changes.view_named(changes.GLOBAL, "g", "G", b"global plan")],
        [changes.artifact_added(ME, "cache/x", 12)],
        [changes.plan_cached(ME, "c1", "t", False, b"plan and level"), changes.relation_kept(ME, "r1", b"relation")],
        [changes.job_numbers_reserved(1001)],
        [changes.operation_answered(ME, "op-1", b"d1", ["t"], [b"schema", b"", b"rows"])],
        [changes.operation_started(ME, "op-2", b"d2", [], b"query")],
        [changes.job_submitted(7, ME[1], "op-2", 0, b"summary"), changes.write_planned(7, "{}")],
        [changes.step_planned(7, 0, -1, (2, 1, 1 << 40, 1)), *changes.stage_planned(7, 0, b"digest")],
        [changes.output_finished(7, 0, 0, "w", "i", b"f0"), changes.output_finished(7, 0, 1, "w", "i", b"f1")],
        [changes.partition_read(7, 0, 3, 5, 100, b"rows")],
        [changes.commit_begun(7, "{}", "[]")],
        changes.workers_are({"w": "i", "x": "j"}),
        changes.job_ended(7, b"summary", b"detail"),
        [changes.operation_ended(ME, "op-2", "FAILED", b"error")],
        [changes.operation_gone(ME, "op-1")],
        changes.job_released(7),
        [*changes.session_closed(ME), changes.cached_gone("c1")],
    ]


def test_everything_comes_back(tmp_path: Path) -> None:
    units = everything()
    written(tmp_path, *units[:17])
    state = state_of(tmp_path)
    [session] = state.sessions
    assert (session.session, session.server_side_id) == (ME, "side")
    assert session.settings == {"b": "2"}
    assert [(view.name, view.plan) for view in session.views] == [("V", b"plan")]
    assert [(view.name, view.plan) for view in state.global_views] == [("G", b"global plan")]
    assert session.artifacts == {"cache/x": 12}
    assert session.relations == {"r1": b"relation"}
    assert state.cached == [KeptCached("c1", ME, "t", False, b"plan and level")]
    answered, started = state.operations
    assert answered.responses == (b"schema", b"", b"rows")
    assert (answered.tags, answered.outcome) == (frozenset({"t"}), "SUCCEEDED")
    assert (started.query, started.outcome, started.error) == (b"query", "FAILED", b"error")
    job = state.jobs[7]
    assert (job.operation_id, job.detail, job.moves) == ("op-2", b"detail", "[]")
    assert [(step.finished_stage, step.shape) for step in job.steps] == [(-1, (2, 1, 1 << 40, 1))]
    assert job.digests == {0: b"digest"}
    assert [output.finished for output in job.outputs[0]] == [b"f0", b"f1"]
    assert job.reads == [KeptRead(0, 3, 5, 100, b"rows")]
    assert state.workers == {"w": "i", "x": "j"}
    assert state.next_job_id == 1001


def test_what_is_released_is_gone(tmp_path: Path) -> None:
    written(tmp_path, *everything())
    state = state_of(tmp_path)
    assert (state.sessions, state.operations, state.cached) == ([], [], [])
    assert state.jobs[7].outputs == {}
    assert state.jobs[7].detail == b"detail", "for `headrace jobs`"


def test_a_stage_planned_otherwise_takes_its_outputs_away(tmp_path: Path) -> None:
    before = [change for unit in everything()[:12] for change in unit]
    written(tmp_path, before, changes.stage_planned(7, 0, b"digest"))
    assert len(state_of(tmp_path).jobs[7].outputs[0]) == 2
    written(tmp_path, changes.stage_planned(7, 0, b"another"))
    assert state_of(tmp_path).jobs[7].outputs == {}


def _rows(directory: Path) -> dict[str, list[object]]:
    store = JournalStore(directory)
    tables = [name for (name,) in store.rows("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
    found = {table: store.rows(f"SELECT * FROM {table}") for table in tables}
    found["meta"] = [row for row in found["meta"] if row[0] not in ("epoch", "cluster_id")]
    store.close()
    return found


@pytest.fixture(scope="module")
def prefixes(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, list[object]]]]:
    """A journal as a killed driver leaves it, log not checkpointed; and its content after each unit."""
    home = tmp_path_factory.mktemp("prefixes")
    after = []
    for count in range(len(everything()) + 1):
        written(home / f"first-{count}", *everything()[:count])
        after.append(_rows(home / f"first-{count}"))
    store = JournalStore(home / "open")
    for unit in everything():
        store.write(unit, sync=False)
    shutil.copytree(home / "open", home / "killed")
    store.close()
    return home / "killed", after


@settings(max_examples=80, deadline=None)
@given(cut=st.floats(0, 1), garbage=st.binary(max_size=50))
def test_a_log_torn_anywhere_leaves_whole_units(
    prefixes: tuple[Path, list[dict[str, list[object]]]],
    tmp_path_factory: pytest.TempPathFactory,
    cut: float,
    garbage: bytes,
) -> None:
    killed, after = prefixes
    torn = tmp_path_factory.mktemp("torn") / "journal"
    shutil.copytree(killed, torn)
    (torn / "journal.db-shm").unlink()
    log = (torn / "journal.db-wal").read_bytes()
    assert len(log) > 10_000
    (torn / "journal.db-wal").write_bytes(log[: int(cut * len(log))] + garbage)
    try:
        found = _rows(torn)
    except JournalError:
        raise AssertionError("a torn tail is no damage") from None
    assert found in after, "something between two units"
    shutil.rmtree(torn)


def test_a_unit_is_all_or_nothing(tmp_path: Path) -> None:
    store = JournalStore(tmp_path)
    with pytest.raises(Exception, match="no such table"):
        store.write([changes.session_opened(ME, "side"), Change("INSERT INTO nowhere VALUES (1)", ())], sync=False)
    store.close()
    assert state_of(tmp_path).sessions == []


def test_a_second_driver_is_refused(tmp_path: Path) -> None:
    store = JournalStore(tmp_path)
    imports = "from pathlib import Path; from headrace_driver.journal.store import JournalStore"
    code = f"{imports}; JournalStore(Path({str(tmp_path)!r}))"
    second = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert "RefusedError" in second.stderr
    assert "is in use by the driver with process id" in second.stderr
    with pytest.raises(RefusedError):
        JournalStore(tmp_path)
    store.close()
    JournalStore(tmp_path).close()


def test_an_older_driver_may_not_write(tmp_path: Path) -> None:
    """As on a file system that does not know locks."""
    old = JournalStore(tmp_path)
    old._lock.release()
    new = JournalStore(tmp_path)
    assert new.epoch == old.epoch + 1
    with pytest.raises(FencedError, match="has taken over the journal"):
        old.write([changes.session_opened(ME, "side")], sync=False)
    new.write([changes.session_opened(ME, "new side")], sync=False)
    assert [session.server_side_id for session in load(new).sessions] == ["new side"]
    old.close()
    new.close()


def test_a_driver_that_is_fenced_is_told(tmp_path: Path) -> None:
    told: list[str] = []
    old = JournalStore(tmp_path)
    writer = JournalWriter(old, told.append)
    writer.start()
    old._lock.release()
    new = JournalStore(tmp_path)
    writer.append(changes.session_opened(ME, "side"))
    writer._thread.join(5)
    assert len(told) == 1
    assert load(new).sessions == []
    writer.stop()
    new.close()


def test_another_version_is_refused(tmp_path: Path) -> None:
    written(tmp_path, [Change("UPDATE meta SET value = ? WHERE key = 'version'", (schema.VERSION + 1,))])
    with pytest.raises(JournalError, match=f"this driver writes version {schema.VERSION}"):
        JournalStore(tmp_path)


def test_a_journal_of_the_first_version_is_taken_over(tmp_path: Path) -> None:
    units = everything()
    first = [
        Change("DROP TABLE cached", ()),
        Change("DROP TABLE relations", ()),
        Change("ALTER TABLE reads DROP COLUMN digest", ()),
        Change("INSERT INTO reads VALUES (7, 0, 3, 5, 100)", ()),
        Change("UPDATE meta SET value = 1 WHERE key = 'version'", ()),
    ]
    written(tmp_path, *units[:4], *units[9:11], first)
    state = state_of(tmp_path)
    assert state.jobs[7].reads == [KeptRead(0, 3, 5, 100, b"")]
    assert (state.sessions[0].relations, state.cached) == ({}, [])


def test_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "journal.db").write_bytes(b"not a database, but long enough to be looked at" * 100)
    with pytest.raises(JournalError, match="Move it away"):
        JournalStore(tmp_path)


def test_the_writer_keeps_order_and_units_together(tmp_path: Path) -> None:
    async def go() -> None:
        writer = JournalWriter(JournalStore(tmp_path))
        writer.start()
        writer.append(changes.session_opened(ME, "side"))
        for number in range(100):
            writer.append(changes.setting_changed(ME, "n", str(number)))
        with writer.gathering() as unit:
            writer.append(changes.setting_changed(ME, "gathered", "yes"))
        await writer.written(writer.position)
        store = sqlite3.connect(tmp_path / "journal.db")
        assert store.execute("SELECT value FROM settings").fetchall() == [("99",)]
        store.close()
        assert [change.parameters[2] for change in unit] == ["gathered"]
        writer.append(*unit, changes.setting_changed(ME, "more", "yes"))
        await asyncio.wait_for(writer.synced(), 5)
        writer.stop()

    asyncio.run(go())
    [session] = state_of(tmp_path).sessions
    assert session.settings == {"n": "99", "gathered": "yes", "more": "yes"}


def test_no_journal_keeps_nothing_and_waits_for_nothing() -> None:
    journal = NoJournal()
    journal.append(changes.session_opened(ME, "side"))
    asyncio.run(journal.written(journal.position))
    asyncio.run(journal.synced())


def test_payloads_are_what_they_were_and_nothing_foreign_is_made() -> None:
    files = task_pb2.FileOutput(format="parquet", staging="/s", partition_by=["k"])
    before = new_id()
    assert payloads.load(payloads.dump({"files": files, "n": (1, None)})) == {"files": files, "n": (1, None)}
    assert new_id() > before + 1
    for foreign in (pickle.dumps((payloads.VERSION, 0, pickle.dumps(subprocess.run))), b"", b"garbage"):
        with pytest.raises(payloads.NotReadable):
            payloads.load(foreign)
    with pytest.raises(payloads.NotReadable, match="written by another"):
        payloads.load(pickle.dumps(("another", 0, pickle.dumps(1))))


def test_its_size_is_bounded(tmp_path: Path) -> None:
    """Operations come and go; their room is used again and given back."""
    store = JournalStore(tmp_path)
    big = b"x" * 100_000
    sizes = []
    for number in range(300):
        store.write([changes.operation_started(ME, f"op-{number}", b"", [], big)], sync=False)
        if number >= 10:
            store.write([changes.operation_gone(ME, f"op-{number - 10}")], sync=False)
        store.compact()
        sizes.append(store.bytes_on_disk())
    store.close()
    assert max(sizes) < 12_000_000
