"""The memory benchmark's result as Markdown. Pure."""

from typing import Any

TOLERANCE = 1.15
"""Of its budget may a worker's process tree hold."""


def markdown(result: dict[str, Any]) -> str:
    """The whole page."""
    parts = [
        "# Memory\n",
        (
            f"Started {result['started']}, {result['cores']} cores, load {result['load_at_start']:.1f} before and "
            f"{result['load_at_end']:.1f} after. PSS counts a page shared by n processes 1/n in each; RSS counts it in "
            "every one.\n"
        ),
    ]
    if "tpch" in result:
        parts.append(_tpch(result["tpch"]))
    if "programs" in result:
        parts.append(_programs(result["programs"]))
    return "\n".join(parts)


def _tpch(tpch: dict[str, Any]) -> str:
    queries, budget = tpch["queries"], tpch["memory_bytes"]
    right = sum(query["right"] for query in queries.values())
    capped = sum(query["capped"]["seconds"] for query in queries.values())
    uncapped = sum(query["uncapped"]["seconds"] for query in queries.values())
    largest = max(query["capped"]["peak_pss_bytes"] for query in queries.values())
    largest_rss = max(query["capped"]["peak_rss_bytes"] for query in queries.values())
    lines = [
        f"## TPC-H, scale {tpch['scale']:g}, two workers with {tpch['memory']} each\n",
        f"- {right} of {len(queries)} answers equal those without a cap",
        f"- {capped:.1f} s against {uncapped:.1f} s without a cap: {capped / uncapped:.2f} times",
        (
            f"- largest worker tree {_mb(largest)} (PSS), {largest / budget:.0%} of its budget; at most "
            f"{TOLERANCE:.0%} is promised, so {'kept' if largest <= budget * TOLERANCE else 'BROKEN'}. "
            f"RSS added up: {_mb(largest_rss)}"
        ),
        "",
        "| query | capped s | uncapped s | worker tree PSS | RSS | spilled | attempts failed | right |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    for name, query in queries.items():
        one = query["capped"]
        lines.append(
            f"| {name} | {one['seconds']:.2f} | {query['uncapped']['seconds']:.2f} | {_mb(one['peak_pss_bytes'])} | "
            f"{_mb(one['peak_rss_bytes'])} | {_mb(one['spill_bytes'])} | {one['failed_tasks']} | "
            f"{'yes' if query['right'] else one.get('error', 'NO')} |"
        )
    return "\n".join(lines) + "\n"


def _programs(programs: dict[str, Any]) -> str:
    sizes = ", ".join(f"{name} {value:,}" for name, value in programs["sizes"].items())
    lines = [
        f"## Programs, two workers with {_mb(programs['memory_bytes'])} each\n",
        f"Sizes: {sizes}. Every engine runs in a control group of twice that and 512 MB (column *capped*).\n",
        "| program | engine | finished | s | whole tree PSS | RSS | capped |",
        "| --- | --- | --- | ---: | ---: | ---: | --- |",
    ]
    for run in programs["runs"]:
        seconds = f"{run['seconds']:.1f}" if run["seconds"] is not None else ""
        finished = "yes" if run["error"] is None else "no: " + " ".join(run["error"].split())[:160].replace("|", "/")
        lines.append(
            f"| {run['program']} | {run['engine']} | {finished} | {seconds} | {_mb(run['peak']['pss_bytes'])} | "
            f"{_mb(run['peak']['rss_bytes'])} | {'yes' if run['capped'] else 'no'} |"
        )
    return "\n".join(lines) + "\n"


def _mb(size: int) -> str:
    return f"{size >> 20:,} MB"
