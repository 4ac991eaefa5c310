"""Every service answers damaged messages with a result or a typed error: it does not hang, crash, or report a defect.

A seed gives the same messages every time; a failure names the seed and leaves the message in its assertion.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.protobuf.message import DecodeError, Message
from google.rpc import error_details_pb2
from grpc_status import rpc_status

import headrace
from headrace_driver.connect.protocol import SERVICE, base_pb2
from headrace_proto.v1 import blocks_pb2, cluster_pb2, common_pb2, jobs_pb2
from tests.fuzz.mutation import Donors, mutated
from tests.fuzz.programs import connect_requests, is_harmless

if TYPE_CHECKING:
    from pyspark.sql.connect.session import SparkSession

pytestmark = [pytest.mark.cluster]

CALL_S_MAX = 10.0
ANSWERS_MAX = 50
"""Of a stream that goes on for ever (a watched job, a worker's orders)."""
CHECKED_EVERY = 25
"""Messages between two looks at whether the daemons still answer."""
NO_TYPED_ERROR = (grpc.StatusCode.UNKNOWN, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.UNAVAILABLE)
"""What a call ends with that raised an untyped exception, hung, or lost its daemon."""
UNPARSED = "DecodeError"
"""grpcio itself answers octets that are no message with UNKNOWN, and this in its text."""


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[headrace.LocalCluster]:
    """A cluster of this module's own, whose relative paths lead nowhere else."""
    with inside(tmp_path_factory.mktemp("own")):
        cluster = headrace.LocalCluster(workers=1, cores_per_worker=1, memory_per_worker="1g")
    with cluster:
        yield cluster


@contextmanager
def inside(directory: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(directory)
    try:
        yield
    finally:
        os.chdir(before)


@pytest.fixture(scope="module")
def session(own: headrace.LocalCluster) -> Iterator[SparkSession]:
    spark = own.session()
    yield spark
    spark.stop()


def native_requests(worker: jobs_pb2.WorkerDetail) -> list[tuple[str, Message]]:
    """Methods of the driver's own services. A second worker registers as that one does, and hangs up."""
    registration = cluster_pb2.FromWorker(register=worker.registration)
    registration.register.worker_id = "fuzz"
    return [
        ("headrace.v1.Jobs/SubmitSql", jobs_pb2.SubmitSqlRequest(sql="SELECT 1")),
        ("headrace.v1.Jobs/ListJobs", jobs_pb2.ListJobsRequest(limit=5)),
        ("headrace.v1.Jobs/GetJob", jobs_pb2.GetJobRequest(job_id=1)),
        ("headrace.v1.Jobs/WatchJob", jobs_pb2.GetJobRequest(job_id=1)),
        ("headrace.v1.Jobs/CancelJob", jobs_pb2.CancelJobRequest(job_id=1)),
        ("headrace.v1.Jobs/ListWorkers", jobs_pb2.ListWorkersRequest()),
        ("headrace.v1.Cluster/Attach", registration),
    ]


def block_requests() -> list[tuple[str, Message]]:
    """Methods of a worker."""
    output = common_pb2.OutputId(job_id=1, stage_id=1)
    maps = [blocks_pb2.MapOutput(map_partition=number) for number in range(3)]
    return [
        ("headrace.v1.Blocks/Fetch", blocks_pb2.FetchRequest(output=output, maps=maps, reducer_count=2)),
        ("headrace.v1.Blocks/Copy", blocks_pb2.CopyRequest(output=output, map=maps[0])),
    ]


def ending(channel: grpc.Channel, method: str, octets: bytes) -> tuple[grpc.StatusCode, str]:
    """How the call ends: its status and, of an error, Spark's error class or the text."""
    stub: Any = channel.stream_stream(method)
    call = stub(iter([octets]), timeout=CALL_S_MAX)
    try:
        for number, _ in enumerate(call):
            if number >= ANSWERS_MAX:
                call.cancel()
                break
    except grpc.RpcError as error:
        status = rpc_status.from_call(error)
        info = error_details_pb2.ErrorInfo()
        if status is not None and status.details and status.details[0].Unpack(info):
            return error.code(), str(info.metadata["errorClass"])
        return error.code(), str(error.details())
    return grpc.StatusCode.OK, ""


def renamed(request: Message, random: Random) -> Message:
    """The request in a session and an operation of its own, so that it is not refused for an earlier one's sake."""
    copy = type(request)()
    copy.CopyFrom(request)
    for field in ("session_id", "operation_id"):
        if field in copy.DESCRIPTOR.fields_by_name:
            setattr(copy, field, str(uuid.UUID(int=random.getrandbits(128), version=4)))
    return copy


def fuzz(
    channel: grpc.Channel,
    requests: list[tuple[str, Message]],
    seeds: range,
    check: Callable[[], None],
    directory: Path | None = None,
) -> None:
    """Sends the requests of those seeds, damaged; with a directory those alone that write no files but in it."""
    donors = Donors(request for _, request in requests)
    for seed in seeds:
        random = Random(seed)
        method, request = random.choice(requests)
        request = renamed(request, random)
        octets = mutated(request, random, donors)
        if directory is not None and not _is_harmless(type(request), octets, directory):
            continue
        code, text = ending(channel, f"/{method}", octets)
        long_program = code is grpc.StatusCode.DEADLINE_EXCEEDED and method.endswith("/ExecutePlan")
        assert code not in NO_TYPED_ERROR or UNPARSED in text or long_program, (seed, method, code, text, octets[:2000])
        assert not text.startswith(("INTERNAL_ERROR", "XX")), (seed, method, code, text, octets[:2000])
        if directory is not None:
            _close_session(channel, request)
        if seed % CHECKED_EVERY == 0:
            check()
    check()


def _is_harmless(kind: type[Message], octets: bytes, directory: Path) -> bool:
    try:
        return is_harmless(kind.FromString(octets), directory)
    except DecodeError:
        return True


def _close_session(channel: grpc.Channel, request: Any) -> None:
    """A driver has room for so many sessions only. The request may be damaged, or have closed it itself."""
    release = base_pb2.ReleaseSessionRequest(session_id=request.session_id, user_context=request.user_context)
    ending(channel, f"/{SERVICE}/ReleaseSession", release.SerializeToString())


@pytest.mark.parametrize("seeds", [range(400), pytest.param(range(1_000, 4_000), marks=pytest.mark.long)], ids=str)
@pytest.mark.timeout(3600)
def test_spark_connect(own: headrace.LocalCluster, session: SparkSession, seeds: range, tmp_path: Path) -> None:
    requests = [(f"{SERVICE}/{name}", request) for name, request in connect_requests(session, tmp_path)]
    before = own.pid("driver")

    def check() -> None:
        assert session.range(5).groupBy().sum().collect()[0][0] == 10

    with grpc.insecure_channel(own.address.removeprefix("sc://")) as channel:
        fuzz(channel, requests, seeds, check, tmp_path)
    assert own.pid("driver") == before
    # Programs of billions of rows, given up by their client, run no further.
    over = (jobs_pb2.JOB_FINISHED, jobs_pb2.JOB_FAILED, jobs_pb2.JOB_CANCELLED)
    assert all(job.state in over for job in own.jobs.list_jobs())


@pytest.mark.parametrize("seeds", [range(150), pytest.param(range(1_000, 5_000), marks=pytest.mark.long)], ids=str)
def test_the_drivers_own_services(own: headrace.LocalCluster, session: SparkSession, seeds: range) -> None:
    def check() -> None:
        assert session.range(5).groupBy().sum().collect()[0][0] == 10

    with grpc.insecure_channel(own.address.removeprefix("sc://")) as channel:
        fuzz(channel, native_requests(own.workers()[0]), seeds, check)


@pytest.mark.parametrize("seeds", [range(150), pytest.param(range(1_000, 5_000), marks=pytest.mark.long)], ids=str)
def test_a_workers_services(own: headrace.LocalCluster, session: SparkSession, seeds: range) -> None:
    (address,) = [worker.registration.address for worker in own.workers() if worker.state == "alive"]

    def check() -> None:
        assert session.range(5).groupBy("id").count().count() == 5

    with grpc.insecure_channel(address) as channel:
        fuzz(channel, block_requests(), seeds, check)
