from headrace_proto.v1 import common_pb2 as _common_pb2
from headrace_proto.v1 import task_pb2 as _task_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ToExecutor(_message.Message):
    __slots__ = ("programs", "tables", "launches", "cancels", "drop_jobs", "memory_limit_bytes", "lost_holders", "give_back_bytes")
    PROGRAMS_FIELD_NUMBER: _ClassVar[int]
    TABLES_FIELD_NUMBER: _ClassVar[int]
    LAUNCHES_FIELD_NUMBER: _ClassVar[int]
    CANCELS_FIELD_NUMBER: _ClassVar[int]
    DROP_JOBS_FIELD_NUMBER: _ClassVar[int]
    MEMORY_LIMIT_BYTES_FIELD_NUMBER: _ClassVar[int]
    LOST_HOLDERS_FIELD_NUMBER: _ClassVar[int]
    GIVE_BACK_BYTES_FIELD_NUMBER: _ClassVar[int]
    programs: _containers.RepeatedCompositeFieldContainer[_task_pb2.StageProgram]
    tables: _containers.RepeatedCompositeFieldContainer[_task_pb2.OutputTable]
    launches: _containers.RepeatedCompositeFieldContainer[_task_pb2.TaskLaunch]
    cancels: _containers.RepeatedCompositeFieldContainer[_common_pb2.TaskId]
    drop_jobs: _containers.RepeatedScalarFieldContainer[int]
    memory_limit_bytes: int
    lost_holders: _containers.RepeatedScalarFieldContainer[str]
    give_back_bytes: int
    def __init__(self, programs: _Optional[_Iterable[_Union[_task_pb2.StageProgram, _Mapping]]] = ..., tables: _Optional[_Iterable[_Union[_task_pb2.OutputTable, _Mapping]]] = ..., launches: _Optional[_Iterable[_Union[_task_pb2.TaskLaunch, _Mapping]]] = ..., cancels: _Optional[_Iterable[_Union[_common_pb2.TaskId, _Mapping]]] = ..., drop_jobs: _Optional[_Iterable[int]] = ..., memory_limit_bytes: _Optional[int] = ..., lost_holders: _Optional[_Iterable[str]] = ..., give_back_bytes: _Optional[int] = ...) -> None: ...

class FromExecutor(_message.Message):
    __slots__ = ("ready", "statuses", "kernel_memory_bytes", "spill_bytes", "buffer_bytes")
    READY_FIELD_NUMBER: _ClassVar[int]
    STATUSES_FIELD_NUMBER: _ClassVar[int]
    KERNEL_MEMORY_BYTES_FIELD_NUMBER: _ClassVar[int]
    SPILL_BYTES_FIELD_NUMBER: _ClassVar[int]
    BUFFER_BYTES_FIELD_NUMBER: _ClassVar[int]
    ready: bool
    statuses: _containers.RepeatedCompositeFieldContainer[_task_pb2.TaskStatus]
    kernel_memory_bytes: int
    spill_bytes: int
    buffer_bytes: int
    def __init__(self, ready: _Optional[bool] = ..., statuses: _Optional[_Iterable[_Union[_task_pb2.TaskStatus, _Mapping]]] = ..., kernel_memory_bytes: _Optional[int] = ..., spill_bytes: _Optional[int] = ..., buffer_bytes: _Optional[int] = ...) -> None: ...
