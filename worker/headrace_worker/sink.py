"""Files as a task's output. What is written lies under the job's staging directory; only the driver's commit shows it.

Every attempt writes into a folder of its own there and moves finished files beside it under names no other attempt
uses, so a failed attempt leaves nothing that a commit could pick up.
"""

from __future__ import annotations

import os
import re
import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from headrace_proto.v1 import task_pb2
from headrace_worker.engine import Engine, literal, quoted
from headrace_worker.kernel import ProgramError
from headrace_worker.shuffle.store import no_space_is_typed

_FORMATS = frozenset({"parquet", "csv", "json"})
_ESCAPED_IN_FOLDERS = re.compile("[\x00-\x1f\"#%'*/:=?\\\\\x7f{\\[\\]^]")
"""What Spark escapes in partition folder names; the kernel escapes more."""


@dataclass(frozen=True, slots=True)
class FileSink:
    """Writes one attempt's rows as files."""

    engine: Engine
    spec: task_pb2.FileOutput
    partition: int

    def write(self, sql: str) -> tuple[list[task_pb2.WrittenFile], int]:
        """Runs the program into files; returns them, paths relative to the staging directory, and the rows."""
        if self.spec.format not in _FORMATS:
            raise ProgramError(f"no writer for the format {self.spec.format!r}")
        name = f"part-{self.partition:05d}-{uuid.uuid4()}"
        staging = Path(self.spec.staging)
        work = staging / f".attempt-{uuid.uuid4()}"
        try:
            with no_space_is_typed(staging):
                work.mkdir(parents=True)
                if self.spec.max_rows_per_file:
                    files = self._chunked(sql, work, name)
                else:
                    files = self._copy(f"({sql})", work, f"{name}-c000")
                return self._publish(staging, work, files), sum(rows for _, rows in files)
        finally:
            shutil.rmtree(work, ignore_errors=True)

    def _copy(self, source: str, work: Path, name: str) -> list[tuple[Path, int]]:
        """All rows of a relation, as one file or one a partition folder."""
        if self.spec.partition_by:
            return self._copy_partitioned(source, work, name)
        path = work / f"{name}{self.spec.extension}"
        counted = self.engine.run(f"COPY {source} TO {literal(str(path))} ({self._options()})")
        return [(path, int(counted[0][0]))]

    def _copy_partitioned(self, source: str, work: Path, name: str) -> list[tuple[Path, int]]:
        """One file a partition folder. Only the Parquet writer counts rows by file; others report them as one sum."""
        columns = ", ".join(quoted(column) for column in self.spec.partition_by)
        parquet = self.spec.format == "parquet"
        options = self._options(
            f"PARTITION_BY ({columns})",
            f"FILENAME_PATTERN {literal(name + '.{i}')}",
            f"FILE_EXTENSION {literal(self.spec.extension.lstrip('.'))}",
            "RETURN_STATS true" if parquet else "RETURN_FILES true",
            "OVERWRITE_OR_IGNORE true",
        )
        rows = self.engine.run(f"COPY {source} TO {literal(str(work / 'out'))} ({options})")
        if parquet:
            return [(Path(row[0]), int(row[1])) for row in rows]
        total, paths = int(rows[0][0]), list(rows[0][1])
        return [(Path(path), total if number == 0 else 0) for number, path in enumerate(paths)]

    def _chunked(self, sql: str, work: Path, name: str) -> list[tuple[Path, int]]:
        """Files of at most `max_rows_per_file` rows. The rows are staged in the kernel, which can spill them."""
        limit = self.spec.max_rows_per_file
        folders = ", ".join(quoted(column) for column in self.spec.partition_by)
        window = f"PARTITION BY {folders}" if folders else ""
        self.engine.run(
            f"CREATE OR REPLACE TEMP TABLE __rows_to_write AS "
            f"SELECT *, (row_number() OVER ({window}) - 1) // {limit} AS __file FROM ({sql})"
        )
        try:
            last = self.engine.run("SELECT max(__file) FROM __rows_to_write")[0][0]
            files = []
            for number in range((last or 0) + 1):
                source = f"(SELECT * EXCLUDE (__file) FROM __rows_to_write WHERE __file = {number})"
                files += self._copy(source, work, f"{name}-c{number:03d}")
            return files
        finally:
            self.engine.run("DROP TABLE IF EXISTS __rows_to_write")

    def _options(self, *more: str) -> str:
        options = [f"FORMAT {self.spec.format}", *more]
        if self.spec.copy_options:
            options.append(self.spec.copy_options)
        return ", ".join(options)

    def _publish(self, staging: Path, work: Path, files: list[tuple[Path, int]]) -> list[task_pb2.WrittenFile]:
        """Moves finished files to their names. Empty files are dropped, but for the first task's: it has the schema."""
        written = []
        for path, rows in files:
            if not rows and not self.spec.partition_by and self.partition:
                continue
            folders = path.relative_to(work / "out").parent.parts if self.spec.partition_by else ()
            relative = Path(*(_spark_folder(folder) for folder in folders), path.name)
            target = staging / relative
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(path, target)
            written.append(task_pb2.WrittenFile(path=str(relative), bytes=target.stat().st_size, rows=rows))
        return written


def _spark_folder(folder: str) -> str:
    """`name=value` with Spark's escapes instead of the kernel's."""
    name, _, value = folder.partition("=")
    return f"{_escape(unquote(name))}={_escape(unquote(value))}"


def _escape(text: str) -> str:
    return _ESCAPED_IN_FOLDERS.sub(lambda match: f"%{ord(match.group()):02X}", text)
