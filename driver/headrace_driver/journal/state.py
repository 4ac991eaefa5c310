"""What a journal says when a driver starts: the state its predecessor left, grouped by what it belongs to."""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from headrace_driver.cache.data import CachedData
from headrace_driver.journal.changes import SessionId, unpacked
from headrace_driver.journal.store import JournalStore


@dataclass(frozen=True, slots=True)
class KeptView:
    """A temporary view and its plan, pickled."""

    name: str
    plan: bytes


@dataclass(frozen=True, slots=True)
class KeptCached:
    """A cached plan, pickled with its level. The session may have ended: a clone of it has a checkpoint then."""

    cached_id: str
    session: SessionId
    name: str
    is_checkpoint: bool
    plan: bytes


@dataclass(slots=True)
class KeptSession:
    """What a client had set, named and uploaded."""

    session: SessionId
    server_side_id: str
    settings: dict[str, str] = field(default_factory=dict)
    views: list[KeptView] = field(default_factory=list)
    artifacts: dict[str, int] = field(default_factory=dict)
    """Bytes by name."""
    relations: dict[str, bytes] = field(default_factory=dict)
    """Plans by id."""


@dataclass(frozen=True, slots=True)
class KeptOperation:
    """`responses` of one the driver answered itself, else `query`; `outcome` is empty while the query runs.

    A write has both: `responses` is what its client gets once it is made, known even where `query` cannot be read.
    """

    session: SessionId
    operation_id: str
    digest: bytes
    tags: frozenset[str]
    responses: tuple[bytes, ...] | None
    query: bytes | None
    outcome: str
    error: bytes | None


@dataclass(frozen=True, slots=True)
class KeptStep:
    """A step of planning a job: what had ended before it, and the cluster it was made for."""

    finished_stage: int
    """-1: the first step."""
    shape: tuple[int, int, int, int]
    """Fields of `plan.stage.ClusterShape`."""


@dataclass(frozen=True, slots=True)
class KeptOutput:
    """A task's output that counted: who has it, and the status that told of it."""

    partition: int
    worker_id: str
    incarnation: str
    finished: bytes
    is_judged: bool = True
    """The earlier driver took it as the one that counts; else a worker told of it while there was no driver."""


@dataclass(frozen=True, slots=True)
class KeptRead:
    """Reading of a result partition had begun, after so many responses and rows."""

    partition: int
    attempt: int
    responses_before: int
    rows_before: int
    digest: bytes
    """Of its rows (`RowDigest`); empty where it cannot be lost or has none."""


@dataclass(slots=True)
class KeptJob:
    """A job: its summary, and if somebody can come back to it all that leads to its result."""

    job_id: int
    session_id: str
    operation_id: str
    generation: int
    summary: bytes
    detail: bytes | None
    steps: list[KeptStep] = field(default_factory=list)
    digests: dict[int, bytes] = field(default_factory=dict)
    """By stage."""
    outputs: dict[int, list[KeptOutput]] = field(default_factory=dict)
    """By stage."""
    reads: list[KeptRead] = field(default_factory=list)
    place: str = ""
    moves: str = ""


@dataclass(slots=True)
class KeptState:
    """All a driver needs of the one before it."""

    sessions: list[KeptSession] = field(default_factory=list)
    global_views: list[KeptView] = field(default_factory=list)
    cached: list[KeptCached] = field(default_factory=list)
    """In the order they were made: later ones may read earlier ones."""
    cached_plans: dict[str, CachedData] = field(default_factory=dict)
    """The same, once sessions are open."""
    operations: list[KeptOperation] = field(default_factory=list)
    jobs: dict[int, KeptJob] = field(default_factory=dict)
    workers: dict[str, str] = field(default_factory=dict)
    """Incarnations by name."""
    next_job_id: int = 1


def load(store: JournalStore) -> KeptState:
    """Reads everything. Rows that belong to nothing any more are passed over; raises JournalError for damaged ones."""
    try:
        return _load(store)
    except (sqlite3.DatabaseError, ValueError, TypeError, AttributeError, struct.error) as error:
        # Pages can be damaged that opening does not look at, and hold anything then.
        store.close()
        raise store.damaged(error) from error


def _load(store: JournalStore) -> KeptState:
    state = KeptState(next_job_id=int(store.meta("next_job_id")))
    sessions = {
        (user, name): KeptSession((user, name), side) for user, name, side in store.rows("SELECT * FROM sessions")
    }
    for user, session, key, value in store.rows("SELECT * FROM settings"):
        if (user, session) in sessions:
            sessions[user, session].settings[key] = value
    for user, session, _, spelled, plan in store.rows("SELECT * FROM views ORDER BY rowid"):
        view = KeptView(spelled, plan)
        if not session:
            state.global_views.append(view)
        elif (user, session) in sessions:
            sessions[user, session].views.append(view)
    for user, session, name, size_bytes in store.rows("SELECT * FROM artifacts"):
        if (user, session) in sessions:
            sessions[user, session].artifacts[name] = size_bytes
    for user, session, relation_id, plan in store.rows("SELECT * FROM relations ORDER BY rowid"):
        if (user, session) in sessions:
            sessions[user, session].relations[relation_id] = plan
    state.sessions = list(sessions.values())
    for cached_id, user, session, name, is_checkpoint, plan in store.rows("SELECT * FROM cached ORDER BY rowid"):
        state.cached.append(KeptCached(cached_id, (user, session), name, bool(is_checkpoint), plan))
    state.operations = [
        _operation(row) for row in store.rows("SELECT * FROM operations ORDER BY rowid") if (row[0], row[1]) in sessions
    ]
    state.workers = dict(store.rows("SELECT * FROM workers"))
    _load_jobs(store, state)
    return state


def _operation(row: Iterable[Any]) -> KeptOperation:
    user, session, operation_id, digest, tags, responses, query, outcome, error = row
    return KeptOperation(
        (user, session),
        operation_id,
        digest,
        frozenset(tags.split(",")) - {""},
        tuple(unpacked(responses)) if responses is not None else None,
        query,
        outcome or "",
        error,
    )


def _load_jobs(store: JournalStore, state: KeptState) -> None:
    jobs = state.jobs
    for row in store.rows("SELECT * FROM jobs ORDER BY job_id"):
        jobs[row[0]] = KeptJob(*row)
    for job_id, _, finished, *shape in store.rows("SELECT * FROM steps ORDER BY job_id, step"):
        if job_id in jobs:
            slots, threads, memory_bytes, hosts = shape
            jobs[job_id].steps.append(KeptStep(finished, (slots, threads, memory_bytes, hosts)))
    for job_id, stage_id, digest in store.rows("SELECT * FROM stages"):
        if job_id in jobs:
            jobs[job_id].digests[stage_id] = digest
    for job_id, stage_id, partition, worker_id, incarnation, finished in store.rows("SELECT * FROM outputs"):
        if job_id in jobs:
            output = KeptOutput(partition, worker_id, incarnation, finished)
            jobs[job_id].outputs.setdefault(stage_id, []).append(output)
    for job_id, *read in store.rows("SELECT * FROM reads ORDER BY partition"):
        if job_id in jobs:
            jobs[job_id].reads.append(KeptRead(*read))
    for job_id, place, moves in store.rows("SELECT * FROM writes"):
        if job_id in jobs:
            jobs[job_id].place, jobs[job_id].moves = place, moves or ""
