"""Sessions end, by expiry or release, and give back what they held: on workers' disks and memory, and in the driver."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from pyspark.errors.exceptions.connect import SparkConnectGrpcException, convert_exception
from pyspark.sql.connect import proto
from pyspark.sql.connect.proto import base_pb2_grpc

from tests.chaos.daemons import Daemons, until
from tests.living_files import files_below

pytestmark = pytest.mark.cluster

USER, SESSION = "somebody", "11111111-2222-4333-8444-555555555555"
OPERATION_TIMEOUT = "1s"
SESSION_TIMEOUT = "8s"
"""More than any pause of a program between its first two calls; afterwards its half-read query keeps it alive."""
WAIT_S_MAX = 60.0
RUNNING = proto.GetStatusResponse.OperationStatus.OPERATION_STATE_RUNNING
ROWS_OF_SESSIONS = ("sessions", "settings", "views", "artifacts", "relations", "cached", "operations")
ROWS_OF_JOBS = ("steps", "stages", "outputs", "reads", "writes")

# The half-read result hardly compresses and is one partition, too large to be held in the driver's memory, and twice
# what lies between its spool and the program. That holds only where the connection keeps to its first window: gRPC
# widens it by how long its pings take, which on a busy machine lets the whole result out of the spool.
PROGRAM = """
import sys
from pyspark import StorageLevel
from pyspark.sql.connect.client import DefaultChannelBuilder
from pyspark.sql.connect.session import SparkSession
channel = DefaultChannelBuilder(sys.argv[1])
channel.setChannelOption("grpc.http2.bdp_probe", 0)
spark = SparkSession.builder.channelBuilder(channel).create()
text = "concat(" + ", ".join(f"sha2(string(id + {n}), 256)" for n in range(4)) + ") as t"
half_read = spark.sql(f"select id, {text} from range(0, 300000, 1, 1)").toLocalIterator()
next(half_read)
print(next(half_read).id, flush=True)
rows = spark.range(0, 20000, 1, 2).selectExpr("id", "id * 2 as d")
spark.conf.set("spark.sql.session.timeZone", "Asia/Tokyo")
for number, level in enumerate((StorageLevel.MEMORY_AND_DISK, StorageLevel.DISK_ONLY, StorageLevel.DISK_ONLY_2)):
    kept = rows.where(f"id >= {number}").persist(level)
    assert kept.count() == 20000 - number
    kept.createOrReplaceTempView(f"v{number}")
