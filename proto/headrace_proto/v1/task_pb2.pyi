from headrace_proto.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Locality(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LOCALITY_UNSPECIFIED: _ClassVar[Locality]
    PROCESS_LOCAL: _ClassVar[Locality]
    NODE_LOCAL: _ClassVar[Locality]
    RACK_LOCAL: _ClassVar[Locality]
    ANY: _ClassVar[Locality]
LOCALITY_UNSPECIFIED: Locality
PROCESS_LOCAL: Locality
NODE_LOCAL: Locality
RACK_LOCAL: Locality
ANY: Locality

class Column(_message.Message):
    __slots__ = ("name", "kernel_type")
    NAME_FIELD_NUMBER: _ClassVar[int]
    KERNEL_TYPE_FIELD_NUMBER: _ClassVar[int]
    name: str
    kernel_type: str
    def __init__(self, name: _Optional[str] = ..., kernel_type: _Optional[str] = ...) -> None: ...

class StageProgram(_message.Message):
    __slots__ = ("output", "sql", "inputs", "output_spec", "settings", "description")
    class SettingsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    SQL_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_SPEC_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    output: _common_pb2.OutputId
    sql: str
    inputs: _containers.RepeatedCompositeFieldContainer[StageInput]
    output_spec: StageOutput
    settings: _containers.ScalarMap[str, str]
    description: str
    def __init__(self, output: _Optional[_Union[_common_pb2.OutputId, _Mapping]] = ..., sql: _Optional[str] = ..., inputs: _Optional[_Iterable[_Union[StageInput, _Mapping]]] = ..., output_spec: _Optional[_Union[StageOutput, _Mapping]] = ..., settings: _Optional[_Mapping[str, str]] = ..., description: _Optional[str] = ...) -> None: ...

class StageInput(_message.Message):
    __slots__ = ("scan", "shuffle", "broadcast", "table", "range")
    SCAN_FIELD_NUMBER: _ClassVar[int]
    SHUFFLE_FIELD_NUMBER: _ClassVar[int]
    BROADCAST_FIELD_NUMBER: _ClassVar[int]
    TABLE_FIELD_NUMBER: _ClassVar[int]
    RANGE_FIELD_NUMBER: _ClassVar[int]
    scan: ScanInput
    shuffle: ShuffleInput
    broadcast: BroadcastInput
    table: TableInput
    range: RangeInput
    def __init__(self, scan: _Optional[_Union[ScanInput, _Mapping]] = ..., shuffle: _Optional[_Union[ShuffleInput, _Mapping]] = ..., broadcast: _Optional[_Union[BroadcastInput, _Mapping]] = ..., table: _Optional[_Union[TableInput, _Mapping]] = ..., range: _Optional[_Union[RangeInput, _Mapping]] = ...) -> None: ...

class ScanInput(_message.Message):
    __slots__ = ("reader", "reader_options", "select_sql", "partition_columns", "columns")
    READER_FIELD_NUMBER: _ClassVar[int]
    READER_OPTIONS_FIELD_NUMBER: _ClassVar[int]
    SELECT_SQL_FIELD_NUMBER: _ClassVar[int]
    PARTITION_COLUMNS_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    reader: str
    reader_options: str
    select_sql: str
    partition_columns: int
    columns: _containers.RepeatedCompositeFieldContainer[Column]
    def __init__(self, reader: _Optional[str] = ..., reader_options: _Optional[str] = ..., select_sql: _Optional[str] = ..., partition_columns: _Optional[int] = ..., columns: _Optional[_Iterable[_Union[Column, _Mapping]]] = ...) -> None: ...

class ShuffleInput(_message.Message):
    __slots__ = ("output", "columns", "selected")
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    SELECTED_FIELD_NUMBER: _ClassVar[int]
    output: _common_pb2.OutputId
    columns: _containers.RepeatedCompositeFieldContainer[Column]
    selected: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, output: _Optional[_Union[_common_pb2.OutputId, _Mapping]] = ..., columns: _Optional[_Iterable[_Union[Column, _Mapping]]] = ..., selected: _Optional[_Iterable[int]] = ...) -> None: ...

