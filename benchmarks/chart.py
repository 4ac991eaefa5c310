"""Draws a benchmark's JSON as a chart. Run by the report in an environment that has matplotlib."""

import json
import sys
from typing import Any

COLOURS = {"headrace": "#0b7285", "duckdb": "#f2c94c", "sail": "#9b8bd6", "sail-cluster": "#5f4bb6", "spark": "#d9622b"}


def draw(result: dict[str, Any], path: str) -> None:
    """Total warm time on the left, every query on the right, on a logarithmic scale."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    queries = result["queries"]
    engines = [e for e in result["engines"] if any(row[e]["warm_s"] is not None for row in queries.values())]
    if not engines:
        engines = list(result["engines"])
    common = [query for query, row in queries.items() if all(row[e]["warm_s"] is not None for e in engines)]
    figure, (total, each) = plt.subplots(
        1, 2, figsize=(15, 5), gridspec_kw={"width_ratios": [1, 3]}, layout="constrained"
    )
    sums = [sum(queries[query][e]["warm_s"] for query in common) for e in engines]
    bars = total.bar(engines, sums, color=[COLOURS.get(e, "grey") for e in engines])
    total.bar_label(bars, fmt="%.1f")
    total.tick_params(axis="x", rotation=30)
    total.set_title(f"{len(common)} queries, warm, seconds")
    width = 0.8 / len(engines)
    for index, engine in enumerate(engines):
        places = [i + (index - (len(engines) - 1) / 2) * width for i in range(len(queries))]
        heights = [row[engine]["warm_s"] or 0 for row in queries.values()]
        each.bar(places, heights, width, label=engine, color=COLOURS.get(engine, "grey"))
    each.set_xticks(range(len(queries)), list(queries))
    each.set_yscale("log")
    each.set_title(f"{result['benchmark']} scale {result['scale']:g}, warm, seconds (a missing bar failed)")
    each.set_ylim(top=each.get_ylim()[1] * 2)  # room for the legend
    each.legend(ncols=len(engines), loc="upper left")
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        draw(json.load(file), sys.argv[2])
