"""The journal's tables. A change of their meaning raises VERSION and adds a step to MIGRATIONS."""

from __future__ import annotations

VERSION = 2

MIGRATIONS: dict[int, str] = {
    1: """
ALTER TABLE reads ADD COLUMN digest BLOB DEFAULT x'';

CREATE TABLE cached (
    cached_id TEXT PRIMARY KEY, user_id TEXT, session_id TEXT,
    name TEXT, is_checkpoint INTEGER, plan BLOB
);

CREATE TABLE relations (
    user_id TEXT, session_id TEXT, relation_id TEXT, plan BLOB,
    PRIMARY KEY (user_id, session_id, relation_id)
)
"""
}
"""From a version to the next."""

TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;

CREATE TABLE sessions (
    user_id TEXT, session_id TEXT, server_side_id TEXT,
    PRIMARY KEY (user_id, session_id)
) WITHOUT ROWID;

CREATE TABLE settings (
    user_id TEXT, session_id TEXT, key TEXT, value TEXT,
    PRIMARY KEY (user_id, session_id, key)
) WITHOUT ROWID;

-- Global views have an empty session.
CREATE TABLE views (
    user_id TEXT, session_id TEXT, name TEXT, spelled TEXT, plan BLOB,
    PRIMARY KEY (user_id, session_id, name)
);

CREATE TABLE artifacts (
    user_id TEXT, session_id TEXT, name TEXT, bytes INTEGER,
    PRIMARY KEY (user_id, session_id, name)
) WITHOUT ROWID;

-- Cached plans, without their rows. Not of a session alone: a checkpoint may outlive it in a clone.
CREATE TABLE cached (
    cached_id TEXT PRIMARY KEY, user_id TEXT, session_id TEXT,
    name TEXT, is_checkpoint INTEGER, plan BLOB
);

-- What commands have left for later plans (checkpoints).
CREATE TABLE relations (
    user_id TEXT, session_id TEXT, relation_id TEXT, plan BLOB,
    PRIMARY KEY (user_id, session_id, relation_id)
);

-- Either `responses` (all of them, length-prefixed) or `query` is set; for a write both: `responses` is then what its
-- client gets once it is made. `outcome` is NULL while the query runs.
CREATE TABLE operations (
    user_id TEXT, session_id TEXT, operation_id TEXT,
    digest BLOB, tags TEXT, responses BLOB, query BLOB, outcome TEXT, error BLOB,
    PRIMARY KEY (user_id, session_id, operation_id)
);

-- `detail` is set when the job has ended; `operation_id` is empty for jobs nobody can come back to.
CREATE TABLE jobs (
    job_id INTEGER PRIMARY KEY, session_id TEXT, operation_id TEXT, generation INTEGER,
    summary BLOB, detail BLOB
);

-- One planning step of a job: which stage had finished (-1: none) and the cluster as it was.
CREATE TABLE steps (
    job_id INTEGER, step INTEGER, finished_stage INTEGER,
    slots INTEGER, threads_per_slot INTEGER, memory_bytes_per_slot INTEGER, hosts INTEGER,
    PRIMARY KEY (job_id, step)
) WITHOUT ROWID;

CREATE TABLE stages (
    job_id INTEGER, stage_id INTEGER, digest BLOB,
    PRIMARY KEY (job_id, stage_id)
) WITHOUT ROWID;

-- The output of each finished task that counts. `finished` is its status, without metrics.
CREATE TABLE outputs (
    job_id INTEGER, stage_id INTEGER, partition INTEGER, worker_id TEXT, incarnation TEXT, finished BLOB,
    PRIMARY KEY (job_id, stage_id, partition)
) WITHOUT ROWID;

-- Result partitions whose reading has begun: how many responses and rows came before, of which attempt, and a digest
-- of its rows.
CREATE TABLE reads (
    job_id INTEGER, partition INTEGER, attempt INTEGER, responses_before INTEGER, rows_before INTEGER,
    digest BLOB DEFAULT x'',
    PRIMARY KEY (job_id, partition)
) WITHOUT ROWID;

-- Writes of files: where they stage, and once the commit has begun what it moves.
CREATE TABLE writes (job_id INTEGER PRIMARY KEY, place TEXT, moves TEXT);

CREATE TABLE workers (worker_id TEXT PRIMARY KEY, incarnation TEXT) WITHOUT ROWID;
"""

OF_SESSION = ("sessions", "settings", "views", "artifacts", "relations", "operations")
OF_JOB = ("steps", "stages", "outputs", "reads", "writes")
