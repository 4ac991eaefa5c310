"""Run the examples in PySpark's own documentation against a server, and count which ones answer as documented.

    python -m tests.differential.run_pyspark_doctests sc://HOST:PORT [--module functions] [--only sum] [--output FILE]

Every function's docstring is one test in a namespace and a session of its own, so that one failure does not spoil the
next. The JSON report has, for each, how many examples were tried and failed and how the first one did; the exit code is
0 whatever the counts, as this measures how much works rather than asserting that all does. Some examples fail on real
Spark Connect as well (they lag behind, or need a flag); `expected/pyspark_doctests.json` names them, from a run of this
program against Spark 4.2.1, and they are counted apart.
"""

from __future__ import annotations

import argparse
import doctest
import importlib
import io
import json
import logging
import os
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

MODULES = {
    "dataframe": "pyspark.sql.dataframe",
    "column": "pyspark.sql.column",
    "functions": "pyspark.sql.connect.functions.builtin",
    "group": "pyspark.sql.connect.group",
    "window": "pyspark.sql.window",
    "readwriter": "pyspark.sql.connect.readwriter",
    "catalog": "pyspark.sql.connect.catalog",
    "conf": "pyspark.sql.connect.conf",
    "session": "pyspark.sql.connect.session",
    "tvf": "pyspark.sql.connect.tvf",
}
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE | doctest.IGNORE_EXCEPTION_DETAIL
TEST_TIMEOUT_S = 60
FAIL_ON_SPARK: dict[str, list[str]] = json.loads(
    (Path(__file__).parent / "expected/pyspark_doctests.json").read_text("utf-8")
)


@dataclass
class Outcome:
    """Of one docstring: examples tried, examples failed, and the report of the first failure."""

    tried: int
    failed: int
    seconds: float
    first_failure: str = ""
    fails_on_spark: bool = False


@dataclass
class Report:
    """Of one module, by the name of the documented object."""

    passed: int = 0
    failed: int = 0
    failed_on_spark_as_well: int = 0
    examples: int = 0
    examples_failed: int = 0
    outcomes: dict[str, Outcome] = field(default_factory=dict)

    def add(self, name: str, outcome: Outcome) -> None:
        self.outcomes[name] = outcome
        self.examples += outcome.tried
        self.examples_failed += outcome.failed
        if outcome.failed and outcome.fails_on_spark:
            self.failed_on_spark_as_well += 1
        elif outcome.failed:
            self.failed += 1
        else:
            self.passed += 1


class _TooLong(BaseException):
    """Not an Exception: doctest would take it for the example's own."""


@contextmanager
def _time_limit(seconds: int) -> Iterator[None]:
    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise _TooLong

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def run_module(remote: str, short: str, only: set[str]) -> Report:
    """All examples of one module."""
    module = importlib.import_module(MODULES[short])
    report = Report()
    finder = doctest.DocTestFinder(exclude_empty=True)
    for test in finder.find(module, MODULES[short]):
        name = test.name.removeprefix(MODULES[short]).lstrip(".")
        if not test.examples or (only and name.rpartition(".")[2] not in only and name not in only):
            continue
        if all(doctest.SKIP in example.options for example in test.examples):
            continue
        outcome = _run(remote, module, test)
        outcome.fails_on_spark = name in FAIL_ON_SPARK.get(short, ())
        report.add(name, outcome)
    return report


def _run(remote: str, module: Any, test: doctest.DocTest) -> Outcome:
    from pyspark.sql import SparkSession

    # A new one: settings and views of the example before must not be seen.
    session = SparkSession.builder.remote(remote).create()
    test.globs = {**module.__dict__, "spark": session}
    runner = doctest.DocTestRunner(verbose=False, optionflags=FLAGS)
    written = io.StringIO()
    started_s = time.perf_counter()
    try:
        with _time_limit(TEST_TIMEOUT_S), redirect_stderr(io.StringIO()):
            result = runner.run(test, out=written.write, clear_globs=False)
        tried, failed = result.attempted, result.failed
    except _TooLong:
        tried, failed = len(test.examples), 1
        written.write(f"took longer than {TEST_TIMEOUT_S} s")
    finally:
        _stop(session)
    return Outcome(tried, failed, round(time.perf_counter() - started_s, 3), _first_failure(written.getvalue()))


def _first_failure(text: str) -> str:
    """The first report, without the frames of tracebacks, which are PySpark's own."""
    first = next((part for part in text.split("*" * 70 + "\n") if part.strip()), "")
    lines, in_frames = [], False
    for line in first.splitlines():
        if line.strip() == "Traceback (most recent call last):":
            in_frames = True
        elif in_frames and line.startswith("    ") and not line.startswith("     "):
            in_frames = False
        if line.strip() == "JVM stacktrace:":
            break
        if not in_frames:
            lines.append(line)
    return "\n".join(lines)[:2000]


def _stop(session: Any) -> None:
    try:
        with _time_limit(10):
            session.stop()
    except (Exception, _TooLong) as error:  # noqa: BLE001  (an example may have stopped it, or the server is gone)
        print(f"session not stopped: {error!r}", file=sys.stderr)


def main() -> None:
    """Runs what the command line asks for and writes the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("remote", help="sc://HOST:PORT")
    parser.add_argument("--module", action="append", choices=sorted(MODULES), help="default: all")
    parser.add_argument("--only", action="append", default=[], help="name of a function, or Class.method")
    parser.add_argument("--output", type=Path, help="default: standard output")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    reports = {}
    output = options.output.resolve() if options.output is not None else None
    with tempfile.TemporaryDirectory() as directory:
        # Examples write files where they run.
        os.chdir(directory)
        for short in options.module or MODULES:
            reports[short] = run_module(options.remote, short, set(options.only))
            counts = reports[short]
            shared = counts.failed_on_spark_as_well
            print(
                f"{short}: {counts.passed} passed, {counts.failed} failed, {shared} failed as on Spark", file=sys.stderr
            )
        os.chdir("/")
    totals = {
        "passed": sum(report.passed for report in reports.values()),
        "failed": sum(report.failed for report in reports.values()),
        "failed_on_spark_as_well": sum(report.failed_on_spark_as_well for report in reports.values()),
    }
    text = json.dumps(
        {"remote": options.remote, **totals, "modules": {k: asdict(v) for k, v in reports.items()}}, indent=1
    )
    if output is None:
        print(text)
    else:
        output.write_text(text + "\n")


if __name__ == "__main__":
    main()