spark.addArtifacts(sys.argv[2], file=True)
assert spark.createDataFrame([(n, "x" * 1000) for n in range(3000)], "n int, t string").count() == 3000
cut = rows.where("id % 2 = 0").localCheckpoint()
cut.createOrReplaceTempView("cut")
assert cut.groupBy((cut.d % 7).alias("k")).count().count() == 7
print("all is held", flush=True)
sys.stdin.read()
"""


@dataclass
class Given:
    """A cluster of two workers, and what it holds."""

    daemons: Daemons
    journal: Path | None
    channel: grpc.Channel

    def session_files(self) -> list[str]:
        """Uploads."""
        place = self.journal.parent if self.journal is not None else self.daemons.directory / "driver"
        return [folder for folder, _, _ in os.walk(place) if Path(folder).parent.name == "sessions"]

    def block_files(self) -> list[str]:
        """On disk and in memory."""
        places = [self.daemons.directory / name / "blocks" / f"worker-{name}" for name in ("w0", "w1")]
        places.extend(self._memory(name) for name in ("w0", "w1"))
        kinds = ("blocks", "broadcast", "spill", "partial")
        return [str(path) for path in files_below(*(place / kind for place in places for kind in kinds))]

    def _memory(self, worker: str) -> Path:
        """The directory a worker has in memory: it holds a lock there."""
        for opened in self._opened(worker):
            if opened.startswith("/dev/shm/headrace-"):
                return Path(opened).parent
        return Path("/nowhere")

    def _opened(self, name: str) -> list[str]:
        found = []
        for descriptor in Path(f"/proc/{self.daemons.processes[name].pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                found.append(os.readlink(descriptor))
        return found

    def spools(self) -> list[str]:
        """Unnamed files of the driver that hold results on their way."""
        home = str(self.daemons.directory / "driver")
        return [opened for opened in self._opened("driver") if opened.startswith(home) and opened.endswith("(deleted)")]

    def accounts(self) -> tuple[int, int]:
        """Bytes of cached rows in memory, and of everything on disk, as workers tell and a script reads it."""
        asked = [sys.executable, "-m", "headrace.cli", "workers", "--json", "--driver", self.daemons.address]
        answer = subprocess.run(asked, capture_output=True, text=True, timeout=60, check=True)
        told = [worker["heartbeat"] for worker in json.loads(answer.stdout)]
        disks = [disk for heartbeat in told for disk in heartbeat["disks"]]
        return (
            sum(int(heartbeat["memory"].get("storage_bytes", 0)) for heartbeat in told),
            sum(int(disk.get("used_bytes", 0)) for disk in disks),
        )

    def copies(self) -> int:
        """Map outputs that lie with both workers."""
        one, other = ({path.parts[-3:] for path in self.daemons.blocks(name)} for name in ("w0", "w1"))
        return len(one & other)

    def journal_rows(self) -> dict[str, int]:
        """By table, where there are any."""
        if self.journal is None:
            return {}
        with contextlib.closing(sqlite3.connect(f"file:{self.journal}/journal.db?mode=ro", uri=True)) as journal:
            tables = (*ROWS_OF_SESSIONS, *ROWS_OF_JOBS)
            counts = {name: journal.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in tables}
        return {name: count for name, count in counts.items() if count}

    def call(self, name: str, request: Any) -> Any:
        """One call in the session, as a client that comes back makes it. Raises what PySpark would."""
        request.session_id, request.user_context.user_id = SESSION, USER
        try:
            answer = getattr(base_pb2_grpc.SparkConnectServiceStub(self.channel), name)(request, timeout=60)
            return next(iter(answer)) if name == "ReattachExecute" else answer
        except grpc.RpcError as error:
            raise _as_pyspark_does(error) from error

    def operations(self) -> dict[str, int]:
        """States of the session's operations by id."""
        request = proto.GetStatusRequest()
        request.operation_status.SetInParent()
        answer = self.call("GetStatus", request)
        return {each.operation_id: each.state for each in answer.operation_statuses}


def _as_pyspark_does(error: grpc.RpcError) -> SparkConnectGrpcException:
    status = rpc_status.from_call(error)
    info = error_details_pb2.ErrorInfo()
    assert status is not None
    assert status.details[0].Unpack(info), status
    raised: SparkConnectGrpcException = convert_exception(info, status.message, None, None)
    return raised


@contextlib.contextmanager
def given(directory: Path, *, journal: bool) -> Iterator[Given]:
    daemons = Daemons(directory)
    with contextlib.ExitStack() as stack:
        stack.callback(daemons.stop)
        kept = directory / "driver" / "kept" / "journal" if journal else None
        flags = ["--port", "0", "--http-port", "0", *(("--journal", str(kept)) if kept is not None else ())]
        flags += ["--session-timeout", SESSION_TIMEOUT, "--operation-timeout", OPERATION_TIMEOUT]
        daemons.address = daemons.start("driver", "driver", *flags)["HEADRACE_DRIVER"]
        for number in range(2):
            daemons.add_worker(f"w{number}")
        channel = stack.enter_context(grpc.insecure_channel(daemons.address))
        yield Given(daemons, kept, channel)


