from headrace_proto.v1 import cluster_pb2 as _cluster_pb2
from headrace_proto.v1 import common_pb2 as _common_pb2
from headrace_proto.v1 import task_pb2 as _task_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class JobState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    JOB_STATE_UNSPECIFIED: _ClassVar[JobState]
    JOB_QUEUED: _ClassVar[JobState]
    JOB_RUNNING: _ClassVar[JobState]
    JOB_FINISHED: _ClassVar[JobState]
    JOB_FAILED: _ClassVar[JobState]
    JOB_CANCELLED: _ClassVar[JobState]
JOB_STATE_UNSPECIFIED: JobState
JOB_QUEUED: JobState
JOB_RUNNING: JobState
JOB_FINISHED: JobState
JOB_FAILED: JobState
JOB_CANCELLED: JobState

class SubmitSqlRequest(_message.Message):
    __slots__ = ("sql", "conf")
    class ConfEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    SQL_FIELD_NUMBER: _ClassVar[int]
    CONF_FIELD_NUMBER: _ClassVar[int]
    sql: str
    conf: _containers.ScalarMap[str, str]
    def __init__(self, sql: _Optional[str] = ..., conf: _Optional[_Mapping[str, str]] = ...) -> None: ...

class SqlEvent(_message.Message):
    __slots__ = ("job_id", "arrow_stream", "failed")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    ARROW_STREAM_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    job_id: int
    arrow_stream: bytes
    failed: _common_pb2.Failure
    def __init__(self, job_id: _Optional[int] = ..., arrow_stream: _Optional[bytes] = ..., failed: _Optional[_Union[_common_pb2.Failure, _Mapping]] = ...) -> None: ...

class SubmitApplicationRequest(_message.Message):
    __slots__ = ("name", "program", "arguments", "environment")
    class EnvironmentEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    PROGRAM_FIELD_NUMBER: _ClassVar[int]
    ARGUMENTS_FIELD_NUMBER: _ClassVar[int]
    ENVIRONMENT_FIELD_NUMBER: _ClassVar[int]
    name: str
    program: bytes
    arguments: _containers.RepeatedScalarFieldContainer[str]
    environment: _containers.ScalarMap[str, str]
    def __init__(self, name: _Optional[str] = ..., program: _Optional[bytes] = ..., arguments: _Optional[_Iterable[str]] = ..., environment: _Optional[_Mapping[str, str]] = ...) -> None: ...

class ApplicationEvent(_message.Message):
    __slots__ = ("application_id", "stdout", "stderr", "exit_code")
    APPLICATION_ID_FIELD_NUMBER: _ClassVar[int]
    STDOUT_FIELD_NUMBER: _ClassVar[int]
    STDERR_FIELD_NUMBER: _ClassVar[int]
    EXIT_CODE_FIELD_NUMBER: _ClassVar[int]
    application_id: str
    stdout: bytes
    stderr: bytes
    exit_code: int
    def __init__(self, application_id: _Optional[str] = ..., stdout: _Optional[bytes] = ..., stderr: _Optional[bytes] = ..., exit_code: _Optional[int] = ...) -> None: ...

