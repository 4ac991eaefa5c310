"""Wall clocks that jump by an hour in the middle of a query: nobody is given up and nothing is done again for it."""

from __future__ import annotations

import re
import shutil
import subprocess
from datetime import datetime
from pathlib import Path

import pytest

from tests.chaos.daemons import Chaos, chaos_cluster
from tests.chaos.running import QUERY, caught

pytestmark = pytest.mark.cluster

HOUR_S = 3600


@pytest.fixture
def clock(tmp_path: Path) -> Path:
    """Compiled for this machine; skips the test, saying why, where that cannot be."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler to make a clock with that jumps")
    library = tmp_path / "jumping_clock.so"
    source = Path(__file__).with_name("jumping_clock.c")
    command = [compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(source), "-ldl", "-lpthread"]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"the clock that jumps cannot be compiled here: {made.stderr}")
    return library


def newest_log_time(chaos: Chaos) -> datetime:
    """Of the driver, by its own clock."""
    times = re.findall(r"^\S*?(\d{4}-\d\d-\d\dT[\d:.]+Z)", chaos.daemons.log("driver"), re.MULTILINE)
    return datetime.fromisoformat(times[-1])


def test_wall_clocks_jump_in_the_middle_of_a_query(tmp_path: Path, clock: Path) -> None:
    """The driver's to and fro, a worker's the other way."""
    with chaos_cluster(tmp_path, workers=2, clock=clock) as chaos:
        expected = chaos.spark.sql(QUERY).collect()
        at = len(chaos.daemons.log("driver"))
        for jump_s in (HOUR_S, -HOUR_S):
            before = newest_log_time(chaos)
            running, _ = caught(chaos, ["w0"])
            chaos.daemons.jump("driver", jump_s)
            chaos.daemons.jump("w0", -jump_s)
            assert running.wait(120)[0] == expected
            moved_s = (newest_log_time(chaos) - before).total_seconds()
            assert abs(moved_s) > HOUR_S / 2, "the driver's clock has not jumped"
            job = running.job(chaos)
            tasks = [task for stage in job.stages for task in stage.tasks]
            assert {task.failure.WhichOneof("cause") for task in tasks} <= {None, "cancelled"}
        assert "worker lost" not in chaos.daemons.log("driver")[at:]
