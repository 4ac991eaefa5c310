"""Runs one engine for a benchmark, inside that engine's own environment; the harness speaks to it in JSON lines.

Requests on standard input are `{"sql": text}`; each answer is `{"seconds", "rows", "checksums"}` or `{"error"}`. The
first line written is `{"ready": seconds}`. Only the standard library, pyarrow and the engine itself are imported here,
since every engine has an environment with nothing else in it. The time of a query is from its text to all of its rows
as Arrow in the client's memory; checksums are taken outside of it.
"""

import argparse
import contextlib
import decimal
import json
import os
import socket
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

Query = Callable[[str], Any]
SERVER_START_SECONDS_MAX = 60


@contextlib.contextmanager
def duckdb_engine(tables: list[Path], memory: str) -> Iterator[Query]:
    """DuckDB in this process with two threads; `memory` is its limit."""
    import duckdb

    connection = duckdb.connect(config={"threads": 2, "memory_limit": memory} if memory else {"threads": 2})
    for path in tables:
        connection.execute(f"CREATE VIEW {path.stem} AS FROM read_parquet('{path}')")
    yield lambda text: connection.sql(text).to_arrow_table()
    connection.close()


@contextlib.contextmanager
def spark_engine(tables: list[Path], memory: str) -> Iterator[Query]:
    """Classic Spark on two threads; `memory` is the heap. Nothing but that is tuned."""
    from pyspark.sql import SparkSession

    spark = (
        SparkSession.builder.master("local[2]")
        .config("spark.driver.memory", memory or "8g")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.session.timeZone", "UTC")
        .getOrCreate()
    )
    with_views(spark, tables)
    yield lambda text: spark.sql(text).toArrow()
    spark.stop()


@contextlib.contextmanager
def sail_engine(tables: list[Path], memory: str, *, cluster: bool = False) -> Iterator[Query]:
    """A Sail server as a child process and PySpark's Connect client here."""
    del memory  # Sail has no such setting.
    settings = {"SAIL_MODE": "local"}
    if cluster:
        settings = {
            "SAIL_MODE": "local-cluster",
            "SAIL_CLUSTER__WORKER_INITIAL_COUNT": "2",
            "SAIL_CLUSTER__WORKER_MAX_COUNT": "2",
            "SAIL_CLUSTER__WORKER_TASK_SLOTS": "1",
        }
    port = free_port()
    command = [str(Path(sys.executable).with_name("sail")), "spark", "server", "--port", str(port)]
    server = subprocess.Popen(command, env={**os.environ, **settings}, stdout=sys.stderr)
    try:
        wait_for_port(port, server)
        with connect_engine(f"sc://127.0.0.1:{port}", tables) as query:
            yield query
    finally:
        server.terminate()
        server.wait(timeout=20)


@contextlib.contextmanager
def headrace_engine(tables: list[Path], memory: str) -> Iterator[Query]:
    """A Headrace cluster of two workers with one core each; `memory` is each worker's budget."""
    import headrace

    with headrace.LocalCluster(workers=2, cores_per_worker=1, memory_per_worker=memory or None) as cluster:
        spark = cluster.session()
        with_views(spark, tables)
        yield lambda text: spark.sql(text).toArrow()


@contextlib.contextmanager
def connect_engine(address: str, tables: list[Path]) -> Iterator[Query]:
    """A Spark Connect server that is already there."""
    from pyspark.sql.connect.session import SparkSession

    spark = SparkSession.builder.remote(address).getOrCreate()
    with_views(spark, tables)
    yield lambda text: spark.sql(text).toArrow()
    spark.stop()


def with_views(spark: Any, tables: list[Path]) -> None:
    """Each table as a temporary view of its name."""
    for path in tables:
        spark.read.parquet(str(path)).createOrReplaceTempView(path.stem)


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_port(port: int, server: "subprocess.Popen[bytes]") -> None:
    """Return once the server accepts connections; raise when it ends or takes too long."""
    deadline = time.monotonic() + SERVER_START_SECONDS_MAX
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise RuntimeError(f"the server ended with code {server.returncode} before it listened")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise TimeoutError(f"no server on port {port} after {SERVER_START_SECONDS_MAX} s")


def checksums(table: Any) -> list[float]:
    """One number a column, whatever the order of the rows and the numeric type: the sum of numbers, else of CRCs."""
    return [sum(_weight(value) for value in column.to_pylist()) for column in table.columns]


def _weight(value: object) -> float:
    match value:
        case None:
            return 0.0
        case bool() | int() | float() | decimal.Decimal():
            return float(value)
    return float(zlib.crc32(str(value).encode()))


OPENERS: dict[str, Callable[[list[Path], str], "contextlib.AbstractContextManager[Query]"]] = {
    "headrace": headrace_engine,
    "duckdb": duckdb_engine,
    "sail": sail_engine,
    "sail-cluster": lambda tables, memory: sail_engine(tables, memory, cluster=True),
    "spark": spark_engine,
}


def answer(query: Query, text: str) -> dict[str, Any]:
    """Run one query; an engine's failure is an answer too."""
    started = time.perf_counter()
    try:
        table = query(text)
    except Exception as error:  # noqa: BLE001 - engines raise whatever they like; all of it is reported
        return {"error": f"{type(error).__name__}: {error}"[:1000], "seconds": time.perf_counter() - started}
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "rows": table.num_rows, "checksums": checksums(table)}


def main() -> None:
    """Serve requests until standard input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("engine", choices=sorted(OPENERS))
    parser.add_argument("directory", type=Path, help="Parquet files, one a table")
    parser.add_argument("--memory", default="", help="the engine's memory setting; empty for its default")
    arguments = parser.parse_args()
    # Engines and JVMs print what they like; answers go to a descriptor of their own.
    replies = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    started = time.perf_counter()
    with OPENERS[arguments.engine](sorted(arguments.directory.glob("*.parquet")), arguments.memory) as query:
        replies.write(json.dumps({"ready": time.perf_counter() - started}) + "\n")
        for line in sys.stdin:
            replies.write(json.dumps(answer(query, json.loads(line)["sql"])) + "\n")


if __name__ == "__main__":
    main()
