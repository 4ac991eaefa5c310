"""What is noted in a journal, as statements: one function a fact."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from headrace_driver.journal import schema
from headrace_driver.journal.store import Change

SessionId = tuple[str, str]
"""User and session."""
GLOBAL: SessionId = ("", "")
"""Whose views are those of all sessions."""
JOBS_KEPT = 200
"""Ended jobs remembered for `headrace jobs`, as many as a running driver remembers."""


def session_opened(session: SessionId, server_side_id: str) -> Change:
    return Change("INSERT OR REPLACE INTO sessions VALUES (?, ?, ?)", (*session, server_side_id))


def session_closed(session: SessionId) -> list[Change]:
    return [Change(f"DELETE FROM {t} WHERE user_id = ? AND session_id = ?", session) for t in schema.OF_SESSION]


def setting_changed(session: SessionId, key: str, value: str | None) -> Change:
    """None: back to the default."""
    if value is None:
        return Change("DELETE FROM settings WHERE user_id = ? AND session_id = ? AND key = ?", (*session, key))
    return Change("INSERT OR REPLACE INTO settings VALUES (?, ?, ?, ?)", (*session, key, value))


def settings_reset(session: SessionId) -> Change:
    return Change("DELETE FROM settings WHERE user_id = ? AND session_id = ?", session)


def view_named(session: SessionId, name: str, spelled: str, plan: bytes) -> Change:
    return Change("INSERT OR REPLACE INTO views VALUES (?, ?, ?, ?, ?)", (*session, name, spelled, plan))


def view_dropped(session: SessionId, name: str) -> Change:
    return Change("DELETE FROM views WHERE user_id = ? AND session_id = ? AND name = ?", (*session, name))


def artifact_added(session: SessionId, name: str, size_bytes: int) -> Change:
    return Change("INSERT OR REPLACE INTO artifacts VALUES (?, ?, ?, ?)", (*session, name, size_bytes))


def plan_cached(session: SessionId, cached_id: str, name: str, is_checkpoint: bool, plan: bytes) -> Change:
    """Its rows are not the journal's business. `plan` is pickled with the level."""
    values = (cached_id, *session, name, is_checkpoint, plan)
    return Change("INSERT OR REPLACE INTO cached VALUES (?, ?, ?, ?, ?, ?)", values)


def cached_gone(cached_id: str) -> Change:
    return Change("DELETE FROM cached WHERE cached_id = ?", (cached_id,))


def relation_kept(session: SessionId, relation_id: str, plan: bytes) -> Change:
    """What a command has left for later plans."""
    return Change("INSERT OR REPLACE INTO relations VALUES (?, ?, ?, ?)", (*session, relation_id, plan))


def relation_gone(session: SessionId, relation_id: str) -> Change:
    return Change(
        "DELETE FROM relations WHERE user_id = ? AND session_id = ? AND relation_id = ?", (*session, relation_id)
    )


def operation_answered(
    session: SessionId, operation_id: str, digest: bytes, tags: Iterable[str], responses: Sequence[bytes]
) -> Change:
    """An operation whose whole result the driver made itself."""
    values = (*session, operation_id, digest, ",".join(sorted(tags)), packed(responses), "SUCCEEDED")
    return Change(
        "INSERT OR REPLACE INTO operations (user_id, session_id, operation_id, digest, tags, responses, outcome) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        values,
    )


def operation_started(
    session: SessionId,
    operation_id: str,
    digest: bytes,
    tags: Iterable[str],
    query: bytes,
    once_written: Sequence[bytes] | None = None,
) -> Change:
    """An operation whose query runs on the cluster; `once_written` is what the client of a write gets at its end."""
    responses = packed(once_written) if once_written is not None else None
    values = (*session, operation_id, digest, ",".join(sorted(tags)), responses, query)
    return Change(
        "INSERT OR REPLACE INTO operations (user_id, session_id, operation_id, digest, tags, responses, query) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        values,
    )


def operation_ended(session: SessionId, operation_id: str, outcome: str, error: bytes | None) -> Change:
    return Change(
        "UPDATE operations SET outcome = ?, error = ? WHERE user_id = ? AND session_id = ? AND operation_id = ?",
        (outcome, error, *session, operation_id),
    )


def operation_gone(session: SessionId, operation_id: str) -> Change:
    """Its client has everything, or stays away."""
    return Change(
        "DELETE FROM operations WHERE user_id = ? AND session_id = ? AND operation_id = ?", (*session, operation_id)
    )


