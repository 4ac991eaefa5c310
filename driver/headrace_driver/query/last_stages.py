"""The last stage of a job: rows for the client in its own Arrow schema, files, or cached rows."""

from __future__ import annotations

from dataclasses import dataclass

from headrace_driver.connect.arrow_types import arrow_schema
from headrace_driver.errors import unsupported
from headrace_driver.plan import types as t
from headrace_driver.plan.adaptive import LastStage
from headrace_driver.plan.expressions import Attribute
from headrace_driver.plan.physical.operator import Operator
from headrace_driver.plan.stage import StageSpec
from headrace_driver.plan.stages.compile import StageCompiler
from headrace_proto.v1 import task_pb2

BATCH_BYTES = 5 << 19
"""Aimed at for a result block; workers make some half as large again. A client takes messages of 4 MiB unless told
otherwise, Arrow's framing included."""


def schema_of(output: tuple[Attribute, ...]) -> t.StructType:
    """The columns of a plan as a client sees them."""
    return t.StructType(tuple(t.StructField(a.name, a.type, a.null, a.metadata) for a in output))


@dataclass(frozen=True, slots=True)
class _ResultStage:
    arrow_schema: bytes

    def __call__(self, compiler: StageCompiler, stage_id: int, root: Operator) -> StageSpec:
        return compiler.result(stage_id, root, self.arrow_schema, BATCH_BYTES)


@dataclass(frozen=True, slots=True)
class _FilesStage:
    files: task_pb2.FileOutput

    def __call__(self, compiler: StageCompiler, stage_id: int, root: Operator) -> StageSpec:
        return compiler.files(stage_id, root, self.files)


def result_stage(schema: t.StructType, time_zone: str, large: bool) -> LastStage:
    """Blocks with complete Arrow IPC streams, to be handed to the client as they are."""
    if any(_has_months(field.dtype) for field in schema.fields):
        raise unsupported("year-month intervals in results", "Cast them to STRING, as Python has no type for them.")
    return _ResultStage(arrow_schema(schema, time_zone, large).serialize().to_pybytes())


def _has_months(dtype: t.DataType) -> bool:
    match dtype:
        case t.ArrayType(element):
            return _has_months(element)
        case t.MapType(key, value):
            return _has_months(key) or _has_months(value)
        case t.StructType(fields):
            return any(_has_months(field.dtype) for field in fields)
    return isinstance(dtype, t.YearMonthIntervalType)


def files_stage(files: task_pb2.FileOutput) -> LastStage:
    """Files under a staging directory, made visible when the job has succeeded."""
    return _FilesStage(files)


@dataclass(frozen=True, slots=True)
class _KeptStage:
    storage: task_pb2.Storage
    replicas: int

    def __call__(self, compiler: StageCompiler, stage_id: int, root: Operator) -> StageSpec:
        return compiler.kept(stage_id, root, self.storage, self.replicas)


def kept_stage(storage: task_pb2.Storage, replicas: int) -> LastStage:
    """Cached rows, kept by the workers for queries to come."""
    return _KeptStage(storage, replicas)
