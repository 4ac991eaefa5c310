"""What a worker serves: health and reflection for everybody, blocks for members of the cluster only; and its data."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import duckdb
import grpc
import psutil
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from headrace_proto.v1 import blocks_pb2, blocks_pb2_grpc, common_pb2
from tests.cluster.scripted_driver import scripted_driver, worker_process
from tests.cluster.test_worker_faults import (
    FINISHED,
    counting_stage,
    pretend_remote,
    reducers,
    rows,
    until,
    words_stage,
)

pytestmark = pytest.mark.cluster


def fetch(address: str, *metadata: tuple[str, str]) -> list[blocks_pb2.FetchChunk]:
    with grpc.insecure_channel(address) as channel:
        stub = blocks_pb2_grpc.BlocksStub(channel)  # type: ignore[no-untyped-call]
        request = blocks_pb2.FetchRequest(
            output=common_pb2.OutputId(job_id=1, stage_id=1), maps=[blocks_pb2.MapOutput()], reducer_count=1
        )
        return list(stub.Fetch(request, metadata=metadata, timeout=5))


def test_blocks_need_the_join_secret_and_health_does_not(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with (
            scripted_driver(secret="s3cret") as driver,
            worker_process(driver, "w0", tmp_path / "w0", "--secret", "s3cret"),
        ):
            (worker,) = await driver.wait_for_workers(1)
            address = worker.registration.address
            for metadata in ([], [("authorization", "Bearer wrong")], [("authorization", "s3cret")]):
                with pytest.raises(grpc.RpcError) as refused:
                    await asyncio.to_thread(fetch, address, *metadata)
                assert refused.value.code() == grpc.StatusCode.UNAUTHENTICATED
            (chunk,) = await asyncio.to_thread(fetch, address, ("authorization", "Bearer s3cret"))
            assert chunk.missing
            async with grpc.aio.insecure_channel(address) as channel:
                answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
                assert answer.status == health_pb2.HealthCheckResponse.SERVING

    asyncio.run(scenario())


def test_registration_and_heartbeats_say_what_there_is(tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "day=1").mkdir(parents=True)
    duckdb.sql(f"COPY (SELECT 1 AS x) TO '{data}/day=1/a.parquet'")
    (data / "_SUCCESS").touch()
    (data / "b.csv").write_text("x\n1\n")

    async def scenario() -> None:
        async with (
            scripted_driver() as driver,
            worker_process(driver, "w0", tmp_path / "w0", "--data", f"logs={data}", "--rack", "r1", slots=2),
        ):
            (worker,) = await driver.wait_for_workers(1)
            told = worker.registration
            assert (told.slots, told.threads_per_slot, told.rack, told.memory_bytes) == (2, 1, "r1", 1 << 30)
            assert told.engine_version == f"duckdb {duckdb.__version__}"
            (listing,) = told.data
            files = {file.relative_path: file for file in listing.files}
            assert files.keys() == {"day=1/a.parquet", "b.csv"}
            assert files["b.csv"].parquet_footer == b""
            whole = (data / "day=1" / "a.parquet").read_bytes()
            assert whole.endswith(bytes(files["day=1/a.parquet"].parquet_footer) + whole[-8:])
            await driver.until(
                lambda: worker.heartbeats and worker.heartbeats[-1].rss_bytes and worker.heartbeats[-1].free_slots == 2
            )
            beat = worker.heartbeats[-1]
            assert (beat.executors, beat.free_slots, beat.budget_bytes) == (2, 2, 1 << 30)
            assert 100 << 20 < beat.rss_bytes < 1 << 30
            assert beat.disks[0].directory.startswith(str(tmp_path))
            assert beat.disks[0].free_bytes > 0

    asyncio.run(scenario())


def test_an_open_address_without_a_secret_is_refused(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with (
            scripted_driver() as driver,
            worker_process(driver, "w0", tmp_path / "w0", "--bind", "0.0.0.0:0") as process,
        ):
            assert await process.wait() == 2
            assert process.stderr is not None
            assert b"--insecure" in await process.stderr.read()

    asyncio.run(scenario())


def test_a_port_in_use_and_an_unwritable_directory_are_named(tmp_path: Path) -> None:
    async def scenario() -> None:
        (tmp_path / "file").touch()
        async with scripted_driver() as driver:
            for arguments, text in (
                (["--bind", driver.address], driver.address),
                (["--directories", str(tmp_path / "file")], str(tmp_path / "file")),
            ):
                async with worker_process(driver, "w0", tmp_path / "w0", *arguments) as process:
                    assert await process.wait() == 2
                    assert process.stderr is not None
                    assert text.encode() in await process.stderr.read()

    asyncio.run(scenario())


def test_a_worker_goes_with_the_process_that_started_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with scripted_driver() as driver:
            command = [sys.executable, "-m", "headrace_worker", "--driver", driver.address, "--parent-pid"]
            launcher = (
                "import os, subprocess, sys\n"
                f"subprocess.Popen({command!r} + [str(os.getpid()), '--directories', {str(tmp_path)!r}])\n"
                "sys.stdin.read()"
            )
            parent = await asyncio.create_subprocess_exec(sys.executable, "-c", launcher, stdin=asyncio.subprocess.PIPE)
            try:
                (worker,) = await driver.wait_for_workers(1)
                daemon = psutil.Process(worker.registration.pid)
                processes = [daemon, *daemon.children(recursive=True)]
                os.kill(parent.pid, signal.SIGKILL)
                await until(lambda: not any(process.is_running() for process in processes))
                assert os.listdir(tmp_path) == []
            finally:
                await parent.wait()

    asyncio.run(scenario())


def certificates(folder: Path) -> tuple[Path, Path, Path]:
    """An authority, and one certificate of it for this machine: (authority, certificate, key)."""

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    new_key = ("-newkey", "rsa:2048", "-nodes")
    openssl("req", "-x509", *new_key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=test authority")
    openssl("req", *new_key, "-keyout", "key.pem", "-out", "request.pem", "-subj", "/CN=worker")
    (folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1")
    signing = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "names")
    openssl("x509", "-req", "-in", "request.pem", *signing, "-out", "cert.pem")
    return folder / "ca.pem", folder / "cert.pem", folder / "key.pem"


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificates")
def test_mutual_tls_between_driver_and_workers(tmp_path: Path) -> None:
    ca, cert, key = certificates(tmp_path)
    pair = (key.read_bytes(), cert.read_bytes())
    driver_tls = grpc.ssl_server_credentials([pair], ca.read_bytes(), require_client_auth=True)
    flags = ("--tls-ca", str(ca), "--tls-cert", str(cert), "--tls-key", str(key), "--require-client-cert")

    async def scenario() -> None:
        async with (
            scripted_driver(tls=driver_tls) as driver,
            worker_process(driver, "w0", tmp_path / "w0", *flags),
            worker_process(driver, "w1", tmp_path / "w1", *flags),
        ):
            await driver.wait_for_workers(2)
            await driver.run_stage(words_stage(), [rows(0, 50_000)], place=lambda _: 0)
            table = driver.output_table(common_pb2.OutputId(job_id=1, stage_id=0), 4)
            pretend_remote(table)
            (counted,) = await driver.run_stage(counting_stage(), [reducers(0, 4)], [table], place=lambda _: 1)
            assert counted.state == FINISHED, counted.failure
            assert counted.metrics.fetch_remote_bytes > 500_000
            with pytest.raises(grpc.RpcError) as refused:
                await asyncio.to_thread(fetch, driver.workers["w0"].registration.address)
            assert refused.value.code() == grpc.StatusCode.UNAVAILABLE

    asyncio.run(scenario())
