"""Programs far larger than memory: whether they finish, in what time, and what their processes really hold.

    python -m benchmarks.memory --scale 10 --memory 512m --output results/
    python -m benchmarks.memory --tpch none --programs sort,window --engines headrace,spark,sail --program-memory 1g

Two workers with one core each. TPC-H runs on a capped and an uncapped Headrace cluster in turn; the other programs run
on each engine alone, inside a memory control group of twice the worker's memory and half a gigabyte.
"""

import argparse
import json
import os
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.memory.capped import run_program
from benchmarks.memory.programs import PROGRAMS, Sizes
from benchmarks.memory.report import markdown
from benchmarks.memory.tpch import compare
from headrace.settings.kinds import parse_size
from tests.differential import corpus, data

ENGINES = ("headrace", "spark", "sail")


def main() -> int:
    """Command line; see the module's description."""
    options = _options()
    options.output.mkdir(parents=True, exist_ok=True)
    result: dict[str, Any] = {
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "load_at_start": os.getloadavg()[0],
    }
    if options.tpch != "none":
        queries = {
            name: text
            for name, text in corpus.suite("tpch").items()
            if options.tpch == "all" or name in options.tpch.split(",")
        }
        directory = options.data or data.tpch_data(options.scale)
        result["tpch"] = {
            "scale": options.scale,
            "memory": options.memory,
            "memory_bytes": parse_size(options.memory),
            "queries": compare(queries, directory, options.memory, options.runs),
        }
    names = [name for name in options.programs.split(",") if name]
    if names:
        result["programs"] = _programs(names, options)
    result["load_at_end"] = os.getloadavg()[0]
    (options.output / "memory.json").write_text(json.dumps(result, indent=1) + "\n")
    text = markdown(result)
    (options.output / "memory.md").write_text(text)
    print(text)
    return 0


def _programs(names: list[str], options: argparse.Namespace) -> dict[str, Any]:
    memory_bytes = parse_size(options.program_memory)
    runs = []
    directory = options.directory or options.output
    for name in names:
        for engine in options.engines.split(","):
            with (options.output / f"{engine}-{name}.log").open("w") as log:
                run = run_program(engine, name, memory_bytes >> 20, options.factor, directory, options.timeout, log)
            said = f"{run.seconds:.1f} s" if run.seconds is not None else ""
            print(f"{name} on {engine}: {said} {run.error or 'right'}", file=sys.stderr, flush=True)
            runs.append(asdict(run))
    return {"memory_bytes": memory_bytes, "sizes": asdict(Sizes().scaled(options.factor)), "runs": runs}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory")
    parser.add_argument("--tpch", default="all", help="all, none, or names like q09,q18")
    parser.add_argument("--scale", type=float, default=10, help="of TPC-H")
    parser.add_argument("--memory", default="512m", help="of each worker, for TPC-H")
    parser.add_argument("--runs", type=int, default=1, help="of each query on each cluster; the fastest counts")
    parser.add_argument("--data", type=Path, help="directory of the TPC-H tables; generated when absent")
    parser.add_argument("--programs", default="", help="comma-separated: " + ",".join(PROGRAMS))
    parser.add_argument("--program-memory", default="1g", help="of each worker, for the programs")
    parser.add_argument("--factor", type=float, default=1.0, help="size of the programs; 1 sorts 10 GB")
    parser.add_argument("--engines", default="headrace", help="for the programs: " + ",".join(ENGINES))
    parser.add_argument("--timeout", type=float, default=1800, help="seconds one program may take")
    parser.add_argument("--directory", type=Path, help="where programs spill and write; default: the output's")
    parser.add_argument("--output", type=Path, default=Path("benchmark-results"))
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
