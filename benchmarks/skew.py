"""What skew costs, and what an automatic broadcast saves.

    python -m benchmarks.skew --rows 10000000 --fact-rows 50000000 --engines headrace,spark,sail --output results/

Three shapes of query run on two tables that differ in one thing: in `skewed` 30 % of the rows have one key. The joins
carry a hint that makes engines shuffle both sides (a hash table of the smaller one would else be broadcast, where skew
does not matter), and hash text for every joined row, so that the task with the frequent key has most of the work. Then
a large fact table is joined to a dimension of a thousand rows as each engine decides, and with a shuffle asked for.
Engines take turns within a query, answers are compared between them.
"""

import argparse
import json
import sys
import tempfile
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.engines import ENGINES, engine_names
from benchmarks.harness import EngineProcess
from benchmarks.tpch import machine, read_through, run_query, show_progress, summary

SKEW_SHARE = 0.3
"""Of the rows have one key in the skewed table."""
DIMENSION_ROWS = 1000
TARGET_FACTOR = 1.5

_JOIN = """SELECT /*+ MERGE(l) */ count(*) AS n, sum(f.v) AS v, max(md5(concat(f.pad, l.name))) AS most
FROM {table} f JOIN lookup l ON f.k = l.k"""
_FREE_JOIN = _JOIN.replace("/*+ MERGE(l) */ ", "")
_GROUPS = """SELECT count(*) AS n, sum(c) AS c, max(t) AS t, max(p) AS p
FROM (SELECT {key}, count(*) AS c, sum(v) AS t, max(pad) AS p FROM {table} GROUP BY {key})"""
_FACTS = """SELECT {hint}d.category, count(*) AS n, sum(f.v) AS v
FROM fact f JOIN dimension d ON f.k = d.k GROUP BY d.category"""

SHAPES = {
    "join, shuffled": _JOIN,
    "join, as the engine decides": _FREE_JOIN,
    "aggregate": _GROUPS.replace("{key}", "k"),
    "aggregate, keys nearly all different": _GROUPS.replace("{key}", "id"),
}
"""Each runs over `even` and over `skewed`."""
DIMENSION_JOINS = {"automatic": _FACTS.format(hint=""), "shuffled": _FACTS.format(hint="/*+ MERGE(d) */ ")}


def main() -> int:
    """Command line; see the module's description."""
    options = _options()
    names: list[str] = options.engines
    options.output.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        directory = options.data or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="headrace-skew-")))
        make_tables(directory, options.rows, options.fact_rows)
        read_through(directory)
        engines = [
            EngineProcess(ENGINES[name], directory, options.output / f"{name}.log", "", options.cores) for name in names
        ]
        for engine in engines:
            stack.callback(engine.stop)
        started = datetime.now(UTC).isoformat(timespec="seconds")
        queries = {}
        for name, text in _queries(options.shape).items():
            runs = run_query(engines, text, options)
            show_progress(name, runs)
            queries[name] = summary(runs)
    result = {
        "benchmark": "skew",
        "rows": options.rows,
        "fact_rows": options.fact_rows,
        "warm_runs": options.warm,
        "started": started,
        "machine": machine(options.cores),
        "engines": {name: {"description": ENGINES[name].description} for name in names},
        "queries": queries,
        "factors": factors(queries, names),
    }
    (options.output / "skew.json").write_text(json.dumps(result, indent=1) + "\n")
    (options.output / "skew.md").write_text(markdown(result))
    print(markdown(result))
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.skew", description="Skew and broadcasts")
    parser.add_argument("--rows", type=int, default=10_000_000, help="rows of the skewed table and of its even peer")
    parser.add_argument("--fact-rows", type=int, default=50_000_000, help="rows joined to a small dimension")
    known = ", ".join(ENGINES)
    parser.add_argument("--engines", type=engine_names, default="headrace", help=f"comma-separated: {known}")
    parser.add_argument("--shape", action="append", default=[], help="only queries whose names begin so; repeatable")
    parser.add_argument("--warm", type=int, default=2, help="runs after the first one, whose median counts")
    parser.add_argument("--timeout", type=float, default=300, help="seconds a query may take")
    parser.add_argument("--cores", type=int, default=2, help="processors that every engine is bound to")
    parser.add_argument("--data", type=Path, help="directory for the tables, kept; a temporary one when absent")
    parser.add_argument("--output", type=Path, default=Path("benchmark-results"))
    return parser.parse_args()


