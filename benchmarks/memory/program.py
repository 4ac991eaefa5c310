"""Runs one program on one engine, in that engine's environment, and prints one JSON line about it.

    python -m benchmarks.memory.program headrace sort --memory-mb 1024 --factor 1.0 --directory /data

`--memory-mb` is what each of two workers may use. Headrace is told it; Spark gets twice that as the heap of its one
process, the least it can be told; Sail has no such setting. What holds all three is the control group around them.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.memory.programs import PROGRAMS, Sizes
from benchmarks.runner import free_port, wait_for_port


@contextlib.contextmanager
def headrace_session(memory_mb: int) -> Iterator[Any]:
    import headrace

    with headrace.LocalCluster(workers=2, cores_per_worker=1, memory_per_worker=f"{memory_mb}m") as cluster:
        yield cluster.session()


@contextlib.contextmanager
def spark_session(memory_mb: int) -> Iterator[Any]:
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local[2]").config("spark.driver.memory", f"{2 * memory_mb}m")
    spark = builder.config("spark.ui.enabled", "false").getOrCreate()
    yield spark
    spark.stop()


@contextlib.contextmanager
def sail_session(memory_mb: int) -> Iterator[Any]:
    from pyspark.sql.connect.session import SparkSession

    del memory_mb
    port = free_port()
    command = [str(Path(sys.executable).with_name("sail")), "spark", "server", "--port", str(port)]
    server = subprocess.Popen(command, env={**os.environ, "SAIL_MODE": "local"}, stdout=sys.stderr)
    try:
        wait_for_port(port, server)
        yield SparkSession.builder.remote(f"sc://127.0.0.1:{port}").getOrCreate()
    finally:
        server.kill()


SESSIONS = {"headrace": headrace_session, "spark": spark_session, "sail": sail_session}


def main() -> None:
    """See the module's description."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory.program")
    parser.add_argument("engine", choices=SESSIONS)
    parser.add_argument("program", choices=PROGRAMS)
    parser.add_argument("--memory-mb", type=int, required=True)
    parser.add_argument("--factor", type=float, default=1.0)
    parser.add_argument("--directory", type=Path, required=True)
    options = parser.parse_args()
    with SESSIONS[options.engine](options.memory_mb) as spark:
        started = time.perf_counter()
        try:
            found = PROGRAMS[options.program](spark, Sizes().scaled(options.factor), options.directory)
            answer: dict[str, Any] = {"found": found}
        except Exception as error:  # noqa: BLE001  (engines raise whatever they like; all of it is reported)
            answer = {"error": f"{type(error).__name__}: {error}"[:500]}
        print(json.dumps({**answer, "seconds": time.perf_counter() - started}), flush=True)


if __name__ == "__main__":
    main()
