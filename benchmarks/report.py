"""Writes a benchmark's result as JSON (all of it), Markdown (a table a person reads) and PNG (a chart)."""

import json
import subprocess
from pathlib import Path
from typing import Any

from tests.differential import data

CHART_REQUIREMENTS = ("matplotlib>=3.9,<4",)
GIB = 1 << 30


def write_report(result: dict[str, Any], output: Path) -> None:
    """Write `tpch.json`, `tpch.md` and `tpch.png` into `output`."""
    (output / "tpch.json").write_text(json.dumps(result, indent=1) + "\n")
    (output / "tpch.md").write_text(markdown(result))
    # matplotlib is no dependency of the project: the chart is drawn in an environment of its own.
    program = Path(__file__).with_name("chart.py")
    python = data.environment("chart", CHART_REQUIREMENTS)
    subprocess.run([python, program, output / "tpch.json", output / "tpch.png"], check=True)


def markdown(result: dict[str, Any]) -> str:
    """The report as text: totals, then each query, then what failed."""
    engines, queries, machine = result["engines"], result["queries"], result["machine"]
    common = common_queries(result)
    about = (
        f"{machine['processor']}, {machine['cores_used']} of {machine['cores']} cores, "
        f"{machine['memory_bytes'] / GIB:.0f} GiB, {result['started']}. Cold is the first run of a query on a running "
        f"engine, warm the median of {result['warm_runs']} more; peak memory is the proportional set size of all of an "
        f"engine's processes, its client included. {_limits(result)}Totals are over the "
        f"{len(common)} of {len(queries)} queries that every engine answered rightly (engines that "
        "answered none aside)."
    )
    lines = [
        f"# {result['benchmark']} at scale {result['scale']:g}",
        "",
        about,
        "",
        "| engine | warm, s | relative | cold, s | start, s | peak, GiB | answered |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    totals = {engine: _total(queries, common, engine, "warm_s") for engine in engines}
    best = min((total for total in totals.values() if total is not None), default=None)
    for engine, facts in engines.items():
        warm, cold = totals[engine], _total(queries, common, engine, "cold_s")
        cells = [
            _cell(warm, ".2f"),
            _cell(warm / best if warm and best else None, ".2f"),
            _cell(cold, ".2f"),
            _cell(facts["start_s"], ".1f"),
            _cell(max(row[engine]["peak_bytes"] for row in queries.values()) / GIB, ".2f"),
            f"{sum(row[engine]['error'] is None for row in queries.values())}/{len(queries)}",
        ]
        lines.append(f"| {facts['description']} | " + " | ".join(cells) + " |")
    lines += _query_table("Warm", "warm_s", result) + _query_table("Cold", "cold_s", result)
    lines += _memory_table(result) + _failures(result)
    return "\n".join(lines) + "\n"


def _limits(result: dict[str, Any]) -> str:
    """A sentence about the control group, where there was one, and what engines were told of it."""
    if not result.get("cap"):
        return ""
    told = ", ".join(f"{engine} {size}" for engine, size in result["memory_settings"].items())
    return f"Each engine ran inside a memory control group of {result['cap']} (memory settings: {told or 'none'}). "


def _total(queries: dict[str, Any], common: list[str], engine: str, key: str) -> float | None:
    times = [queries[query][engine][key] for query in common]
    return None if not times or None in times else sum(times)


def _cell(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


def common_queries(result: dict[str, Any]) -> list[str]:
    """Queries that all engines answered rightly, leaving out engines that answered none at all."""
    queries = result["queries"]
    alive = [e for e in result["engines"] if any(row[e]["warm_s"] is not None for row in queries.values())]
    return [query for query, row in queries.items() if all(row[e]["warm_s"] is not None for e in alive)]


def _query_table(title: str, key: str, result: dict[str, Any]) -> list[str]:
    engines = list(result["engines"])
    lines = ["", f"## {title}, seconds", "", "| query | " + " | ".join(engines) + " |", _rule(engines)]
    for query, row in result["queries"].items():
        cells = ["failed" if row[e]["error"] or row[e][key] is None else f"{row[e][key]:.3f}" for e in engines]
        lines.append(f"| {query} | " + " | ".join(cells) + " |")
    return lines


def _memory_table(result: dict[str, Any]) -> list[str]:
    engines = list(result["engines"])
    lines = ["", "## Peak memory, GiB", "", "| query | " + " | ".join(engines) + " |", _rule(engines)]
    for query, row in result["queries"].items():
        lines.append(f"| {query} | " + " | ".join(f"{row[e]['peak_bytes'] / GIB:.2f}" for e in engines) + " |")
    return lines


def _rule(engines: list[str]) -> str:
    return "| --- |" + " ---: |" * len(engines)


def _failures(result: dict[str, Any]) -> list[str]:
    failed = [
        f"- {query} on {engine}: {' '.join(row[engine]['error'].split())[:300]}"
        for query, row in result["queries"].items()
        for engine in result["engines"]
        if row[engine]["error"]
    ]
    return ["", "## Failures", "", *failed] if failed else []
