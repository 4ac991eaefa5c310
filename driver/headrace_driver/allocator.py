"""How the driver's memory goes back to the system: blocks of results come and go, a megabyte each, on many threads."""

from __future__ import annotations

import ctypes
import sys

_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8
MAPPED_FROM_BYTES = 128 << 10
"""Allocations of this size are mapped on their own, and unmapped when freed. glibc starts with this threshold but
raises it to 32 MB as it sees such blocks freed, and from then on keeps them in its heaps, one a thread."""
_ARENAS = 2


def return_freed_blocks() -> bool:
    """Fixes glibc's thresholds for this process; False, and nothing done, with another C library."""
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, MAPPED_FROM_BYTES)) and bool(mallopt(_M_ARENA_MAX, _ARENAS))
