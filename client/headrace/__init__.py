"""Headrace's client: start or join a cluster, and get a PySpark session on it.

    import headrace

    spark = headrace.connect()                         # a cluster of processes on this machine
    spark = headrace.connect("sc://10.0.0.1:15002")    # one that is there

Importing this package loads neither PySpark nor gRPC.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from headrace.errors import (
    ClusterError,
    HeadraceError,
    ListenError,
    NotFoundError,
    QueryError,
    RefusedError,
    SettingError,
    UnreachableError,
)

if TYPE_CHECKING:
    from headrace.connection import connect
    from headrace.jobs import JobsClient
    from headrace.local import LocalCluster

__all__ = [
    "ClusterError",
    "HeadraceError",
    "JobsClient",
    "ListenError",
    "LocalCluster",
    "NotFoundError",
    "QueryError",
    "RefusedError",
    "SettingError",
    "UnreachableError",
    "__version__",
    "connect",
]

_LAZY = {"JobsClient": "headrace.jobs", "LocalCluster": "headrace.local", "connect": "headrace.connection"}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("headrace")
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'headrace' has no attribute {name!r}")
