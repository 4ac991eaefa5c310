"""The kernel: one in-memory DuckDB instance for the life of an executor.

The engine's relation API binds every statement twice, and its DB-API materialises results before they become Arrow.
The two calls its own Python layer makes underneath (`_submit`, `_register_source`) do neither: a trivial statement
takes 0.6 ms instead of 1.0 ms, registering a source 0.01 ms instead of 0.4 ms. They are not public, so they are used
here only, the engine's version is bounded in pyproject.toml, and a unit test holds them to what is assumed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

_TRACKED = [
    "query.total_rows_scanned",
    "system.peak_buffer_memory",
    "system.peak_temp_dir_size",
    "io.total_bytes_read",
]

GIVE_BACK_SHARE = 0.8
"""Of what the kernel holds it keeps at least this much when it is told to spill in the middle of a statement: operators
have sized themselves by the limit they found, and one that loses much more than a fifth of it fails."""

_PLANNED_IN_ROW = 8
"""After so many executions of planned statements the optimiser is switched off for them: it looks at each again, for
0.04 ms of the 0.15 that a small one takes. Off and on again costs 0.16 ms."""

OWN_FUNCTIONS = "__hr_"
"""What the names of functions begin with that the engine does not have; programs call them as any other."""

_COUNTING = {True: "SET enable_profiling = 'no_output'", False: "PRAGMA disable_profiling"}

BASE_SETTINGS = {
    # decimal64 instead of decimal128: 28 % fewer bytes in shuffles and faster both ways.
    "arrow_output_version": "1.5",
    "TimeZone": "UTC",
    "preserve_insertion_order": "false",
    "parquet_metadata_cache": "true",
    # Aggregates may be ordered by what turns out to be a constant.
    "order_by_non_integer_literal": "true",
}


@dataclass(frozen=True, slots=True)
class KernelReport:
    """What the engine counted for the last statement."""

    rows_scanned: int = 0
    bytes_read: int = 0
    peak_memory_bytes: int = 0
    spill_bytes: int = 0


class Engine:
    """One DuckDB instance and the one connection that runs tasks."""

    def __init__(self, threads: int, memory_limit_bytes: int, spill_directory: Path) -> None:
        self._threads = threads
        self._memory_limit_bytes = memory_limit_bytes
        self._prepared = 0
        self._open(spill_directory)

    def _open(self, spill_directory: Path) -> None:
        self.spill_directory = spill_directory
        self._connection = duckdb.connect(
            ":memory:",
            config={
                "threads": self._threads,
                "memory_limit": f"{self._memory_limit_bytes}B",
                "temp_directory": str(spill_directory),
                # Extensions come with the wheel; a worker never downloads code.
                "autoinstall_known_extensions": False,
                "allow_community_extensions": False,
            },
        )
        self._watcher = self._connection.cursor()
        self._settings = dict(BASE_SETTINGS)
        self._program_settings: Mapping[str, str] = {}
        self._planned_in_row = 0
        for name, value in BASE_SETTINGS.items():
            self._set(name, value)
        self._connection.execute(_COUNTING[True]).fetchall()
        self._connection.execute(f"SET tracked_metrics = {_TRACKED!r}").fetchall()
        self._counting = True
        self._has_functions = False

    def open_again(self, spill_directory: Path) -> None:
        """A new instance that spills elsewhere: sources, handles and prepared statements of the old one are void."""
        self._open(spill_directory)

    def spill_elsewhere(self, spill_directory: Path) -> bool:
        """Changes where the instance spills. False: it has spilled before, and keeps to where it did."""
        try:
            self._set("temp_directory", str(spill_directory))
        except duckdb.NotImplementedException:
            return False
        self.spill_directory = spill_directory
        return True

    def set_spill_limit(self, limit_bytes: int) -> None:
        """How much may lie on disk before a statement fails; may be called while one runs, from any thread."""
        cursor = self._connection.cursor()
        try:
            cursor.execute(f"SET max_temp_directory_size = '{limit_bytes}B'").fetchall()
        except duckdb.OutOfMemoryException:
            # More than that is held just now; the statement goes on by the old limit.
            pass
        finally:
            cursor.close()

    def count_use(self, counting: bool) -> None:
        """Whether statements are counted for `report`: 0.1 ms each, which only programs that read data are worth."""
        if counting != self._counting:
            self._connection.execute(_COUNTING[counting]).fetchall()
            self._counting = counting

    def configure(self, settings: Mapping[str, str]) -> None:
        """Applies a program's settings over the base ones and takes the last program's back."""
        if settings == self._program_settings:
            return
        self._program_settings = dict(settings)
        wanted = {**BASE_SETTINGS, **settings}
        if wanted == self._settings:
            return
        for name in self._settings.keys() - wanted.keys():
            self._connection.execute(f"RESET {_identifier(name)}").fetchall()
        for name, value in wanted.items():
            if self._settings.get(name) != value:
                self._set(name, value)
        self._settings = wanted

    def set_memory_limit(self, memory_limit_bytes: int) -> None:
        """Changes how much the buffer manager may hold before it spills.

        Also when nothing changes, the allocator then gives what it kept back to the system (400 MB in 70 ms).
        """
        self._memory_limit_bytes = memory_limit_bytes
        self._connection.execute(f"SET memory_limit = '{memory_limit_bytes}B'").fetchall()

    def give_back(self, wanted_bytes: int, floor_bytes: int) -> None:
        """Makes the buffer manager spill while a statement runs, as far as what it holds is not in use just now.

        Call from a thread of its own: evicting takes as long as the disk does. The limit stays lowered.
        """
        cursor = self._connection.cursor()
        try:
            held = int(cursor.execute("SELECT sum(memory_usage_bytes)::BIGINT FROM duckdb_memory()").fetchall()[0][0])
            target = max(floor_bytes, int(held * GIVE_BACK_SHARE), held - wanted_bytes)
            cursor.execute(f"SET memory_limit = '{target}B'").fetchall()
        except duckdb.OutOfMemoryException:
            # All of it is in use. The limit is as it was; the worker's next step is up to the worker.
            pass
        finally:
            cursor.close()

    def stream(self, sql: str, batch_rows: int, planned: bool = False) -> pa.RecordBatchReader:
        """Starts a query; its rows are computed as the reader is read. The reader has to be exhausted or closed.

        `planned`: it executes what `prepare` returned.
        """
        if planned:
            self._planned_in_row += 1
            if self._planned_in_row == _PLANNED_IN_ROW:
                self._connection.execute("PRAGMA disable_optimizer").fetchall()
        else:
            self._optimise()
        self._learn_functions(sql)
        return self._connection._submit(sql, None, "stream", batch_rows).arrow_reader()

    def run(self, sql: str) -> list[tuple[Any, ...]]:
        """Runs a statement with a small result."""
        self._optimise()
        self._learn_functions(sql)
        return list(self._connection._submit(sql, None, "rows").fetchall())

    def prepare(self, sql: str) -> str:
        """Plans a query to be run many times; returns the statement that runs it."""
        self._prepared += 1
        name = f"__stage_{self._prepared}"
        self.run(f"PREPARE {name} AS {sql}")
        return f"EXECUTE {name}"

    def forget(self, execution: str) -> None:
        """Drops the plan made by `prepare`, given the statement that it returned."""
        self.run(f"DEALLOCATE {execution.removeprefix('EXECUTE ')}")

    def source(self, scannable: object) -> Any:
        """Makes an Arrow table or stream source readable under the `name` of the handle, for as long as that lives."""
        return self._connection._register_source(scannable)

    def interrupt(self) -> None:
        """Ends the running statement with an InterruptException; may be called from any thread."""
        self._connection.interrupt()

    def report(self) -> KernelReport:
        """What the last statement used; nothing unless it was counted."""
        if not self._counting:
            return KernelReport()
        return _parse_report(self._connection.get_profiling_information("json"))

    def memory_and_spill_bytes(self) -> tuple[int, int]:
        """What the instance holds now, in memory and on disk; may be called from any thread but only from one."""
        row = self._watcher.execute(
            "SELECT sum(memory_usage_bytes)::BIGINT, sum(temporary_storage_bytes)::BIGINT FROM duckdb_memory()"
        ).fetchall()[0]
        return int(row[0]), int(row[1])

    def _optimise(self) -> None:
        """Before a statement that is not planned yet."""
        if self._planned_in_row >= _PLANNED_IN_ROW:
            self._connection.execute("PRAGMA enable_optimizer").fetchall()
        self._planned_in_row = 0

    def _learn_functions(self, sql: str) -> None:
        """Makes functions of ours known before the first statement that may call one; most executors never do."""
        if self._has_functions or OWN_FUNCTIONS not in sql:
            return
        add_own_functions(self._connection)
        self._has_functions = True

    def _set(self, name: str, value: str) -> None:
        self._connection.execute(f"SET {_identifier(name)} = {literal(value)}").fetchall()


def add_own_functions(connection: duckdb.DuckDBPyConnection) -> None:
    """Functions that the engine does not have, over Arrow vectors."""
    from headrace_worker.spark_hash import murmur3, xxhash64

    for name, function, result in (("murmur3", murmur3, "INTEGER"), ("xxhash64", xxhash64, "BIGINT")):
        connection.create_function(OWN_FUNCTIONS + name, function, None, result, type="arrow", null_handling="special")


def engine_version() -> str:
    """What a worker registers with: hashes, and so shuffles, depend on it."""
    return f"duckdb {duckdb.__version__}"


def literal(text: str) -> str:
    """A string literal of kernel text."""
    return "'" + text.replace("'", "''") + "'"


def quoted(name: str) -> str:
    """An identifier of kernel text."""
    return '"' + name.replace('"', '""') + '"'


def _identifier(name: str) -> str:
    if not name.replace("_", "").isalnum():
        raise ValueError(f"{name!r} is no name of a kernel setting")
    return name


def _parse_report(text: str) -> KernelReport:
    return KernelReport(
        rows_scanned=_number_after('"total_rows_scanned": ', text),
        bytes_read=_number_after('"total_bytes_read": ', text),
        peak_memory_bytes=_number_after('"peak_buffer_memory": ', text),
        spill_bytes=_number_after('"peak_temp_dir_size": ', text),
    )


def _number_after(key: str, text: str) -> int:
    """A number of the engine's JSON report; this is 40 µs a task faster than parsing the whole."""
    begin = text.find(key)
    if begin < 0:
        return 0
    begin += len(key)
    end = begin
    while text[end].isdigit():
        end += 1
    return int(text[begin:end])
