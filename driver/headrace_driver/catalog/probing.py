"""Looks into text files when a read is analysed: names and types of columns that no schema tells.

Runs in the driver, on the kernel, over all rows, as Spark's inference does; what it finds is kept while the files do
not change, because clients send the same read again with every action.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import duckdb

from headrace_driver.catalog.listing import ListedFile
from headrace_driver.errors import ErrorKind, SparkError
from headrace_driver.plan import types as t

MEMORY_LIMIT = "1GB"
FILES_NAMED_MAX = 3
"""Of those that may be the one that cannot be read."""
KEPT_MAX = 512
"""Inferred schemas kept; each is a few kilobytes, however many files it is of."""

_lock = threading.Lock()
_connection: duckdb.DuckDBPyConnection | None = None
_kept: OrderedDict[object, t.StructType] = OrderedDict()


def ask(sql: str, files: Sequence[ListedFile] = ()) -> list[tuple[Any, ...]]:
    """The rows of a query on the driver's kernel. Raises FAILED_READ_FILE for files it can't read: some of those."""
    global _connection
    with _lock:
        if _connection is None:
            _connection = duckdb.connect(config={"threads": 2, "memory_limit": MEMORY_LIMIT})
            _connection.execute("SET TimeZone = 'UTC'")
        cursor = _connection.cursor()
    try:
        rows: list[tuple[Any, ...]] = cursor.execute(sql).fetchall()
        return rows
    except duckdb.Error as error:
        more = f" or {len(files) - FILES_NAMED_MAX} more" if len(files) > FILES_NAMED_MAX else ""
        path = " or ".join(file.path for file in files[:FILES_NAMED_MAX]) + more
        raise SparkError(
            "FAILED_READ_FILE.NO_HINT",
            f"Encountered error while reading file {path}. {str(error).splitlines()[0]}",
            {"path": path},
            sql_state="KD001",
            kind=ErrorKind.SPARK,
        ) from error
    finally:
        cursor.close()


def remembered(files: Sequence[ListedFile], how: tuple[object, ...], infer: Callable[[], t.StructType]) -> t.StructType:
    """The schema inferred of those files in that way, from memory where possible."""
    key = (_digest(files), how)
    with _lock:
        found = _kept.get(key)
        if found is not None:
            _kept.move_to_end(key)
            return found
    found = infer()
    with _lock:
        _kept[key] = found
        while len(_kept) > KEPT_MAX:
            _kept.popitem(last=False)
    return found


def _digest(files: Sequence[ListedFile]) -> bytes:
    """Equal for the same files in the same order, unchanged. A directory may hold a hundred thousand of them, and each
    new one makes another listing: their paths would be most of what is kept."""
    found = hashlib.blake2b(digest_size=16)
    for file in files:
        found.update(f"{file.bytes} {file.modified_ns} {len(file.path)} {file.path}\n".encode(errors="surrogateescape"))
    return found.digest()
