"""The plan of a request: its octets to a message, however it is packed, and what it asks to be done."""

from __future__ import annotations

import pyarrow as pa
from google.protobuf.message import DecodeError

from headrace_driver.connect.invalid_plan import cannot_parse, invalid_plan, oneof_not_set
from headrace_driver.connect.protocol import Proto, commands_pb2, parse, relations_pb2, unknown_fields
from headrace_driver.errors import SparkError, unsupported

PLAN_BYTES_MAX = 512 << 20
"""Of a plan that arrives compressed, as with Spark."""

_ZSTD = 1
_RELATION, _COMMAND = 1, 2


def decode(kind: Proto, octets: bytes) -> Proto:
    """A request message; raises CONNECT_INVALID_PLAN.CANNOT_PARSE. Deep ones need a planning thread."""
    try:
        return parse(kind, octets)
    except DecodeError as error:
        raise cannot_parse(str(error)) from None


def decode_shallow(kind: Proto, octets: bytes) -> Proto | None:
    """A small request message, or None where `decode` has to look at it."""
    try:
        return kind.FromString(octets)
    except DecodeError:
        return None


def relation_or_command(plan: Proto) -> tuple[Proto | None, Proto | None]:
    """The relation or the command of a plan: one is None."""
    match plan.WhichOneof("op_type"):
        case "root":
            return plan.root, None
        case "command":
            return None, plan.command
        case "compressed_operation":
            return _decompressed(plan.compressed_operation)
        case _:
            if newer := unknown_fields(plan):
                raise unsupported(f"the plan with field number {newer[0]} of a newer Spark Connect protocol")
            raise oneof_not_set("spark.connect.Plan", "OPTYPE_NOT_SET")


def relation_of(plan: Proto) -> Proto:
    """The relation of a plan that may not be a command."""
    relation, _ = relation_or_command(plan)
    if relation is None:
        raise invalid_plan("RELATION_EXPECTED", "A relation is expected here, not a command.")
    return relation


def _decompressed(packed: Proto) -> tuple[Proto | None, Proto | None]:
    if packed.compression_codec != _ZSTD:
        raise unsupported(f"plans compressed with codec {packed.compression_codec}")
    octets = _unzstd(packed.data)
    if packed.op_type == _RELATION:
        return decode(relations_pb2.Relation, octets), None
    if packed.op_type == _COMMAND:
        return None, decode(commands_pb2.Command, octets)
    raise invalid_plan("UNKNOWN_OP_TYPE", f"The compressed plan has the unknown kind {packed.op_type}.")


def _unzstd(data: bytes) -> bytes:
    try:
        with pa.input_stream(pa.py_buffer(data), compression="zstd") as stream:
            octets = bytes(stream.read(PLAN_BYTES_MAX + 1))
    except (pa.ArrowInvalid, OSError) as error:
        raise cannot_parse(str(error)) from None
    if len(octets) > PLAN_BYTES_MAX:
        raise _too_large()
    return octets


def _too_large() -> SparkError:
    return invalid_plan(
        "PLAN_SIZE_LARGER_THAN_MAX",
        f"The plan size is larger than max ({PLAN_BYTES_MAX} bytes)",
        {"maxPlanSize": str(PLAN_BYTES_MAX)},
    )


def describe(relation: Proto | None, command: Proto | None) -> str:
    """What a job is called in lists: its SQL text, or the outermost operations of its plan."""
    if command is not None:
        kind = command.WhichOneof("command_type") or ""
        inner: Proto = getattr(command, kind, None)
        if kind == "sql_command":
            return _shortened(inner.sql if inner.sql else describe(inner.input, None))
        read = describe(inner.input, None) if hasattr(inner, "input") else ""
        return _shortened(f"{kind}: {read}" if read else kind)
    names: list[str] = []
    current = relation
    while current is not None and len(names) < 6:
        kind = current.WhichOneof("rel_type")
        if kind is None:
            break
        inner = getattr(current, kind)
        if kind == "sql":
            names.append(inner.query)
            break
        names.append(kind)
        current = inner.input if hasattr(inner, "input") and inner.HasField("input") else None
    return _shortened(" < ".join(names))


def _shortened(text: str) -> str:
    line = " ".join(text[:1000].split())
    return line if len(line) <= 200 else line[:199] + "…"
