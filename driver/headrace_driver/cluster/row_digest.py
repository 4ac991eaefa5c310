"""A digest of a result partition, by which a driver that takes over tells whether a partition computed again is the one
its client has a part of: the same rows in the same order, cut into blocks at the same places.

Values count, not bytes: what lies under nulls is left over from anything. The kernel hashes rows; its hash is the same
in every process of one version, and another version's driver finds every partition changed, which is safe.
"""

from __future__ import annotations

import hashlib
import threading

import duckdb
import numpy as np
import pyarrow as pa

MEMORY_LIMIT = "128MB"
"""Rows are hashed a block, of about a megabyte, at a time."""


class RowHashes:
    """The kernel that hashes, shared by all partitions of a driver. From any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connection: duckdb.DuckDBPyConnection | None = None

    def of(self, body: bytes) -> bytes | None:
        """Eight bytes for each row of a block (an Arrow IPC stream), in order; None where a type has no hash."""
        with pa.ipc.open_stream(body) as reader:
            table = reader.read_all()
        if not table.num_columns:
            return b""
        # Two columns may have one name in a result.
        table = table.rename_columns([f"c{position}" for position in range(table.num_columns)])
        columns = ", ".join(table.column_names)
        try:
            with self._lock:
                if self._connection is None:
                    self._connection = duckdb.connect(config={"threads": 1, "memory_limit": MEMORY_LIMIT})
                self._connection.register("block", table)
                hashes = self._connection.execute(f"SELECT hash({columns}) AS h FROM block").fetchnumpy()["h"]
                self._connection.unregister("block")
        except (duckdb.Error, pa.ArrowException):
            return None
        return np.asarray(hashes, dtype=np.uint64).tobytes()


class RowDigest:
    """The digest of one partition, block by block."""

    def __init__(self, hashes: RowHashes) -> None:
        self._hashes = hashes
        self._digest: hashlib.blake2b | None = hashlib.blake2b(digest_size=16)

    def add(self, body: bytes, rows: int) -> None:
        """The next block."""
        if self._digest is not None:
            hashes = self._hashes.of(body)
            if hashes is None:
                self._digest = None
            else:
                self._digest.update(rows.to_bytes(8, "little"))
                self._digest.update(hashes)

    @property
    def octets(self) -> bytes:
        """Of all blocks so far; empty where there is none to be had."""
        return self._digest.digest() if self._digest is not None else b""