class JobSummary(_message.Message):
    __slots__ = ("job_id", "description", "state", "session_id", "operation_id", "submitted_us", "finished_us", "stages", "stages_finished", "tasks", "tasks_finished", "tasks_failed", "rows_out", "shuffle_bytes", "spill_bytes", "failure", "planning_us")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    OPERATION_ID_FIELD_NUMBER: _ClassVar[int]
    SUBMITTED_US_FIELD_NUMBER: _ClassVar[int]
    FINISHED_US_FIELD_NUMBER: _ClassVar[int]
    STAGES_FIELD_NUMBER: _ClassVar[int]
    STAGES_FINISHED_FIELD_NUMBER: _ClassVar[int]
    TASKS_FIELD_NUMBER: _ClassVar[int]
    TASKS_FINISHED_FIELD_NUMBER: _ClassVar[int]
    TASKS_FAILED_FIELD_NUMBER: _ClassVar[int]
    ROWS_OUT_FIELD_NUMBER: _ClassVar[int]
    SHUFFLE_BYTES_FIELD_NUMBER: _ClassVar[int]
    SPILL_BYTES_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    PLANNING_US_FIELD_NUMBER: _ClassVar[int]
    job_id: int
    description: str
    state: JobState
    session_id: str
    operation_id: str
    submitted_us: int
    finished_us: int
    stages: int
    stages_finished: int
    tasks: int
    tasks_finished: int
    tasks_failed: int
    rows_out: int
    shuffle_bytes: int
    spill_bytes: int
    failure: _common_pb2.Failure
    planning_us: int
    def __init__(self, job_id: _Optional[int] = ..., description: _Optional[str] = ..., state: _Optional[_Union[JobState, str]] = ..., session_id: _Optional[str] = ..., operation_id: _Optional[str] = ..., submitted_us: _Optional[int] = ..., finished_us: _Optional[int] = ..., stages: _Optional[int] = ..., stages_finished: _Optional[int] = ..., tasks: _Optional[int] = ..., tasks_finished: _Optional[int] = ..., tasks_failed: _Optional[int] = ..., rows_out: _Optional[int] = ..., shuffle_bytes: _Optional[int] = ..., spill_bytes: _Optional[int] = ..., failure: _Optional[_Union[_common_pb2.Failure, _Mapping]] = ..., planning_us: _Optional[int] = ...) -> None: ...

class JobDetail(_message.Message):
    __slots__ = ("summary", "stages", "logical_plan", "optimized_plan", "physical_plan", "decisions", "time_us")
    class TimeUsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    STAGES_FIELD_NUMBER: _ClassVar[int]
    LOGICAL_PLAN_FIELD_NUMBER: _ClassVar[int]
    OPTIMIZED_PLAN_FIELD_NUMBER: _ClassVar[int]
    PHYSICAL_PLAN_FIELD_NUMBER: _ClassVar[int]
    DECISIONS_FIELD_NUMBER: _ClassVar[int]
    TIME_US_FIELD_NUMBER: _ClassVar[int]
    summary: JobSummary
    stages: _containers.RepeatedCompositeFieldContainer[StageDetail]
    logical_plan: str
    optimized_plan: str
    physical_plan: str
    decisions: _containers.RepeatedScalarFieldContainer[str]
    time_us: _containers.ScalarMap[str, int]
    def __init__(self, summary: _Optional[_Union[JobSummary, _Mapping]] = ..., stages: _Optional[_Iterable[_Union[StageDetail, _Mapping]]] = ..., logical_plan: _Optional[str] = ..., optimized_plan: _Optional[str] = ..., physical_plan: _Optional[str] = ..., decisions: _Optional[_Iterable[str]] = ..., time_us: _Optional[_Mapping[str, int]] = ...) -> None: ...

class StageDetail(_message.Message):
    __slots__ = ("stage_id", "description", "state", "parents", "metrics", "tasks", "sql")
    STAGE_ID_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    PARENTS_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    TASKS_FIELD_NUMBER: _ClassVar[int]
    SQL_FIELD_NUMBER: _ClassVar[int]
    stage_id: int
    description: str
    state: str
    parents: _containers.RepeatedScalarFieldContainer[int]
    metrics: _task_pb2.TaskMetrics
    tasks: _containers.RepeatedCompositeFieldContainer[TaskDetail]
    sql: str
    def __init__(self, stage_id: _Optional[int] = ..., description: _Optional[str] = ..., state: _Optional[str] = ..., parents: _Optional[_Iterable[int]] = ..., metrics: _Optional[_Union[_task_pb2.TaskMetrics, _Mapping]] = ..., tasks: _Optional[_Iterable[_Union[TaskDetail, _Mapping]]] = ..., sql: _Optional[str] = ...) -> None: ...

