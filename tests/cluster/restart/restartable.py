"""A driver that can be killed and started again on its journal, its workers, and programs a test speaks with."""

from __future__ import annotations

import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import textwrap
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

HEADRACE = [sys.executable, "-m", "headrace.cli"]
START_S_MAX = 30.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Cluster:
    """A driver with a journal on a port of its own, workers, and programs that use them; all ended with the test."""

    directory: Path
    port: int = field(default_factory=free_port)
    processes: list[subprocess.Popen[str]] = field(default_factory=list)
    driver: subprocess.Popen[str] | None = None

    def start(self, name: str, *arguments: str, wait_for: str = "") -> subprocess.Popen[str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("HEADRACE_")}
        environment = {**kept, "TMPDIR": str(self.directory), "XDG_CONFIG_HOME": str(self.directory)}
        with (self.directory / f"{name}.log").open("a") as log:
            process = subprocess.Popen(
                [*HEADRACE, *arguments], stdout=subprocess.PIPE, stderr=log, text=True, env=environment
            )
        self.processes.append(process)
        assert process.stdout is not None
        if wait_for:
            line = process.stdout.readline()
            assert line.startswith(wait_for), self.log(name)
        return process

    def start_driver(self) -> None:
        arguments = ("driver", "--port", str(self.port), "--http-port", "0", "--journal", str(self.directory / "kept"))
        self.driver = self.start("driver", *arguments, wait_for="HEADRACE_DRIVER=")

    def start_worker(self, name: str, *more: str) -> subprocess.Popen[str]:
        arguments = ("--driver", f"127.0.0.1:{self.port}", "--name", name, "--cores", "1", "--memory", "1g", *more)
        return self.start(name, "worker", *arguments, wait_for="HEADRACE_WORKER=")

    def kill_driver(self) -> None:
        assert self.driver is not None
        self.driver.kill()
        self.driver.wait()

    def program(self, code: str) -> subprocess.Popen[str]:
        """PySpark with `spark` ready; `say(word)` and `hear(word)` speak with the test over standard streams."""
        head = f"""
            import sys, time
            from pyspark.sql import SparkSession, functions as sf
            spark = SparkSession.builder.remote("sc://127.0.0.1:{self.port}").getOrCreate()
            def say(word):
                print(word, flush=True)
            def hear(word):
                assert sys.stdin.readline().strip() == word
        """
        # A file: what comes by -c PySpark takes for its own doctests.
        file = self.directory / "program.py"
        file.write_text(textwrap.dedent(head) + textwrap.dedent(code))
        process = subprocess.Popen(
            [sys.executable, str(file)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.processes.append(process)
        return process

    def log(self, name: str) -> str:
        return (self.directory / f"{name}.log").read_text()

    def wait_for_log(self, name: str, pattern: str, since: int = 0) -> str:
        """Until the log has a line that matches; returns that line."""
        deadline_s = time.monotonic() + START_S_MAX
        while time.monotonic() < deadline_s:
            for line in self.log(name)[since:].splitlines():
                if re.search(pattern, line):
                    return line
            time.sleep(0.05)
        raise AssertionError(f"no {pattern} in {self.log(name)[since:]}")

    def wait_for_journal(self, query: str, count: int = 1) -> None:
        """Until the query, which counts something in the journal, gives at least so many."""
        deadline_s = time.monotonic() + START_S_MAX
        while time.monotonic() < deadline_s:
            with closing(sqlite3.connect(f"file:{self.directory}/kept/journal.db?mode=ro", uri=True)) as journal:
                if journal.execute(query).fetchone()[0] >= count:
                    return
            time.sleep(0.02)
        raise AssertionError(f"not {count}: {query}")

    def wait_for_outputs(self, count: int) -> None:
        """Until so many tasks' outputs have been noted."""
        self.wait_for_journal("SELECT count(*) FROM outputs", count)

    def end(self) -> None:
        for process in self.processes:
            process.send_signal(signal.SIGKILL)
        for process in self.processes:
            process.wait(10)
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream is not None:
                    stream.close()


def said(program: subprocess.Popen[str]) -> str:
    """The next word of the program, or why it has ended."""
    assert program.stdout is not None
    line = program.stdout.readline().strip()
    if not line:
        assert program.stderr is not None
        raise AssertionError(program.stderr.read())
    return line


def tell(program: subprocess.Popen[str], word: str) -> None:
    """A word the program waits for in `hear`."""
    assert program.stdin is not None
    program.stdin.write(word + "\n")
    program.stdin.flush()


def outcome(program: subprocess.Popen[str], timeout_s: float = 90) -> list[str]:
    """What else the program says before it ends, which it must do well."""
    out, err = program.communicate(timeout=timeout_s)
    assert program.returncode == 0, err
    return out.split()
