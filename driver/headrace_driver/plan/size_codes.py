"""Sizes of shuffle partitions as one byte each, as in `TaskOutput.partition_size_codes`.

Code 0 is an empty partition, code c stands for 1.1 ** c bytes: at most 10 % off, up to 35 GB.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

_BYTES_OF_CODE: npt.NDArray[np.float64] = np.power(1.1, np.arange(256, dtype=np.float64))
_BYTES_OF_CODE[0] = 0.0

_ROWS_AT_ONCE = 4096
"""Maps decoded in one step, so that the decoded matrix stays small next to the codes."""


def decode(code: int) -> int:
    """The bytes one code stands for."""
    return int(_BYTES_OF_CODE[code])


def add_codes(total: npt.NDArray[np.float64], codes: bytes) -> None:
    """Adds one map's sizes to the sums by reducer."""
    total += _BYTES_OF_CODE[np.frombuffer(codes, dtype=np.uint8)]


def matrix(codes: Sequence[bytes], reducers: int) -> npt.NDArray[np.uint8]:
    """One row a map, one column a reducer. A map that wrote nothing may have reported no codes at all."""
    empty = bytes(reducers)
    joined = b"".join(row if row else empty for row in codes)
    return np.frombuffer(joined, dtype=np.uint8).reshape(len(codes), reducers)


def sums_by_reducer(codes: Sequence[bytes], reducers: int) -> list[int]:
    """Estimated bytes of each reducer over all maps."""
    total = np.zeros(reducers, dtype=np.float64)
    for start in range(0, len(codes), _ROWS_AT_ONCE):
        total += _BYTES_OF_CODE[matrix(codes[start : start + _ROWS_AT_ONCE], reducers)].sum(axis=0)
    return [int(size) for size in total]


def sums_by_group(
    codes: Sequence[bytes], reducers: int, groups: npt.NDArray[np.int64], group_count: int
) -> npt.NDArray[np.float64]:
    """Estimated bytes of each (group, reducer), where `groups[m]` is the group of map m (−1: none)."""
    result = np.zeros((group_count, reducers), dtype=np.float64)
    for start in range(0, len(codes), _ROWS_AT_ONCE):
        part = groups[start : start + _ROWS_AT_ONCE]
        order = np.argsort(part, kind="stable")
        order = order[part[order] >= 0]
        if not len(order):
            continue
        # Rows of a group stand together, so each group is one sum of neighbours.
        ordered = part[order]
        first = np.flatnonzero(np.diff(ordered, prepend=-1))
        found = ordered[first]
        sizes = _BYTES_OF_CODE[matrix([codes[start + row] for row in order], reducers)]
        result[found] += np.add.reduceat(sizes, first, axis=0)
    return result
