"""Plans and errors as octets. They are pickled: exactly what was resolved comes back, and cheaply.

The journal's directory is private to the driver's user, and only classes of this project and of the few libraries
whose values stand in plans are ever made from it. What another version of the code wrote is not read (`VERSION`): its
sessions are then gone, which clients are told as after any restart of a Spark driver.
"""

from __future__ import annotations

import copyreg
import io
import pickle
import platform
from collections import ChainMap
from collections.abc import Mapping
from enum import Enum
from importlib.metadata import version
from types import MappingProxyType
from typing import Any

from headrace_driver.cache.data import CachedData
from headrace_driver.plan.expressions.node import new_id, skip_ids
from headrace_proto.v1 import task_pb2

VERSION = f"headrace {version('headrace')}, pyarrow {version('pyarrow')}, python {platform.python_version()}"

_MODULES = ("headrace_driver.", "headrace_proto.", "pyarrow.")
_OTHERS = {
    ("builtins", "set"),
    ("builtins", "frozenset"),
    ("builtins", "bytearray"),
    ("builtins", "complex"),
    ("builtins", "slice"),
    ("builtins", "range"),
    ("collections", "OrderedDict"),
    ("collections", "ChainMap"),
    ("collections", "defaultdict"),
    ("copyreg", "_reconstructor"),
    ("copyreg", "__newobj__"),
    ("builtins", "object"),
    ("pathlib", "PosixPath"),
    ("types", "MappingProxyType"),
    ("google._upb._message", "_reconstruct"),
}
_OTHER_MODULES = ("decimal", "datetime", "zoneinfo", "uuid", "numpy.")


CachedPlans = Mapping[str, CachedData]
"""By `CachedData.cached_id`."""
_NONE_CACHED: CachedPlans = MappingProxyType({})


class NotReadable(Exception):
    """The octets are of another version of the code, or name what does not belong into a journal."""


def _message(name: str, octets: bytes) -> Any:
    """Messages say a module of their proto package, which is none of Python's."""
    return getattr(task_pb2, name).FromString(octets)


def _reduce(message: Any) -> tuple[Any, ...]:
    return _message, (message.DESCRIPTOR.name, message.SerializeToString())


_REDUCERS: ChainMap[Any, Any] = ChainMap(
    {getattr(task_pb2, name): _reduce for name in task_pb2.DESCRIPTOR.message_types_by_name}, copyreg.dispatch_table
)


class _Pickler(pickle.Pickler):
    def persistent_id(self, obj: Any) -> str | None:
        """Cached plans are kept by themselves, and read by many."""
        return obj.cached_id if isinstance(obj, CachedData) else None


def dump(value: Any) -> bytes:
    """The value as octets, with the code's version and an attribute id above all in the value."""
    inner = io.BytesIO()
    pickler = _Pickler(inner, 5)
    pickler.dispatch_table = _REDUCERS
    pickler.dump(value)
    return pickle.dumps((VERSION, new_id(), inner.getvalue()), 5)


def load(octets: bytes, cached: CachedPlans = _NONE_CACHED) -> Any:
    """The value again, with those of the cached plans that it reads; attribute ids made from now on are above its own.
    Raises NotReadable."""
    try:
        found, ids, inner = _Unpickler(io.BytesIO(octets)).load()
        if found != VERSION:
            raise NotReadable(f"it was written by {found}, this is {VERSION}")
        value = _Unpickler(io.BytesIO(inner), cached).load()
    except NotReadable:
        raise
    except Exception as error:
        raise NotReadable(f"{type(error).__name__}: {error}") from error
    skip_ids(ids)
    return value


def is_readable(octets: bytes | None, cached: CachedPlans = _NONE_CACHED) -> bool:
    """Whether `load` gives a value."""
    try:
        load(octets or b"", cached)
    except NotReadable:
        return False
    return True


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, cached: CachedPlans = _NONE_CACHED) -> None:
        super().__init__(file)
        self._cached = cached

    def persistent_load(self, pid: Any) -> CachedData:
        found = self._cached.get(pid)
        if found is None:
            raise NotReadable("it reads a cached plan that is not there any more")
        return found

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("builtins", "getattr"):
            return _member
        if (
            module.startswith(_MODULES)
            or (module, name) in _OTHERS
            or module in _OTHER_MODULES
            or module.startswith("numpy.")
        ):
            return super().find_class(module, name)
        raise NotReadable(f"{module}.{name} does not belong into a journal")


def _member(cls: Any, name: str) -> Any:
    """How some versions of Python name an enum's member."""
    if not (isinstance(cls, type) and issubclass(cls, Enum)):
        raise NotReadable(f"an attribute of {cls} does not belong into a journal")
    return cls[name]