@contextlib.contextmanager
def program(on: Given) -> Iterator[subprocess.Popen[str]]:
    """The client, once it holds something of everything; killed at the end if it lives."""
    file, upload = on.daemons.directory / "program.py", on.daemons.directory / "upload.txt"
    file.write_text(textwrap.dedent(PROGRAM))
    upload.write_text("uploaded")
    url = f"sc://{on.daemons.address}/;user_id={USER};session_id={SESSION}"
    with (on.daemons.directory / "program.log").open("w") as log:
        client = subprocess.Popen(
            [sys.executable, str(file), url, str(upload)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    try:
        assert client.stdout is not None
        said = [client.stdout.readline().strip() for _ in range(2)]
        assert said[1] == "all is held", (on.daemons.directory / "program.log").read_text()
        yield client
    finally:
        client.kill()
        client.communicate()


def _gone(what: Callable[[], Any], name: str) -> None:
    until(lambda: not what(), WAIT_S_MAX, f"{name} given back, first {what()}")


def _all_is_held(on: Given) -> str:
    """The operation that is half read."""
    [half_read] = [name for name, state in on.operations().items() if state == RUNNING]
    until(on.spools, WAIT_S_MAX, "a result in the driver's spool")
    until(on.copies, WAIT_S_MAX, "second copies of cached rows")
    on_disk = sum(path.stat().st_size for name in ("w0", "w1") for path in on.daemons.blocks(name))
    until(lambda: on.accounts()[0] and on.accounts()[1] >= on_disk, WAIT_S_MAX, "the accounts of what is there")
    held = on.block_files()
    assert any(path.startswith("/dev/shm/") for path in held), held
    assert any(not path.startswith("/dev/shm/") for path in held), held
    assert on.session_files()
    if on.journal is not None:
        assert {*ROWS_OF_SESSIONS, "outputs", "stages", "steps", "reads"} <= on.journal_rows().keys()
    return half_read


def _nothing_is_held(on: Given) -> None:
    _gone(on.session_files, "uploads")
    _gone(on.spools, "spooled results")
    _gone(on.block_files, "blocks")
    _gone(on.journal_rows, "journal rows")
    until(lambda: on.accounts() == (0, 0), WAIT_S_MAX, f"accounts empty, first {on.accounts()}")


def _is_refused(on: Given, condition: str, name: str, request: Any) -> None:
    with pytest.raises(SparkConnectGrpcException) as caught:
        on.call(name, request)
    assert caught.value.getCondition() == condition


@pytest.mark.long
@pytest.mark.parametrize("journal", [False, True], ids=["plain", "journal"])
def test_a_vanished_clients_session_expires_with_all_it_held(tmp_path: Path, journal: bool) -> None:
    with given(tmp_path, journal=journal) as on:
        with program(on) as client:
            running = _all_is_held(on)
            client.kill()
            client.wait()
        # Asking keeps the session open, so that what its query held is seen to go first.
        until(lambda: on.operations()[running] != RUNNING, WAIT_S_MAX, "the query abandoned")
        _is_refused(
            on,
            "INVALID_HANDLE.OPERATION_ABANDONED",
            "ReattachExecute",
            proto.ReattachExecuteRequest(operation_id=running),
        )
        _gone(on.spools, "spooled results")
        assert on.session_files()
        _nothing_is_held(on)
        for name, request in (
            ("Config", proto.ConfigRequest()),
            ("ReattachExecute", proto.ReattachExecuteRequest(operation_id=running)),
        ):
            _is_refused(on, "INVALID_HANDLE.SESSION_CLOSED", name, request)


def test_a_released_session_gives_back_all_it_held(tmp_path: Path) -> None:
    """At once, while its client still reads."""
    with given(tmp_path, journal=True) as on, program(on):
        _all_is_held(on)
        on.call("ReleaseSession", proto.ReleaseSessionRequest())
        _nothing_is_held(on)
        _is_refused(on, "INVALID_HANDLE.SESSION_CLOSED", "Config", proto.ConfigRequest())