def make_tables(directory: Path, rows: int, fact_rows: int) -> None:
    """Writes what is not there yet; the frequent key is spread over each file, so that no reader meets it alone."""
    directory.mkdir(parents=True, exist_ok=True)
    keys = max(1, rows // 4)
    frequent = f"hash(i, 1) % 1000 < {int(SKEW_SHARE * 1000)}"
    fact = "SELECT {k} AS k, {id} AS id, (i % 1000)::INTEGER AS v, md5(i::VARCHAR) AS pad FROM range({n}) t(i)"
    any_key, any_id = f"(hash(i) % {keys})::BIGINT", "(i * 7919 % 1000000007)::BIGINT"
    tables = {
        "even": fact.format(k=any_key, id=any_id, n=rows),
        "skewed": fact.format(
            k=f"CASE WHEN {frequent} THEN 7 ELSE {any_key} END",
            id=f"CASE WHEN {frequent} THEN 7 ELSE {any_id} END",
            n=rows,
        ),
        "lookup": f"SELECT i::BIGINT AS k, md5((i + 1)::VARCHAR) AS name FROM range({keys}) t(i)",
        "fact": (
            f"SELECT (hash(i) % {DIMENSION_ROWS})::INTEGER AS k, (i % 10007)::INTEGER AS v FROM range({fact_rows}) t(i)"
        ),
        "dimension": f"SELECT i::INTEGER AS k, 'category ' || (i % 20) AS category FROM range({DIMENSION_ROWS}) t(i)",
    }
    with duckdb.connect(config={"threads": 2, "memory_limit": "4GB"}) as connection:
        for name, text in tables.items():
            path = directory / f"{name}.parquet"
            if not path.exists():
                connection.execute(f"COPY ({text}) TO '{path}' (FORMAT parquet, COMPRESSION snappy)")


def _queries(wanted: list[str]) -> dict[str, str]:
    found = {
        f"{shape}: {table}": text.format(table=table) for shape, text in SHAPES.items() for table in ("even", "skewed")
    }
    found |= {f"dimension: {way}": text for way, text in DIMENSION_JOINS.items()}
    return {name: text for name, text in found.items() if not wanted or name.startswith(tuple(wanted))}


def factors(queries: dict[str, Any], engines: list[str]) -> dict[str, dict[str, float | None]]:
    """Of each engine: skewed against even for each shape, and the shuffled join of the dimension against its own."""
    pairs = {shape: (f"{shape}: skewed", f"{shape}: even") for shape in SHAPES}
    pairs["dimension, shuffled against automatic"] = ("dimension: shuffled", "dimension: automatic")
    return {
        name: {engine: _factor(queries[above][engine], queries[below][engine]) for engine in engines}
        for name, (above, below) in pairs.items()
        if above in queries and below in queries
    }


def _factor(above: dict[str, Any], below: dict[str, Any]) -> float | None:
    if above["warm_s"] is None or below["warm_s"] is None:
        return None
    return float(above["warm_s"] / below["warm_s"])


def markdown(result: dict[str, Any]) -> str:
    """Times, factors and failures as text."""
    engines = list(result["engines"])
    facts = result["machine"]
    about = (
        f"{result['rows']:,} rows of which {SKEW_SHARE:.0%} have one key, against as many without;"
        f" {result['fact_rows']:,} rows joined to {DIMENSION_ROWS:,}. {facts['processor']}, {facts['cores_used']} of"
        f" {facts['cores']} cores, {result['started']}, load at the end {facts['load_at_end']:.1f}. Times are the"
        f" median of {result['warm_runs']} runs after a first one."
    )
    lines = [
        "# Skew and broadcasts",
        "",
        about,
        "",
        "| engine | what it is |",
        "| --- | --- |",
        *(f"| {name} | {engine['description']} |" for name, engine in result["engines"].items()),
        "",
        "| query, seconds | " + " | ".join(engines) + " |",
        "| --- |" + " ---: |" * len(engines),
    ]
    for name, by_engine in result["queries"].items():
        lines.append(f"| {name} | " + " | ".join(_number(by_engine[e]["warm_s"], "failed") for e in engines) + " |")
    lines += ["", "| factor | " + " | ".join(engines) + " |", "| --- |" + " ---: |" * len(engines)]
    for name, found in result["factors"].items():
        lines.append(f"| {name} | " + " | ".join(_number(found[e], "–") for e in engines) + " |")
    errors = [
        f"- {name}, {engine}: {row['error']}"
        for name, by_engine in result["queries"].items()
        for engine, row in by_engine.items()
        if row["error"] is not None
    ]
    lines += ["", f"The target for skewed against even is {TARGET_FACTOR:g}.", *([""] if errors else []), *errors]
    return "\n".join(lines) + "\n"


def _number(value: float | None, missing: str) -> str:
    return missing if value is None else f"{value:.2f}"


if __name__ == "__main__":
    sys.exit(main())
