"""The messages of Spark Connect, as pyspark-client ships them, without importing PySpark.

Importing `pyspark` pulls in pandas and takes two seconds; its generated message modules alone take 0.2 s. So they are
imported below stand-in packages that have the right `__path__` and no code. The stand-ins are removed again, the
message modules stay: a later `import pyspark` in the same process finds them and uses the same classes.

One set of messages serves clients of 3.5 to 4.2: Spark changes the protocol by adding fields only. What a newer client
adds is an unknown field here, which `unknown_fields` finds.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import sys
import threading
import types
from pathlib import Path
from typing import Any, TypeAlias

from google.protobuf import unknown_fields as _unknown_fields
from google.protobuf.message import DecodeError, Message

Proto: TypeAlias = Any
"""A message of the protocol: the generated classes have no types that a checker could see."""

_PACKAGES = ("pyspark", "pyspark.sql", "pyspark.sql.connect", "pyspark.sql.connect.proto")
_MESSAGES = (
    "types",
    "common",
    "expressions",
    "catalog",
    "ml_common",
    "relations",
    "ml",
    "pipelines",
    "commands",
    "base",
)


def _load() -> dict[str, types.ModuleType]:
    loaded = {name: sys.modules.get(f"{_PACKAGES[-1]}.{name}_pb2") for name in _MESSAGES}
    if all(loaded.values()) or "pyspark.sql.connect.proto" in sys.modules:
        return {name: importlib.import_module(f"{_PACKAGES[-1]}.{name}_pb2") for name in _MESSAGES}
    stand_ins = [name for name in _PACKAGES if name not in sys.modules]
    root = _root_directory()
    for name in stand_ins:
        package = types.ModuleType(name)
        package.__path__ = [str(root.joinpath(*name.split(".")[1:]))]
        sys.modules[name] = package
    try:
        return {name: importlib.import_module(f"{_PACKAGES[-1]}.{name}_pb2") for name in _MESSAGES}
    finally:
        for name in stand_ins:
            del sys.modules[name]


def _root_directory() -> Path:
    # PathFinder looks at the directories without running pyspark/__init__.py.
    found = importlib.machinery.PathFinder.find_spec("pyspark")
    if found is None or not found.submodule_search_locations:
        raise ImportError("pyspark-client is not installed; it brings the messages of Spark Connect")
    return Path(next(iter(found.submodule_search_locations)))


_modules = _load()

base_pb2: Proto = _modules["base"]
catalog_pb2: Proto = _modules["catalog"]
commands_pb2: Proto = _modules["commands"]
common_pb2: Proto = _modules["common"]
expressions_pb2: Proto = _modules["expressions"]
ml_pb2: Proto = _modules["ml"]
relations_pb2: Proto = _modules["relations"]
types_pb2: Proto = _modules["types"]

SERVICE = "spark.connect.SparkConnectService"

_deep_parsing = threading.Lock()


def parse(kind: Proto, octets: bytes) -> Proto:
    """The message of class `kind` in `octets`; raises DecodeError. Must run on a thread with a large stack.

    Protobuf refuses more than 100 levels by default. That limit can only be lifted for the whole process and lifted it
    allows 65,535, each of which costs C stack; so it is lifted for the one message that needs it.
    """
    try:
        return kind.FromString(octets)
    except DecodeError as error:
        if "MaxDepth" not in str(error) and "too deep" not in str(error).lower():
            raise
    from google._upb import _message

    with _deep_parsing:
        _message.SetAllowOversizeProtos(True)
        try:
            return kind.FromString(octets)
        finally:
            _message.SetAllowOversizeProtos(False)


def unknown_fields(message: Message) -> list[int]:
    """Numbers of fields that a newer client has set and this protocol does not know. Not of messages inside."""
    found: Proto = _unknown_fields.UnknownFieldSet(message)
    return [field.field_number for field in found]