class BroadcastInput(_message.Message):
    __slots__ = ("output", "columns")
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    output: _common_pb2.OutputId
    columns: _containers.RepeatedCompositeFieldContainer[Column]
    def __init__(self, output: _Optional[_Union[_common_pb2.OutputId, _Mapping]] = ..., columns: _Optional[_Iterable[_Union[Column, _Mapping]]] = ...) -> None: ...

class TableInput(_message.Message):
    __slots__ = ("arrow_stream", "columns")
    ARROW_STREAM_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    arrow_stream: bytes
    columns: _containers.RepeatedCompositeFieldContainer[Column]
    def __init__(self, arrow_stream: _Optional[bytes] = ..., columns: _Optional[_Iterable[_Union[Column, _Mapping]]] = ...) -> None: ...

class RangeInput(_message.Message):
    __slots__ = ("start", "step", "column")
    START_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    start: int
    step: int
    column: str
    def __init__(self, start: _Optional[int] = ..., step: _Optional[int] = ..., column: _Optional[str] = ...) -> None: ...

class StageOutput(_message.Message):
    __slots__ = ("hash", "by_id", "round_robin", "single", "result", "files", "columns", "sample_rows", "sample_columns", "storage")
    HASH_FIELD_NUMBER: _ClassVar[int]
    BY_ID_FIELD_NUMBER: _ClassVar[int]
    ROUND_ROBIN_FIELD_NUMBER: _ClassVar[int]
    SINGLE_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_ROWS_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_COLUMNS_FIELD_NUMBER: _ClassVar[int]
    STORAGE_FIELD_NUMBER: _ClassVar[int]
    hash: HashPartitioned
    by_id: IdPartitioned
    round_robin: RoundRobin
    single: Single
    result: ResultOutput
    files: FileOutput
    columns: _containers.RepeatedCompositeFieldContainer[Column]
    sample_rows: int
    sample_columns: _containers.RepeatedScalarFieldContainer[str]
    storage: Storage
    def __init__(self, hash: _Optional[_Union[HashPartitioned, _Mapping]] = ..., by_id: _Optional[_Union[IdPartitioned, _Mapping]] = ..., round_robin: _Optional[_Union[RoundRobin, _Mapping]] = ..., single: _Optional[_Union[Single, _Mapping]] = ..., result: _Optional[_Union[ResultOutput, _Mapping]] = ..., files: _Optional[_Union[FileOutput, _Mapping]] = ..., columns: _Optional[_Iterable[_Union[Column, _Mapping]]] = ..., sample_rows: _Optional[int] = ..., sample_columns: _Optional[_Iterable[str]] = ..., storage: _Optional[_Union[Storage, _Mapping]] = ...) -> None: ...

class Storage(_message.Message):
    __slots__ = ("memory", "disk", "compressed")
    MEMORY_FIELD_NUMBER: _ClassVar[int]
    DISK_FIELD_NUMBER: _ClassVar[int]
    COMPRESSED_FIELD_NUMBER: _ClassVar[int]
    memory: bool
    disk: bool
    compressed: bool
    def __init__(self, memory: _Optional[bool] = ..., disk: _Optional[bool] = ..., compressed: _Optional[bool] = ...) -> None: ...

class HashPartitioned(_message.Message):
    __slots__ = ("partitions",)
    PARTITIONS_FIELD_NUMBER: _ClassVar[int]
    partitions: int
    def __init__(self, partitions: _Optional[int] = ...) -> None: ...

class IdPartitioned(_message.Message):
    __slots__ = ("partitions",)
    PARTITIONS_FIELD_NUMBER: _ClassVar[int]
    partitions: int
    def __init__(self, partitions: _Optional[int] = ...) -> None: ...

class RoundRobin(_message.Message):
    __slots__ = ("partitions",)
    PARTITIONS_FIELD_NUMBER: _ClassVar[int]
    partitions: int
    def __init__(self, partitions: _Optional[int] = ...) -> None: ...

