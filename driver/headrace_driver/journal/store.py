"""The database of a journal: opened by one driver, written by one thread, read once at the start."""

from __future__ import annotations

import os
import sqlite3
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from headrace.errors import HeadraceError
from headrace_driver.journal import schema
from headrace_driver.journal.lock import DirectoryLock

WAL_BYTES_MAX = 16 << 20
"""The write-ahead log is cut back to this after a checkpoint."""
VACUUM_PAGES = 256
"""Free pages given back to the file system at a time: a megabyte, a few milliseconds."""


class JournalError(HeadraceError):
    """The journal cannot be used; the text says why and what to do."""


class FencedError(JournalError):
    """Another driver has taken the journal over: this one may not act any more."""


@dataclass(frozen=True, slots=True)
class Change:
    """One statement with its parameters."""

    sql: str
    parameters: tuple[Any, ...]


class JournalStore:
    """Opens the journal in a directory, made if need be. From then on any older driver of it is fenced off."""

    def __init__(self, directory: Path) -> None:
        """Raises RefusedError when another driver holds it, JournalError when it is of another version or damaged."""
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = DirectoryLock(directory)
        except OSError as error:
            raise JournalError(f"The journal's directory {directory} cannot be used: {error.strerror}.") from error
        self.directory = directory
        self._path = directory / "journal.db"
        try:
            self._open()
        except (sqlite3.DatabaseError, ValueError) as error:
            self._lock.release()
            raise self.damaged(error) from error
        except BaseException:
            self._lock.release()
            raise

    def _open(self) -> None:
        self.connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        os.chmod(self._path, 0o600)
        run = self.connection.execute
        run("PRAGMA auto_vacuum=INCREMENTAL")
        run("PRAGMA journal_mode=WAL")
        run(f"PRAGMA journal_size_limit={WAL_BYTES_MAX}")
        run("PRAGMA synchronous=FULL")
        run("BEGIN IMMEDIATE")
        if not run("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone():
            self._create()
        self._migrate()
        self.epoch = int(self.meta("epoch")) + 1
        self.cluster_id = str(self.meta("cluster_id"))
        run("UPDATE meta SET value = ? WHERE key = 'epoch'", (self.epoch,))
        run("COMMIT")
        run("PRAGMA synchronous=NORMAL")

    def _create(self) -> None:
        for statement in schema.TABLES.split(";\n"):
            self.connection.execute(statement)
        first = {"version": schema.VERSION, "epoch": 0, "cluster_id": uuid.uuid4().hex, "next_job_id": 1}
        self.connection.executemany("INSERT INTO meta VALUES (?, ?)", first.items())

    def _migrate(self) -> None:
        found = int(self.meta("version"))
        while found in schema.MIGRATIONS:
            for statement in schema.MIGRATIONS[found].split(";\n"):
                self.connection.execute(statement)
            found += 1
        if found != schema.VERSION:
            self.connection.execute("ROLLBACK")
            self.connection.close()
            raise JournalError(
                f"The journal {self._path} is of version {found}, this driver writes version {schema.VERSION}. Start "
                "the driver that wrote it, or give this one another directory with --journal."
            )
        self.connection.execute("UPDATE meta SET value = ? WHERE key = 'version'", (found,))

    def damaged(self, error: Exception) -> JournalError:
        """What a driver says that cannot start with this journal."""
        return JournalError(
            f"The journal {self._path} cannot be read ({error}). Move it away to start with an empty one."
        )

    def meta(self, key: str) -> Any:
        row = self.connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        if row is None:
            raise sqlite3.DatabaseError(f"it says no {key}")
        return row[0]

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        return self.connection.execute(sql, tuple(parameters)).fetchall()

    def write(self, changes: Iterable[Change], *, sync: bool) -> None:
        """All changes or none, on disk when this returns if `sync`, else safe from this process's death only.

        Raises FencedError when another driver has taken over.
        """
        run = self.connection.execute
        if sync:
            run("PRAGMA synchronous=FULL")
        try:
            run("BEGIN IMMEDIATE")
            try:
                if int(self.meta("epoch")) != self.epoch:
                    raise FencedError(
                        f"Another driver has taken over the journal {self.directory}; this one stops, so that two do "
                        "not act on the same sessions and writes."
                    )
                for sql, same in groupby(changes, key=lambda change: change.sql):
                    self.connection.executemany(sql, [change.parameters for change in same])
                if sync:
                    # Without a change of its own a commit would not reach the disk, nor take the earlier ones there.
                    run("UPDATE meta SET value = value WHERE key = 'epoch'")
                run("COMMIT")
            except BaseException:
                if self.connection.in_transaction:
                    run("ROLLBACK")
                raise
        finally:
            if sync:
                run("PRAGMA synchronous=NORMAL")

    def compact(self) -> None:
        """Gives pages of deleted rows back, a bounded number at a time."""
        if self.rows("PRAGMA freelist_count")[0][0] > VACUUM_PAGES:
            self.rows(f"PRAGMA incremental_vacuum({VACUUM_PAGES})")

    def bytes_on_disk(self) -> int:
        """Of database and write-ahead log."""
        return sum(path.stat().st_size for path in self.directory.glob("journal.db*"))

    def close(self) -> None:
        self.connection.close()
        self._lock.release()
