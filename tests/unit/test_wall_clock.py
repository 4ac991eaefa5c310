"""Nothing is decided by the wall clock, which may jump: it is read where a time of day is the answer, only there."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = ("client/headrace", "driver/headrace_driver", "worker/headrace_worker")

READERS = {
    "time": {"time", "time_ns", "ctime", "localtime", "gmtime", "asctime", "strftime"},
    "datetime": {"now", "utcnow", "today"},
    "date": {"today"},
}
"""What reads the wall clock, by the name of its module or class."""

ALLOWED = {
    "client/headrace/commands/jobs.py": "how long a running job has taken, shown to people",
    "client/headrace/commands/workers.py": "how long ago a worker was heard, shown to people",
    "driver/headrace_driver/cluster/runner.py": "when a job began and ended, shown to people",
    "driver/headrace_driver/cluster/shell.py": "when a task began and ended, shown to people",
    "driver/headrace_driver/query/names.py": "the value of current_timestamp()",
    "driver/headrace_driver/restart.py": "when a job ended, shown to people",
    "driver/headrace_driver/sql/constants.py": "the values of 'now', 'today' and the like",
    "driver/headrace_driver/web/server.py": "how long a running job has taken, shown to people",
}
"""Modules that may read it, with what for."""


def wall_clock_reads(source: str) -> list[int]:
    """Lines that read the wall clock, or import what reads it under a name of its own."""
    lines = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute):
            owner = node.value.attr if isinstance(node.value, ast.Attribute) else getattr(node.value, "id", "")
            if node.attr in READERS.get(owner.lstrip("_"), ()):
                lines.append(node.lineno)
        elif isinstance(node, ast.ImportFrom) and node.module == "time":
            lines += [node.lineno for alias in node.names if alias.name in READERS["time"]]
    return lines


def test_readers_are_found() -> None:
    source = """
import time, datetime
from time import time_ns
time.monotonic()
a = time.time()
b = datetime.datetime.now(tz)
c = clock = time.time
d = datetime.date.today()
"""
    assert sorted(wall_clock_reads(source)) == [3, 5, 6, 7, 8]


def test_only_times_of_day_are_read_from_the_wall_clock() -> None:
    found = {}
    for folder in SOURCES:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if lines := wall_clock_reads(path.read_text()):
                found[str(path.relative_to(ROOT))] = lines
    unknown = {name: lines for name, lines in found.items() if name not in ALLOWED}
    assert not unknown, "decide by time.monotonic(), or say in ALLOWED which time of day is meant"
    assert set(ALLOWED) == set(found), "a module that does not read it any more need not be allowed to"
