from headrace_proto.v1 import common_pb2 as _common_pb2
from headrace_proto.v1 import task_pb2 as _task_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class FromWorker(_message.Message):
    __slots__ = ("register", "heartbeat", "statuses", "draining", "data", "adopted", "statuses_number")
    REGISTER_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    STATUSES_FIELD_NUMBER: _ClassVar[int]
    DRAINING_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    ADOPTED_FIELD_NUMBER: _ClassVar[int]
    STATUSES_NUMBER_FIELD_NUMBER: _ClassVar[int]
    register: Register
    heartbeat: Heartbeat
    statuses: _containers.RepeatedCompositeFieldContainer[_task_pb2.TaskStatus]
    draining: Draining
    data: _containers.RepeatedCompositeFieldContainer[DataDirectory]
    adopted: _containers.RepeatedCompositeFieldContainer[Adopted]
    statuses_number: int
    def __init__(self, register: _Optional[_Union[Register, _Mapping]] = ..., heartbeat: _Optional[_Union[Heartbeat, _Mapping]] = ..., statuses: _Optional[_Iterable[_Union[_task_pb2.TaskStatus, _Mapping]]] = ..., draining: _Optional[_Union[Draining, _Mapping]] = ..., data: _Optional[_Iterable[_Union[DataDirectory, _Mapping]]] = ..., adopted: _Optional[_Iterable[_Union[Adopted, _Mapping]]] = ..., statuses_number: _Optional[int] = ...) -> None: ...

class ToWorker(_message.Message):
    __slots__ = ("registered", "refused", "programs", "tables", "launches", "cancels", "drop_outputs", "drop_jobs", "drain", "lost_holders", "adopt", "epoch", "dismissed", "statuses_acknowledged")
    REGISTERED_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    PROGRAMS_FIELD_NUMBER: _ClassVar[int]
    TABLES_FIELD_NUMBER: _ClassVar[int]
    LAUNCHES_FIELD_NUMBER: _ClassVar[int]
    CANCELS_FIELD_NUMBER: _ClassVar[int]
    DROP_OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    DROP_JOBS_FIELD_NUMBER: _ClassVar[int]
    DRAIN_FIELD_NUMBER: _ClassVar[int]
    LOST_HOLDERS_FIELD_NUMBER: _ClassVar[int]
    ADOPT_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    DISMISSED_FIELD_NUMBER: _ClassVar[int]
    STATUSES_ACKNOWLEDGED_FIELD_NUMBER: _ClassVar[int]
    registered: Registered
    refused: Refused
    programs: _containers.RepeatedCompositeFieldContainer[_task_pb2.StageProgram]
    tables: _containers.RepeatedCompositeFieldContainer[_task_pb2.OutputTable]
    launches: _containers.RepeatedCompositeFieldContainer[_task_pb2.TaskLaunch]
    cancels: _containers.RepeatedCompositeFieldContainer[_common_pb2.TaskId]
    drop_outputs: _containers.RepeatedCompositeFieldContainer[_common_pb2.OutputId]
    drop_jobs: _containers.RepeatedScalarFieldContainer[int]
    drain: Drain
    lost_holders: _containers.RepeatedScalarFieldContainer[str]
    adopt: _containers.RepeatedCompositeFieldContainer[Adopt]
    epoch: int
    dismissed: bool
    statuses_acknowledged: int
    def __init__(self, registered: _Optional[_Union[Registered, _Mapping]] = ..., refused: _Optional[_Union[Refused, _Mapping]] = ..., programs: _Optional[_Iterable[_Union[_task_pb2.StageProgram, _Mapping]]] = ..., tables: _Optional[_Iterable[_Union[_task_pb2.OutputTable, _Mapping]]] = ..., launches: _Optional[_Iterable[_Union[_task_pb2.TaskLaunch, _Mapping]]] = ..., cancels: _Optional[_Iterable[_Union[_common_pb2.TaskId, _Mapping]]] = ..., drop_outputs: _Optional[_Iterable[_Union[_common_pb2.OutputId, _Mapping]]] = ..., drop_jobs: _Optional[_Iterable[int]] = ..., drain: _Optional[_Union[Drain, _Mapping]] = ..., lost_holders: _Optional[_Iterable[str]] = ..., adopt: _Optional[_Iterable[_Union[Adopt, _Mapping]]] = ..., epoch: _Optional[int] = ..., dismissed: _Optional[bool] = ..., statuses_acknowledged: _Optional[int] = ...) -> None: ...

