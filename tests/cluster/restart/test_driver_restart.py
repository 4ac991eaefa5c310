"""A driver killed with -9 and started again on its journal: clients notice a pause, nothing else."""

from __future__ import annotations

import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import threading
from contextlib import closing, suppress
from pathlib import Path

import pytest

from headrace.errors import ExitCode
from tests.cluster.restart.restartable import HEADRACE, Cluster, free_port, outcome, said, tell

pytestmark = pytest.mark.cluster


class Relay:
    """A port that leads to a driver's, and can be made to lead to another's: what was connected is cut off."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def lead_to(self, target: int) -> None:
        self._target = target
        while self._open:
            with suppress(OSError):
                self._open.pop().shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        # Closing alone would leave the thread in accept.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.lead_to(0)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                with suppress(OSError):
                    far = socket.create_connection(("127.0.0.1", self._target))
                    self._open += [near, far]
                    for ends in ((near, far), (far, near)):
                        threading.Thread(target=self._pass_on, args=ends, daemon=True).start()
                    continue
                near.close()

    @staticmethod
    def _pass_on(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError), source, sink:
            while octets := source.recv(1 << 16):
                sink.sendall(octets)


def test_idle_sessions_are_as_they_were(cluster: Cluster) -> None:
    cluster.start_worker("w1")
    program = cluster.program(
        """
        spark.conf.set("spark.sql.session.timeZone", "Asia/Tokyo")
        spark.range(10).where("id > 3").createOrReplaceTempView("v")
        spark.table("v").where("id > 5").createOrReplaceTempView("v")
        spark.range(2).createOrReplaceGlobalTempView("g")
        rows = [(number, "x" * 1000) for number in range(3000)]
        data = spark.createDataFrame(rows, "n int, t string")
        say(data.count())
        hear("go on")
        say(spark.conf.get("spark.sql.session.timeZone"))
        say(spark.table("v").count())
        say(spark.sql("select count(*) from global_temp.g").first()[0])
        say(data.where("n >= 1000").count())
        spark.range(3).createOrReplaceTempView("w")
        say(spark.table("v").join(spark.table("w"), "id", "left").count())
        """
    )
    assert said(program) == "3000"
    for _ in range(2):
        cluster.kill_driver()
        cluster.start_driver()
    tell(program, "go on")
    assert outcome(program) == ["Asia/Tokyo", "4", "2", "2000", "4"]


SLOW = "id % 7 as k, sum(length(sha2(concat(id, repeat('x', 40)), 256))) as n"
"""About a second for half a million rows."""


def test_a_query_in_flight_goes_on_without_losing_what_was_computed(cluster: Cluster) -> None:
    cluster.start_worker("w1")
    cluster.start_worker("w2")
    program = cluster.program(
        f"""
        say("ready")
        rows = spark.sql("select {SLOW} from range(0, 8000000, 1, 32) group by 1 order by 1").collect()
        say([(row.k, row.n) for row in rows] == [
            (k, 64 * len(range(k, 8000000, 7))) for k in range(7)])
        """
    )
    assert said(program) == "ready"
    cluster.wait_for_outputs(6)
    cluster.kill_driver()
    at = len(cluster.log("driver"))
    cluster.start_driver()
    resumed = cluster.wait_for_log("driver", "job resumed", at)
    credited = int(re.search(r"outputs\S*?=\S*?(\d+)", re.sub(r"\x1b\[[0-9;]*m", "", resumed)).group(1))  # type: ignore[union-attr]
    assert outcome(program) == ["True"]
    assert 0 < credited < 34
    assert cluster.log("w1").count("registered") == 2, "the worker was not restarted"


def test_a_result_half_read_is_read_on(cluster: Cluster) -> None:
    """What the client has had is not sent again, what it has not had is not lost; the order stays."""
    cluster.start_worker("w1")
    program = cluster.program(
        """
        seen = 0
        text = "repeat(md5(cast(id as string)), 10)"
        for row in spark.sql(f"select id, {text} as t from range(0, 600000, 1, 4)").toLocalIterator():
            assert row.id == seen, (row.id, seen)
            assert len(row.t) == 320
            if seen == 100000:
                say("some")
                hear("go on")
            seen += 1
        say(seen)
        """
    )
    assert said(program) == "some"
    cluster.kill_driver()
    cluster.start_driver()
    tell(program, "go on")
    assert outcome(program) == ["600000"]


@pytest.mark.parametrize("outputs", [1, 4])
def test_a_write_is_made_once(cluster: Cluster, tmp_path: Path, outputs: int) -> None:
    cluster.start_worker("w1")
    cluster.start_worker("w2")
    target = tmp_path / "written"
    program = cluster.program(
        f"""
        say(spark.range(1).count())
        frame = spark.sql("select id, sha2(concat(id, repeat('x', 40)), 256) as t from range(0, 600000, 1, 12)")
        for mode in ("append", "append"):
            frame.write.mode(mode).parquet("{target}")
        say(spark.read.parquet("{target}").count())
        say(spark.read.parquet("{target}").distinct().count())
        """
    )
    assert said(program) == "1"
    cluster.wait_for_outputs(outputs)
    cluster.kill_driver()
    cluster.start_driver()
    assert outcome(program) == ["1200000", "600000"]
    assert "cannot be kept" not in cluster.log("driver")
    assert not [path for path in target.rglob("*") if "_temporary" in path.name]


def test_a_write_that_was_made_is_not_made_again_when_its_plan_is_lost(cluster: Cluster, tmp_path: Path) -> None:
    """The client has not heard of its end, and would send it again if the driver did not know it.

    The worker comes once the client is stopped: the write cannot end while its client still listens.
    """
    target = tmp_path / "written"
    program = cluster.program(
        f"""
        say("ready")
        hear("go on")
        spark.range(1000).write.mode("append").parquet("{target}")
        say(spark.read.parquet("{target}").count())
        """
    )
    assert said(program) == "ready"
    tell(program, "go on")
    cluster.wait_for_journal("SELECT count(*) FROM operations WHERE query IS NOT NULL")
    program.send_signal(signal.SIGSTOP)
    cluster.start_worker("w1")
    cluster.wait_for_journal("SELECT count(*) FROM operations WHERE outcome = 'SUCCEEDED' AND query IS NOT NULL")
    cluster.kill_driver()
    with closing(sqlite3.connect(cluster.directory / "kept" / "journal.db")) as journal, journal:
        journal.execute("UPDATE operations SET query = x''")
    cluster.start_driver()
    program.send_signal(signal.SIGCONT)
    assert outcome(program) == ["1000"]


def test_a_second_driver_is_refused(cluster: Cluster) -> None:
    arguments = ("driver", "--port", "0", "--http-port", "0", "--journal", str(cluster.directory / "kept"))
    second = subprocess.run([*HEADRACE, *arguments], capture_output=True, text=True, timeout=60)
    assert second.returncode == ExitCode.REFUSED
    assert "is in use by the driver with process id" in second.stderr
    assert "--journal" in second.stderr


def test_workers_that_gave_up_waiting_compute_again(cluster: Cluster) -> None:
    cluster.start_worker("w1", "--driver-grace", "1s")
    program = cluster.program(
        f"""
        say("ready")
        rows = spark.sql("select {SLOW} from range(0, 4000000, 1, 16) group by 1 order by 1").collect()
        say(sum(row.n for row in rows))
        """
    )
    assert said(program) == "ready"
    cluster.wait_for_outputs(3)
    cluster.kill_driver()
    cluster.wait_for_log("w1", "stays away")
    cluster.start_driver()
    assert outcome(program) == [str(64 * 4000000)]


def test_jobs_are_remembered(cluster: Cluster) -> None:
    cluster.start_worker("w1")
    address = f"127.0.0.1:{cluster.port}"
    sql = [*HEADRACE, "sql", "--driver", address, "select count(*) as seen from range(1000)"]
    assert subprocess.run(sql, capture_output=True, text=True, timeout=60).returncode == 0
    before = subprocess.run([*HEADRACE, "jobs", "--driver", address], capture_output=True, text=True, timeout=60)
    cluster.kill_driver()
    cluster.start_driver()
    after = subprocess.run([*HEADRACE, "jobs", "--driver", address], capture_output=True, text=True, timeout=60)
    assert "count(*) as seen" in after.stdout
    assert after.stdout == before.stdout
    shown = subprocess.run([*HEADRACE, "job", "1", "--plan", "--driver", address], capture_output=True, text=True)
    assert shown.returncode == 0, shown.stderr


def test_a_worker_obeys_no_older_driver(cluster: Cluster, tmp_path: Path) -> None:
    """The one that was replaced is refused when it comes to life again, as after a pause of its machine. Its journal is
    copied: the lock on it, which would have kept the second driver from starting, does not hold across machines."""
    relay = Relay(cluster.port)
    try:
        cluster.start(
            "w1", "worker", "--driver", f"127.0.0.1:{relay.port}", "--name", "w1", wait_for="HEADRACE_WORKER="
        )
        replaced = cluster.driver
        assert replaced is not None
        replaced.send_signal(signal.SIGSTOP)
        shutil.copytree(tmp_path / "kept", tmp_path / "copy")
        port = free_port()
        arguments = ("--port", str(port), "--http-port", "0", "--journal", str(tmp_path / "copy"))
        cluster.start("successor", "driver", *arguments, wait_for="HEADRACE_DRIVER=")
        at = len(cluster.log("w1"))
        relay.lead_to(port)
        cluster.wait_for_log("w1", "registered", at)
        replaced.send_signal(signal.SIGCONT)
        at = len(cluster.log("w1"))
        relay.lead_to(cluster.port)
        cluster.wait_for_log("w1", "a driver that has been replaced is refused", at)
        assert "registered" not in cluster.log("w1")[at:]
        relay.lead_to(port)
        cluster.wait_for_log("w1", "registered", at)
    finally:
        relay.close()
