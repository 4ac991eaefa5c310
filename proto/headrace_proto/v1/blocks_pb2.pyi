from headrace_proto.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CopyRequest(_message.Message):
    __slots__ = ("output", "map")
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    MAP_FIELD_NUMBER: _ClassVar[int]
    output: _common_pb2.OutputId
    map: MapOutput
    def __init__(self, output: _Optional[_Union[_common_pb2.OutputId, _Mapping]] = ..., map: _Optional[_Union[MapOutput, _Mapping]] = ...) -> None: ...

class CopyChunk(_message.Message):
    __slots__ = ("data", "index", "missing")
    DATA_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    MISSING_FIELD_NUMBER: _ClassVar[int]
    data: bytes
    index: bytes
    missing: bool
    def __init__(self, data: _Optional[bytes] = ..., index: _Optional[bytes] = ..., missing: _Optional[bool] = ...) -> None: ...

class FetchRequest(_message.Message):
    __slots__ = ("output", "maps", "first_reducer", "reducer_count")
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    MAPS_FIELD_NUMBER: _ClassVar[int]
    FIRST_REDUCER_FIELD_NUMBER: _ClassVar[int]
    REDUCER_COUNT_FIELD_NUMBER: _ClassVar[int]
    output: _common_pb2.OutputId
    maps: _containers.RepeatedCompositeFieldContainer[MapOutput]
    first_reducer: int
    reducer_count: int
    def __init__(self, output: _Optional[_Union[_common_pb2.OutputId, _Mapping]] = ..., maps: _Optional[_Iterable[_Union[MapOutput, _Mapping]]] = ..., first_reducer: _Optional[int] = ..., reducer_count: _Optional[int] = ...) -> None: ...

class MapOutput(_message.Message):
    __slots__ = ("map_partition", "attempt")
    MAP_PARTITION_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    map_partition: int
    attempt: int
    def __init__(self, map_partition: _Optional[int] = ..., attempt: _Optional[int] = ...) -> None: ...

class FetchChunk(_message.Message):
    __slots__ = ("map_index", "data", "last", "missing")
    MAP_INDEX_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    MISSING_FIELD_NUMBER: _ClassVar[int]
    map_index: int
    data: bytes
    last: bool
    missing: bool
    def __init__(self, map_index: _Optional[int] = ..., data: _Optional[bytes] = ..., last: _Optional[bool] = ..., missing: _Optional[bool] = ...) -> None: ...
