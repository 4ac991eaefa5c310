"""TPC-H on several engines side by side.

    python -m benchmarks.tpch --scale 1 --engines headrace,duckdb,sail,sail-cluster,spark --output results/

Every query runs on every engine before the next query starts, and engines take turns inside a query, so that noise of
the machine hits all alike. The first run of a query on an engine is its cold time (the engine is up, the files are in
the page cache, the query is new to it), the median of the others its warm time. Answers are compared between engines.
"""

import argparse
import math
import os
import platform
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from benchmarks.engines import ENGINES, engine_names
from benchmarks.harness import EngineProcess, Run
from benchmarks.report import write_report
from headrace.settings.kinds import parse_size
from tests.differential import corpus, data

CHECKSUM_TOLERANCE = 1e-4  # Engines differ in how many digits an average keeps.


def main() -> int:
    """Command line; see the module's description."""
    options = _options()
    names: list[str] = options.engines
    queries = {name: text for name, text in corpus.suite("tpch").items() if not options.query or name in options.query}
    directory = options.data or data.tpch_data(options.scale)
    options.output.mkdir(parents=True, exist_ok=True)
    memory = dict(setting.split("=", 1) for setting in options.memory)
    cap_bytes = parse_size(options.cap) if options.cap else None
    engines = [
        EngineProcess(
            ENGINES[name], directory, options.output / f"{name}.log", memory.get(name, ""), options.cores, cap_bytes
        )
        for name in names
    ]
    started = datetime.now(UTC).isoformat(timespec="seconds")
    read_through(directory)
    try:
        runs = {}
        for query, text in queries.items():
            runs[query] = run_query(engines, text, options)
            show_progress(query, runs[query])
    finally:
        for engine in engines:
            engine.stop()
    result = {
        "benchmark": "TPC-H",
        "scale": options.scale,
        "warm_runs": options.warm,
        "started": started,
        "machine": machine(options.cores),
        "memory_settings": memory,
        "cap": options.cap,
        "engines": {e.engine.name: {"description": e.engine.description, "start_s": e.start_seconds} for e in engines},
        "queries": {query: summary(by_engine) for query, by_engine in runs.items()},
    }
    write_report(result, options.output)
    print((options.output / "tpch.md").read_text())
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tpch", description="TPC-H on engines side by side")
    parser.add_argument("--scale", type=float, default=1)
    known = ", ".join(ENGINES)
    parser.add_argument("--engines", type=engine_names, default=",".join(ENGINES), help=f"comma-separated: {known}")
    parser.add_argument("--query", action="append", default=[], help="only this query (q01); repeatable")
    parser.add_argument("--warm", type=int, default=3, help="runs after the first one, whose median is the warm time")
    parser.add_argument("--timeout", type=float, default=300, help="seconds a query may take")
    parser.add_argument("--cores", type=int, default=2, help="processors that every engine is bound to")
    parser.add_argument(
        "--memory", action="append", default=[], metavar="ENGINE=SIZE", help="an engine's memory setting (spark=8g)"
    )
    parser.add_argument("--cap", default="", help="memory control group around each engine's processes (1536m)")
    parser.add_argument("--data", type=Path, help="directory of the tables; without it they are made")
    parser.add_argument("--output", type=Path, default=Path("benchmark-results"))
    options = parser.parse_args()
    if options.data is not None and not any(options.data.glob("*.parquet")):
        parser.error(f"there are no Parquet files in {options.data}; without --data the tables are made")
    return options


def run_query(engines: list[EngineProcess], text: str, options: argparse.Namespace) -> dict[str, list[Run]]:
    """All runs of one query: in each round every engine once, starting with another one each round."""
    runs: dict[str, list[Run]] = {engine.engine.name: [] for engine in engines}
    for turn in range(1 + options.warm):
        shift = turn % len(engines)
        for engine in engines[shift:] + engines[:shift]:
            earlier = runs[engine.engine.name]
            if earlier and earlier[-1].error is not None:
                continue
            earlier.append(engine.run(text, options.timeout))
    return runs


def show_progress(query: str, by_engine: dict[str, list[Run]]) -> None:
    times = [
        f"{name} {runs[-1].seconds:.2f}" if runs[-1].seconds else f"{name} failed" for name, runs in by_engine.items()
    ]
    print(f"{query}: {', '.join(times)}", file=sys.stderr, flush=True)


def summary(by_engine: dict[str, list[Run]]) -> dict[str, dict[str, Any]]:
    """Times, memory and failure of each engine on one query; an answer most engines disagree with is a failure."""
    right = _majority([runs[-1] for runs in by_engine.values()])
    rows: dict[str, dict[str, Any]] = {}
    for name, runs in by_engine.items():
        error = next((run.error for run in runs if run.error is not None), None)
        if error is None and not all(_same_answer(run, right) for run in runs):
            error = f"answer differs: {runs[-1].rows} rows, most engines {right.rows if right else None}"
        warm = [run.seconds for run in runs[1:] if run.seconds is not None]
        rows[name] = {
            "cold_s": runs[0].seconds,
            "warm_s": median(warm) if warm and error is None else None,
            "warm_all_s": warm,
            "rows": runs[-1].rows,
            "peak_bytes": max(run.peak_bytes for run in runs),
            "error": error,
        }
    return rows


def _majority(runs: Sequence[Run]) -> Run | None:
    """The answer that most engines gave."""
    answered = [run for run in runs if run.error is None]
    votes = Counter({index: sum(_same_answer(run, other) for other in answered) for index, run in enumerate(answered)})
    return answered[votes.most_common(1)[0][0]] if votes else None


def _same_answer(left: Run, right: Run | None) -> bool:
    if right is None or left.rows != right.rows or len(left.checksums) != len(right.checksums):
        return False
    return all(
        math.isclose(a, b, rel_tol=CHECKSUM_TOLERANCE, abs_tol=1e-9)
        for a, b in zip(left.checksums, right.checksums, strict=True)
    )


def read_through(directory: Path) -> None:
    """Bring the files into the page cache, so that no engine pays for the first read of all."""
    for path in directory.glob("*.parquet"):
        with path.open("rb") as file:
            while file.read(1 << 24):
                pass


def machine(cores: int) -> dict[str, Any]:
    model = ""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        model = next((line.split(":", 1)[1].strip() for line in cpuinfo.open() if line.startswith("model name")), "")
    return {
        "processor": model,
        "cores_used": cores,
        "cores": os.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
        "python": platform.python_version(),
        "load_at_end": os.getloadavg()[0],
    }


if __name__ == "__main__":
    sys.exit(main())