class Register(_message.Message):
    __slots__ = ("worker_id", "incarnation", "address", "host", "rack", "slots", "threads_per_slot", "memory_bytes", "engine_version", "headrace_version", "pid", "held_outputs", "data", "held_maps")
    WORKER_ID_FIELD_NUMBER: _ClassVar[int]
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    RACK_FIELD_NUMBER: _ClassVar[int]
    SLOTS_FIELD_NUMBER: _ClassVar[int]
    THREADS_PER_SLOT_FIELD_NUMBER: _ClassVar[int]
    MEMORY_BYTES_FIELD_NUMBER: _ClassVar[int]
    ENGINE_VERSION_FIELD_NUMBER: _ClassVar[int]
    HEADRACE_VERSION_FIELD_NUMBER: _ClassVar[int]
    PID_FIELD_NUMBER: _ClassVar[int]
    HELD_OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    HELD_MAPS_FIELD_NUMBER: _ClassVar[int]
    worker_id: str
    incarnation: str
    address: str
    host: str
    rack: str
    slots: int
    threads_per_slot: int
    memory_bytes: int
    engine_version: str
    headrace_version: str
    pid: int
    held_outputs: _containers.RepeatedCompositeFieldContainer[_common_pb2.OutputId]
    data: _containers.RepeatedCompositeFieldContainer[DataDirectory]
    held_maps: _containers.RepeatedCompositeFieldContainer[HeldMaps]
    def __init__(self, worker_id: _Optional[str] = ..., incarnation: _Optional[str] = ..., address: _Optional[str] = ..., host: _Optional[str] = ..., rack: _Optional[str] = ..., slots: _Optional[int] = ..., threads_per_slot: _Optional[int] = ..., memory_bytes: _Optional[int] = ..., engine_version: _Optional[str] = ..., headrace_version: _Optional[str] = ..., pid: _Optional[int] = ..., held_outputs: _Optional[_Iterable[_Union[_common_pb2.OutputId, _Mapping]]] = ..., data: _Optional[_Iterable[_Union[DataDirectory, _Mapping]]] = ..., held_maps: _Optional[_Iterable[_Union[HeldMaps, _Mapping]]] = ...) -> None: ...

class HeldMaps(_message.Message):
    __slots__ = ("output", "map_partition", "map_attempt")
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    MAP_PARTITION_FIELD_NUMBER: _ClassVar[int]
    MAP_ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    output: _common_pb2.OutputId
    map_partition: _containers.RepeatedScalarFieldContainer[int]
    map_attempt: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, output: _Optional[_Union[_common_pb2.OutputId, _Mapping]] = ..., map_partition: _Optional[_Iterable[int]] = ..., map_attempt: _Optional[_Iterable[int]] = ...) -> None: ...

class Adopt(_message.Message):
    __slots__ = ("worker_id", "address", "maps")
    WORKER_ID_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    MAPS_FIELD_NUMBER: _ClassVar[int]
    worker_id: str
    address: str
    maps: HeldMaps
    def __init__(self, worker_id: _Optional[str] = ..., address: _Optional[str] = ..., maps: _Optional[_Union[HeldMaps, _Mapping]] = ...) -> None: ...

class Adopted(_message.Message):
    __slots__ = ("id", "held")
    ID_FIELD_NUMBER: _ClassVar[int]
    HELD_FIELD_NUMBER: _ClassVar[int]
    id: _common_pb2.TaskId
    held: bool
    def __init__(self, id: _Optional[_Union[_common_pb2.TaskId, _Mapping]] = ..., held: _Optional[bool] = ...) -> None: ...

class Registered(_message.Message):
    __slots__ = ("cluster_id", "heartbeat_interval_ms")
    CLUSTER_ID_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_INTERVAL_MS_FIELD_NUMBER: _ClassVar[int]
    cluster_id: str
    heartbeat_interval_ms: int
    def __init__(self, cluster_id: _Optional[str] = ..., heartbeat_interval_ms: _Optional[int] = ...) -> None: ...

