from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class TaskId(_message.Message):
    __slots__ = ("job_id", "stage_id", "partition", "attempt")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    STAGE_ID_FIELD_NUMBER: _ClassVar[int]
    PARTITION_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    job_id: int
    stage_id: int
    partition: int
    attempt: int
    def __init__(self, job_id: _Optional[int] = ..., stage_id: _Optional[int] = ..., partition: _Optional[int] = ..., attempt: _Optional[int] = ...) -> None: ...

class OutputId(_message.Message):
    __slots__ = ("job_id", "stage_id")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    STAGE_ID_FIELD_NUMBER: _ClassVar[int]
    job_id: int
    stage_id: int
    def __init__(self, job_id: _Optional[int] = ..., stage_id: _Optional[int] = ...) -> None: ...

class QueryContext(_message.Message):
    __slots__ = ("object_type", "object_name", "start_index", "stop_index", "fragment", "call_site")
    OBJECT_TYPE_FIELD_NUMBER: _ClassVar[int]
    OBJECT_NAME_FIELD_NUMBER: _ClassVar[int]
    START_INDEX_FIELD_NUMBER: _ClassVar[int]
    STOP_INDEX_FIELD_NUMBER: _ClassVar[int]
    FRAGMENT_FIELD_NUMBER: _ClassVar[int]
    CALL_SITE_FIELD_NUMBER: _ClassVar[int]
    object_type: str
    object_name: str
    start_index: int
    stop_index: int
    fragment: str
    call_site: str
    def __init__(self, object_type: _Optional[str] = ..., object_name: _Optional[str] = ..., start_index: _Optional[int] = ..., stop_index: _Optional[int] = ..., fragment: _Optional[str] = ..., call_site: _Optional[str] = ...) -> None: ...

class UserError(_message.Message):
    __slots__ = ("error_class", "sql_state", "parameters", "message", "contexts")
    class ParametersEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    ERROR_CLASS_FIELD_NUMBER: _ClassVar[int]
    SQL_STATE_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    CONTEXTS_FIELD_NUMBER: _ClassVar[int]
    error_class: str
    sql_state: str
    parameters: _containers.ScalarMap[str, str]
    message: str
    contexts: _containers.RepeatedCompositeFieldContainer[QueryContext]
    def __init__(self, error_class: _Optional[str] = ..., sql_state: _Optional[str] = ..., parameters: _Optional[_Mapping[str, str]] = ..., message: _Optional[str] = ..., contexts: _Optional[_Iterable[_Union[QueryContext, _Mapping]]] = ...) -> None: ...

class FetchFailed(_message.Message):
    __slots__ = ("output", "worker_id", "map_partitions", "reason", "detail")
    class Reason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        REASON_UNSPECIFIED: _ClassVar[FetchFailed.Reason]
        UNREACHABLE: _ClassVar[FetchFailed.Reason]
        MISSING: _ClassVar[FetchFailed.Reason]
        CORRUPT: _ClassVar[FetchFailed.Reason]
    REASON_UNSPECIFIED: FetchFailed.Reason
    UNREACHABLE: FetchFailed.Reason
    MISSING: FetchFailed.Reason
    CORRUPT: FetchFailed.Reason
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    WORKER_ID_FIELD_NUMBER: _ClassVar[int]
    MAP_PARTITIONS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    output: OutputId
    worker_id: str
    map_partitions: _containers.RepeatedScalarFieldContainer[int]
    reason: FetchFailed.Reason
    detail: str
    def __init__(self, output: _Optional[_Union[OutputId, _Mapping]] = ..., worker_id: _Optional[str] = ..., map_partitions: _Optional[_Iterable[int]] = ..., reason: _Optional[_Union[FetchFailed.Reason, str]] = ..., detail: _Optional[str] = ...) -> None: ...

class ExecutorLost(_message.Message):
    __slots__ = ("exit_code", "detail")
    EXIT_CODE_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    exit_code: int
    detail: str
    def __init__(self, exit_code: _Optional[int] = ..., detail: _Optional[str] = ...) -> None: ...

class WorkerLost(_message.Message):
    __slots__ = ("worker_id", "detail")
    WORKER_ID_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    worker_id: str
    detail: str
    def __init__(self, worker_id: _Optional[str] = ..., detail: _Optional[str] = ...) -> None: ...

class OutOfMemory(_message.Message):
    __slots__ = ("granted_bytes", "wanted_bytes", "detail")
    GRANTED_BYTES_FIELD_NUMBER: _ClassVar[int]
    WANTED_BYTES_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    granted_bytes: int
    wanted_bytes: int
    detail: str
    def __init__(self, granted_bytes: _Optional[int] = ..., wanted_bytes: _Optional[int] = ..., detail: _Optional[str] = ...) -> None: ...

class DiskFull(_message.Message):
    __slots__ = ("directory", "needed_bytes", "free_bytes")
    DIRECTORY_FIELD_NUMBER: _ClassVar[int]
    NEEDED_BYTES_FIELD_NUMBER: _ClassVar[int]
    FREE_BYTES_FIELD_NUMBER: _ClassVar[int]
    directory: str
    needed_bytes: int
    free_bytes: int
    def __init__(self, directory: _Optional[str] = ..., needed_bytes: _Optional[int] = ..., free_bytes: _Optional[int] = ...) -> None: ...

class Cancelled(_message.Message):
    __slots__ = ("reason",)
    REASON_FIELD_NUMBER: _ClassVar[int]
    reason: str
    def __init__(self, reason: _Optional[str] = ...) -> None: ...

class InternalError(_message.Message):
    __slots__ = ("message", "traceback")
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    TRACEBACK_FIELD_NUMBER: _ClassVar[int]
    message: str
    traceback: str
    def __init__(self, message: _Optional[str] = ..., traceback: _Optional[str] = ...) -> None: ...

class Failure(_message.Message):
    __slots__ = ("user_error", "fetch_failed", "executor_lost", "worker_lost", "out_of_memory", "disk_full", "cancelled", "internal")
    USER_ERROR_FIELD_NUMBER: _ClassVar[int]
    FETCH_FAILED_FIELD_NUMBER: _ClassVar[int]
    EXECUTOR_LOST_FIELD_NUMBER: _ClassVar[int]
    WORKER_LOST_FIELD_NUMBER: _ClassVar[int]
    OUT_OF_MEMORY_FIELD_NUMBER: _ClassVar[int]
    DISK_FULL_FIELD_NUMBER: _ClassVar[int]
    CANCELLED_FIELD_NUMBER: _ClassVar[int]
    INTERNAL_FIELD_NUMBER: _ClassVar[int]
    user_error: UserError
    fetch_failed: FetchFailed
    executor_lost: ExecutorLost
    worker_lost: WorkerLost
    out_of_memory: OutOfMemory
    disk_full: DiskFull
    cancelled: Cancelled
    internal: InternalError
    def __init__(self, user_error: _Optional[_Union[UserError, _Mapping]] = ..., fetch_failed: _Optional[_Union[FetchFailed, _Mapping]] = ..., executor_lost: _Optional[_Union[ExecutorLost, _Mapping]] = ..., worker_lost: _Optional[_Union[WorkerLost, _Mapping]] = ..., out_of_memory: _Optional[_Union[OutOfMemory, _Mapping]] = ..., disk_full: _Optional[_Union[DiskFull, _Mapping]] = ..., cancelled: _Optional[_Union[Cancelled, _Mapping]] = ..., internal: _Optional[_Union[InternalError, _Mapping]] = ...) -> None: ...