def job_numbers_reserved(upto: int) -> Change:
    return Change("UPDATE meta SET value = ? WHERE key = 'next_job_id'", (upto,))


def job_submitted(job_id: int, session_id: str, operation_id: str, generation: int, summary: bytes) -> Change:
    """`generation` counts the drivers that have run it; `operation_id` is empty where nobody can come back to it."""
    return Change(
        "INSERT OR REPLACE INTO jobs VALUES (?, ?, ?, ?, ?, NULL)",
        (job_id, session_id, operation_id, generation, summary),
    )


def job_ended(job_id: int, summary: bytes, detail: bytes) -> list[Change]:
    return [
        Change("UPDATE jobs SET summary = ?, detail = ? WHERE job_id = ?", (summary, detail, job_id)),
        Change(
            "DELETE FROM jobs WHERE detail IS NOT NULL AND job_id <= ? "
            "AND job_id NOT IN (SELECT job_id FROM outputs WHERE outputs.job_id = jobs.job_id)",
            (job_id - JOBS_KEPT,),
        ),
    ]


def job_released(job_id: int) -> list[Change]:
    """Nothing of its outputs is needed any more."""
    return [Change(f"DELETE FROM {table} WHERE job_id = ?", (job_id,)) for table in schema.OF_JOB]


def step_planned(job_id: int, step: int, finished_stage: int, shape: tuple[int, int, int, int]) -> Change:
    return Change("INSERT OR REPLACE INTO steps VALUES (?, ?, ?, ?, ?, ?, ?)", (job_id, step, finished_stage, *shape))


def stage_planned(job_id: int, stage_id: int, digest: bytes) -> list[Change]:
    """Outputs noted for a stage of that number before are not of this one, unless the digest is the same."""
    same = "SELECT 1 FROM stages WHERE job_id = ? AND stage_id = ? AND digest = ?"
    return [
        Change(
            f"DELETE FROM outputs WHERE job_id = ? AND stage_id = ? AND NOT EXISTS ({same})",
            (job_id, stage_id, job_id, stage_id, digest),
        ),
        Change("INSERT OR REPLACE INTO stages VALUES (?, ?, ?)", (job_id, stage_id, digest)),
    ]


def output_finished(
    job_id: int, stage_id: int, partition: int, worker_id: str, incarnation: str, finished: bytes
) -> Change:
    return Change(
        "INSERT OR REPLACE INTO outputs VALUES (?, ?, ?, ?, ?, ?)",
        (job_id, stage_id, partition, worker_id, incarnation, finished),
    )


def outputs_dropped(job_id: int, stage_id: int) -> Change:
    """What the stage has computed cannot be credited any more."""
    return Change("DELETE FROM outputs WHERE job_id = ? AND stage_id = ?", (job_id, stage_id))


def partition_read(job_id: int, partition: int, attempt: int, responses: int, rows: int, digest: bytes) -> Change:
    """Reading a result partition begins, after so many responses and rows."""
    values = (job_id, partition, attempt, responses, rows, digest)
    return Change("INSERT OR REPLACE INTO reads VALUES (?, ?, ?, ?, ?, ?)", values)


def write_planned(job_id: int, place: str) -> Change:
    return Change("INSERT OR REPLACE INTO writes VALUES (?, ?, NULL)", (job_id, place))


def commit_begun(job_id: int, place: str, moves: str) -> Change:
    """From here on the write is completed, never aborted."""
    return Change("INSERT OR REPLACE INTO writes VALUES (?, ?, ?)", (job_id, place, moves))


def write_over(job_id: int) -> Change:
    """Committed, or nothing of it is left."""
    return Change("DELETE FROM writes WHERE job_id = ?", (job_id,))


def workers_are(workers: Mapping[str, str]) -> list[Change]:
    """The workers of the cluster and their incarnations."""
    return [
        Change("DELETE FROM workers", ()),
        *(Change("INSERT INTO workers VALUES (?, ?)", worker) for worker in sorted(workers.items())),
    ]


def packed(responses: Iterable[bytes]) -> bytes:
    """Several octet strings as one."""
    return b"".join(part for response in responses for part in (len(response).to_bytes(8, "little"), response))


def unpacked(octets: bytes) -> list[bytes]:
    found, at = [], 0
    while at < len(octets):
        size = int.from_bytes(octets[at : at + 8], "little")
        found.append(octets[at + 8 : at + 8 + size])
        at += 8 + size
    return found