class Refused(_message.Message):
    __slots__ = ("reason", "code")
    class Code(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        CODE_UNSPECIFIED: _ClassVar[Refused.Code]
        NAME_TAKEN: _ClassVar[Refused.Code]
        VERSION_MISMATCH: _ClassVar[Refused.Code]
        BAD_REQUEST: _ClassVar[Refused.Code]
    CODE_UNSPECIFIED: Refused.Code
    NAME_TAKEN: Refused.Code
    VERSION_MISMATCH: Refused.Code
    BAD_REQUEST: Refused.Code
    REASON_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    reason: str
    code: Refused.Code
    def __init__(self, reason: _Optional[str] = ..., code: _Optional[_Union[Refused.Code, str]] = ...) -> None: ...

class Heartbeat(_message.Message):
    __slots__ = ("sequence", "budget_bytes", "memory", "rss_bytes", "disks", "running", "executors", "free_slots")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    BUDGET_BYTES_FIELD_NUMBER: _ClassVar[int]
    MEMORY_FIELD_NUMBER: _ClassVar[int]
    RSS_BYTES_FIELD_NUMBER: _ClassVar[int]
    DISKS_FIELD_NUMBER: _ClassVar[int]
    RUNNING_FIELD_NUMBER: _ClassVar[int]
    EXECUTORS_FIELD_NUMBER: _ClassVar[int]
    FREE_SLOTS_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    budget_bytes: int
    memory: MemoryUse
    rss_bytes: int
    disks: _containers.RepeatedCompositeFieldContainer[DiskUse]
    running: _containers.RepeatedCompositeFieldContainer[_common_pb2.TaskId]
    executors: int
    free_slots: int
    def __init__(self, sequence: _Optional[int] = ..., budget_bytes: _Optional[int] = ..., memory: _Optional[_Union[MemoryUse, _Mapping]] = ..., rss_bytes: _Optional[int] = ..., disks: _Optional[_Iterable[_Union[DiskUse, _Mapping]]] = ..., running: _Optional[_Iterable[_Union[_common_pb2.TaskId, _Mapping]]] = ..., executors: _Optional[int] = ..., free_slots: _Optional[int] = ...) -> None: ...

class MemoryUse(_message.Message):
    __slots__ = ("execution_bytes", "storage_bytes", "shuffle_bytes", "broadcast_bytes", "udf_bytes", "state_bytes")
    EXECUTION_BYTES_FIELD_NUMBER: _ClassVar[int]
    STORAGE_BYTES_FIELD_NUMBER: _ClassVar[int]
    SHUFFLE_BYTES_FIELD_NUMBER: _ClassVar[int]
    BROADCAST_BYTES_FIELD_NUMBER: _ClassVar[int]
    UDF_BYTES_FIELD_NUMBER: _ClassVar[int]
    STATE_BYTES_FIELD_NUMBER: _ClassVar[int]
    execution_bytes: int
    storage_bytes: int
    shuffle_bytes: int
    broadcast_bytes: int
    udf_bytes: int
    state_bytes: int
    def __init__(self, execution_bytes: _Optional[int] = ..., storage_bytes: _Optional[int] = ..., shuffle_bytes: _Optional[int] = ..., broadcast_bytes: _Optional[int] = ..., udf_bytes: _Optional[int] = ..., state_bytes: _Optional[int] = ...) -> None: ...

class DiskUse(_message.Message):
    __slots__ = ("directory", "used_bytes", "free_bytes")
    DIRECTORY_FIELD_NUMBER: _ClassVar[int]
    USED_BYTES_FIELD_NUMBER: _ClassVar[int]
    FREE_BYTES_FIELD_NUMBER: _ClassVar[int]
    directory: str
    used_bytes: int
    free_bytes: int
    def __init__(self, directory: _Optional[str] = ..., used_bytes: _Optional[int] = ..., free_bytes: _Optional[int] = ...) -> None: ...

class Draining(_message.Message):
    __slots__ = ("reason",)
    REASON_FIELD_NUMBER: _ClassVar[int]
    reason: str
    def __init__(self, reason: _Optional[str] = ...) -> None: ...

class Drain(_message.Message):
    __slots__ = ("deadline_ms",)
    DEADLINE_MS_FIELD_NUMBER: _ClassVar[int]
    deadline_ms: int
    def __init__(self, deadline_ms: _Optional[int] = ...) -> None: ...

class DataDirectory(_message.Message):
    __slots__ = ("name", "path", "files")
    NAME_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    name: str
    path: str
    files: _containers.RepeatedCompositeFieldContainer[HeldFile]
    def __init__(self, name: _Optional[str] = ..., path: _Optional[str] = ..., files: _Optional[_Iterable[_Union[HeldFile, _Mapping]]] = ...) -> None: ...

class HeldFile(_message.Message):
    __slots__ = ("path", "relative_path", "bytes", "modified_us", "parquet_footer")
    PATH_FIELD_NUMBER: _ClassVar[int]
    RELATIVE_PATH_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    MODIFIED_US_FIELD_NUMBER: _ClassVar[int]
    PARQUET_FOOTER_FIELD_NUMBER: _ClassVar[int]
    path: str
    relative_path: str
    bytes: int
    modified_us: int
    parquet_footer: bytes
    def __init__(self, path: _Optional[str] = ..., relative_path: _Optional[str] = ..., bytes: _Optional[int] = ..., modified_us: _Optional[int] = ..., parquet_footer: _Optional[bytes] = ...) -> None: ...