class Single(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ResultOutput(_message.Message):
    __slots__ = ("arrow_schema", "batch_bytes", "limit_rows")
    ARROW_SCHEMA_FIELD_NUMBER: _ClassVar[int]
    BATCH_BYTES_FIELD_NUMBER: _ClassVar[int]
    LIMIT_ROWS_FIELD_NUMBER: _ClassVar[int]
    arrow_schema: bytes
    batch_bytes: int
    limit_rows: int
    def __init__(self, arrow_schema: _Optional[bytes] = ..., batch_bytes: _Optional[int] = ..., limit_rows: _Optional[int] = ...) -> None: ...

class FileOutput(_message.Message):
    __slots__ = ("format", "staging", "copy_options", "extension", "partition_by", "max_rows_per_file")
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    STAGING_FIELD_NUMBER: _ClassVar[int]
    COPY_OPTIONS_FIELD_NUMBER: _ClassVar[int]
    EXTENSION_FIELD_NUMBER: _ClassVar[int]
    PARTITION_BY_FIELD_NUMBER: _ClassVar[int]
    MAX_ROWS_PER_FILE_FIELD_NUMBER: _ClassVar[int]
    format: str
    staging: str
    copy_options: str
    extension: str
    partition_by: _containers.RepeatedScalarFieldContainer[str]
    max_rows_per_file: int
    def __init__(self, format: _Optional[str] = ..., staging: _Optional[str] = ..., copy_options: _Optional[str] = ..., extension: _Optional[str] = ..., partition_by: _Optional[_Iterable[str]] = ..., max_rows_per_file: _Optional[int] = ...) -> None: ...

class InputSlice(_message.Message):
    __slots__ = ("scan", "shuffle", "rows")
    SCAN_FIELD_NUMBER: _ClassVar[int]
    SHUFFLE_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    scan: ScanSlice
    shuffle: ShuffleSlice
    rows: RowSlice
    def __init__(self, scan: _Optional[_Union[ScanSlice, _Mapping]] = ..., shuffle: _Optional[_Union[ShuffleSlice, _Mapping]] = ..., rows: _Optional[_Union[RowSlice, _Mapping]] = ...) -> None: ...

class ScanSlice(_message.Message):
    __slots__ = ("files", "condition")
    FILES_FIELD_NUMBER: _ClassVar[int]
    CONDITION_FIELD_NUMBER: _ClassVar[int]
    files: _containers.RepeatedCompositeFieldContainer[FileSlice]
    condition: str
    def __init__(self, files: _Optional[_Iterable[_Union[FileSlice, _Mapping]]] = ..., condition: _Optional[str] = ...) -> None: ...

class FileSlice(_message.Message):
    __slots__ = ("path", "first_row", "rows", "bytes", "partition_values")
    PATH_FIELD_NUMBER: _ClassVar[int]
    FIRST_ROW_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    PARTITION_VALUES_FIELD_NUMBER: _ClassVar[int]
    path: str
    first_row: int
    rows: int
    bytes: int
    partition_values: _containers.RepeatedCompositeFieldContainer[PartitionValue]
    def __init__(self, path: _Optional[str] = ..., first_row: _Optional[int] = ..., rows: _Optional[int] = ..., bytes: _Optional[int] = ..., partition_values: _Optional[_Iterable[_Union[PartitionValue, _Mapping]]] = ...) -> None: ...

class PartitionValue(_message.Message):
    __slots__ = ("value",)
    VALUE_FIELD_NUMBER: _ClassVar[int]
    value: str
    def __init__(self, value: _Optional[str] = ...) -> None: ...

class ShuffleSlice(_message.Message):
    __slots__ = ("first_reducer", "reducer_count", "map_first", "map_count")
    FIRST_REDUCER_FIELD_NUMBER: _ClassVar[int]
    REDUCER_COUNT_FIELD_NUMBER: _ClassVar[int]
    MAP_FIRST_FIELD_NUMBER: _ClassVar[int]
    MAP_COUNT_FIELD_NUMBER: _ClassVar[int]
    first_reducer: int
    reducer_count: int
    map_first: int
    map_count: int
    def __init__(self, first_reducer: _Optional[int] = ..., reducer_count: _Optional[int] = ..., map_first: _Optional[int] = ..., map_count: _Optional[int] = ...) -> None: ...

class RowSlice(_message.Message):
    __slots__ = ("offset", "length")
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    LENGTH_FIELD_NUMBER: _ClassVar[int]
    offset: int
    length: int
    def __init__(self, offset: _Optional[int] = ..., length: _Optional[int] = ...) -> None: ...

class TaskLaunch(_message.Message):
    __slots__ = ("id", "slices", "memory_bytes", "locality", "storage_bytes")
    ID_FIELD_NUMBER: _ClassVar[int]
    SLICES_FIELD_NUMBER: _ClassVar[int]
    MEMORY_BYTES_FIELD_NUMBER: _ClassVar[int]
    LOCALITY_FIELD_NUMBER: _ClassVar[int]
    STORAGE_BYTES_FIELD_NUMBER: _ClassVar[int]
    id: _common_pb2.TaskId
    slices: _containers.RepeatedCompositeFieldContainer[InputSlice]
    memory_bytes: int
    locality: Locality
    storage_bytes: int
    def __init__(self, id: _Optional[_Union[_common_pb2.TaskId, _Mapping]] = ..., slices: _Optional[_Iterable[_Union[InputSlice, _Mapping]]] = ..., memory_bytes: _Optional[int] = ..., locality: _Optional[_Union[Locality, str]] = ..., storage_bytes: _Optional[int] = ...) -> None: ...

class OutputTable(_message.Message):
    __slots__ = ("output", "epoch", "holders", "map_partition", "map_attempt", "map_holder", "inline_blocks", "reducers")
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    HOLDERS_FIELD_NUMBER: _ClassVar[int]
    MAP_PARTITION_FIELD_NUMBER: _ClassVar[int]
    MAP_ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    MAP_HOLDER_FIELD_NUMBER: _ClassVar[int]
    INLINE_BLOCKS_FIELD_NUMBER: _ClassVar[int]
    REDUCERS_FIELD_NUMBER: _ClassVar[int]
    output: _common_pb2.OutputId
    epoch: int
    holders: _containers.RepeatedCompositeFieldContainer[Holder]
    map_partition: _containers.RepeatedScalarFieldContainer[int]
    map_attempt: _containers.RepeatedScalarFieldContainer[int]
    map_holder: _containers.RepeatedScalarFieldContainer[int]
    inline_blocks: _containers.RepeatedCompositeFieldContainer[InlineBlocks]
    reducers: int
    def __init__(self, output: _Optional[_Union[_common_pb2.OutputId, _Mapping]] = ..., epoch: _Optional[int] = ..., holders: _Optional[_Iterable[_Union[Holder, _Mapping]]] = ..., map_partition: _Optional[_Iterable[int]] = ..., map_attempt: _Optional[_Iterable[int]] = ..., map_holder: _Optional[_Iterable[int]] = ..., inline_blocks: _Optional[_Iterable[_Union[InlineBlocks, _Mapping]]] = ..., reducers: _Optional[int] = ...) -> None: ...

class Holder(_message.Message):
    __slots__ = ("worker_id", "address")
    WORKER_ID_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    worker_id: str
    address: str
    def __init__(self, worker_id: _Optional[str] = ..., address: _Optional[str] = ...) -> None: ...

class InlineBlocks(_message.Message):
    __slots__ = ("map_partition", "data", "index")
    MAP_PARTITION_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    map_partition: int
    data: bytes
    index: bytes
    def __init__(self, map_partition: _Optional[int] = ..., data: _Optional[bytes] = ..., index: _Optional[bytes] = ...) -> None: ...

class TaskMetrics(_message.Message):
    __slots__ = ("rows_read", "bytes_read", "rows_out", "fetch_local_bytes", "fetch_remote_bytes", "write_bytes", "spill_bytes", "peak_memory_bytes", "queue_us", "kernel_us", "fetch_wait_us", "write_us", "run_us", "cpu_us")
    ROWS_READ_FIELD_NUMBER: _ClassVar[int]
    BYTES_READ_FIELD_NUMBER: _ClassVar[int]
    ROWS_OUT_FIELD_NUMBER: _ClassVar[int]
    FETCH_LOCAL_BYTES_FIELD_NUMBER: _ClassVar[int]
    FETCH_REMOTE_BYTES_FIELD_NUMBER: _ClassVar[int]
    WRITE_BYTES_FIELD_NUMBER: _ClassVar[int]
    SPILL_BYTES_FIELD_NUMBER: _ClassVar[int]
    PEAK_MEMORY_BYTES_FIELD_NUMBER: _ClassVar[int]
    QUEUE_US_FIELD_NUMBER: _ClassVar[int]
    KERNEL_US_FIELD_NUMBER: _ClassVar[int]
    FETCH_WAIT_US_FIELD_NUMBER: _ClassVar[int]
    WRITE_US_FIELD_NUMBER: _ClassVar[int]
    RUN_US_FIELD_NUMBER: _ClassVar[int]
    CPU_US_FIELD_NUMBER: _ClassVar[int]
    rows_read: int
    bytes_read: int
    rows_out: int
    fetch_local_bytes: int
    fetch_remote_bytes: int
    write_bytes: int
    spill_bytes: int
    peak_memory_bytes: int
    queue_us: int
    kernel_us: int
    fetch_wait_us: int
    write_us: int
    run_us: int
    cpu_us: int
    def __init__(self, rows_read: _Optional[int] = ..., bytes_read: _Optional[int] = ..., rows_out: _Optional[int] = ..., fetch_local_bytes: _Optional[int] = ..., fetch_remote_bytes: _Optional[int] = ..., write_bytes: _Optional[int] = ..., spill_bytes: _Optional[int] = ..., peak_memory_bytes: _Optional[int] = ..., queue_us: _Optional[int] = ..., kernel_us: _Optional[int] = ..., fetch_wait_us: _Optional[int] = ..., write_us: _Optional[int] = ..., run_us: _Optional[int] = ..., cpu_us: _Optional[int] = ...) -> None: ...

class TaskOutput(_message.Message):
    __slots__ = ("partition_size_codes", "bytes", "rows", "inline_blocks", "files", "sample", "checksum")
    PARTITION_SIZE_CODES_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    INLINE_BLOCKS_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_FIELD_NUMBER: _ClassVar[int]
    CHECKSUM_FIELD_NUMBER: _ClassVar[int]
    partition_size_codes: bytes
    bytes: int
    rows: int
    inline_blocks: InlineBlocks
    files: _containers.RepeatedCompositeFieldContainer[WrittenFile]
    sample: bytes
    checksum: int
    def __init__(self, partition_size_codes: _Optional[bytes] = ..., bytes: _Optional[int] = ..., rows: _Optional[int] = ..., inline_blocks: _Optional[_Union[InlineBlocks, _Mapping]] = ..., files: _Optional[_Iterable[_Union[WrittenFile, _Mapping]]] = ..., sample: _Optional[bytes] = ..., checksum: _Optional[int] = ...) -> None: ...

class WrittenFile(_message.Message):
    __slots__ = ("path", "bytes", "rows")
    PATH_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    path: str
    bytes: int
    rows: int
    def __init__(self, path: _Optional[str] = ..., bytes: _Optional[int] = ..., rows: _Optional[int] = ...) -> None: ...

class TaskStatus(_message.Message):
    __slots__ = ("id", "state", "failure", "output", "metrics", "executor_id")
    class State(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        STATE_UNSPECIFIED: _ClassVar[TaskStatus.State]
        RUNNING: _ClassVar[TaskStatus.State]
        FINISHED: _ClassVar[TaskStatus.State]
        FAILED: _ClassVar[TaskStatus.State]
    STATE_UNSPECIFIED: TaskStatus.State
    RUNNING: TaskStatus.State
    FINISHED: TaskStatus.State
    FAILED: TaskStatus.State
    ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    EXECUTOR_ID_FIELD_NUMBER: _ClassVar[int]
    id: _common_pb2.TaskId
    state: TaskStatus.State
    failure: _common_pb2.Failure
    output: TaskOutput
    metrics: TaskMetrics
    executor_id: str
    def __init__(self, id: _Optional[_Union[_common_pb2.TaskId, _Mapping]] = ..., state: _Optional[_Union[TaskStatus.State, str]] = ..., failure: _Optional[_Union[_common_pb2.Failure, _Mapping]] = ..., output: _Optional[_Union[TaskOutput, _Mapping]] = ..., metrics: _Optional[_Union[TaskMetrics, _Mapping]] = ..., executor_id: _Optional[str] = ...) -> None: ...
