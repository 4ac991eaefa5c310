"""A uniform sample of an output's rows, taken while it streams by."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from headrace_worker.shuffle.blocks import body_from_batches


class RowSampler:
    """Keeps the rows with the smallest random keys; the seed makes every attempt of a task sample alike."""

    def __init__(self, rows: int, columns: Sequence[str], seed: int) -> None:
        self._rows = rows
        self._columns = list(columns)
        self._random = np.random.default_rng(seed)
        self._keys = np.empty(0)
        self._kept: pa.Table | None = None

    def add(self, batch: pa.RecordBatch) -> None:
        """Looks at one batch."""
        keys = self._random.random(batch.num_rows)
        if len(self._keys) == self._rows:
            candidates = np.flatnonzero(keys < self._keys.max())
        else:
            candidates = np.arange(batch.num_rows)
        if not len(candidates):
            return
        taken = pa.Table.from_batches([batch.select(self._columns).take(pa.array(candidates))])
        self._kept = taken if self._kept is None else pa.concat_tables([self._kept, taken])
        self._keys = np.concatenate([self._keys, keys[candidates]])
        if len(self._keys) > self._rows:
            smallest = np.argpartition(self._keys, self._rows)[: self._rows]
            self._keys = self._keys[smallest]
            self._kept = self._kept.take(pa.array(smallest)).combine_chunks()

    def encoded(self) -> bytes:
        """The sample as an Arrow IPC stream; empty when there were no rows."""
        if self._kept is None:
            return b""
        return bytes(body_from_batches(self._kept.schema, self._kept.combine_chunks().to_batches()))