class TaskDetail(_message.Message):
    __slots__ = ("id", "state", "worker_id", "executor_id", "locality", "launched_us", "finished_us", "metrics", "failure")
    ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    WORKER_ID_FIELD_NUMBER: _ClassVar[int]
    EXECUTOR_ID_FIELD_NUMBER: _ClassVar[int]
    LOCALITY_FIELD_NUMBER: _ClassVar[int]
    LAUNCHED_US_FIELD_NUMBER: _ClassVar[int]
    FINISHED_US_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    id: _common_pb2.TaskId
    state: str
    worker_id: str
    executor_id: str
    locality: _task_pb2.Locality
    launched_us: int
    finished_us: int
    metrics: _task_pb2.TaskMetrics
    failure: _common_pb2.Failure
    def __init__(self, id: _Optional[_Union[_common_pb2.TaskId, _Mapping]] = ..., state: _Optional[str] = ..., worker_id: _Optional[str] = ..., executor_id: _Optional[str] = ..., locality: _Optional[_Union[_task_pb2.Locality, str]] = ..., launched_us: _Optional[int] = ..., finished_us: _Optional[int] = ..., metrics: _Optional[_Union[_task_pb2.TaskMetrics, _Mapping]] = ..., failure: _Optional[_Union[_common_pb2.Failure, _Mapping]] = ...) -> None: ...

class ListJobsRequest(_message.Message):
    __slots__ = ("limit",)
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    limit: int
    def __init__(self, limit: _Optional[int] = ...) -> None: ...

class ListJobsResponse(_message.Message):
    __slots__ = ("jobs",)
    JOBS_FIELD_NUMBER: _ClassVar[int]
    jobs: _containers.RepeatedCompositeFieldContainer[JobSummary]
    def __init__(self, jobs: _Optional[_Iterable[_Union[JobSummary, _Mapping]]] = ...) -> None: ...

class GetJobRequest(_message.Message):
    __slots__ = ("job_id",)
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    job_id: int
    def __init__(self, job_id: _Optional[int] = ...) -> None: ...

class CancelJobRequest(_message.Message):
    __slots__ = ("job_id", "reason")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    job_id: int
    reason: str
    def __init__(self, job_id: _Optional[int] = ..., reason: _Optional[str] = ...) -> None: ...

class CancelJobResponse(_message.Message):
    __slots__ = ("cancelled",)
    CANCELLED_FIELD_NUMBER: _ClassVar[int]
    cancelled: bool
    def __init__(self, cancelled: _Optional[bool] = ...) -> None: ...

class ListWorkersRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListWorkersResponse(_message.Message):
    __slots__ = ("workers",)
    WORKERS_FIELD_NUMBER: _ClassVar[int]
    workers: _containers.RepeatedCompositeFieldContainer[WorkerDetail]
    def __init__(self, workers: _Optional[_Iterable[_Union[WorkerDetail, _Mapping]]] = ...) -> None: ...

class WorkerDetail(_message.Message):
    __slots__ = ("registration", "heartbeat", "state", "registered_us", "heard_us", "tasks_finished", "tasks_failed")
    REGISTRATION_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    REGISTERED_US_FIELD_NUMBER: _ClassVar[int]
    HEARD_US_FIELD_NUMBER: _ClassVar[int]
    TASKS_FINISHED_FIELD_NUMBER: _ClassVar[int]
    TASKS_FAILED_FIELD_NUMBER: _ClassVar[int]
    registration: _cluster_pb2.Register
    heartbeat: _cluster_pb2.Heartbeat
    state: str
    registered_us: int
    heard_us: int
    tasks_finished: int
    tasks_failed: int
    def __init__(self, registration: _Optional[_Union[_cluster_pb2.Register, _Mapping]] = ..., heartbeat: _Optional[_Union[_cluster_pb2.Heartbeat, _Mapping]] = ..., state: _Optional[str] = ..., registered_us: _Optional[int] = ..., heard_us: _Optional[int] = ..., tasks_finished: _Optional[int] = ..., tasks_failed: _Optional[int] = ...) -> None: ...
