"""TPC-H on a cluster short of memory beside one that is not; both run each query in turn, so that noise hits both."""

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import headrace
from benchmarks.memory.trees import TreeMemory, TreeSampler
from benchmarks.runner import checksums, with_views
from benchmarks.tpch import CHECKSUM_TOLERANCE

WORKERS = 2


class Cluster:
    """A local cluster of two workers with one core each, their trees sampled."""

    def __init__(self, tables: list[Path], memory: str | None) -> None:
        self._cluster = headrace.LocalCluster(workers=WORKERS, cores_per_worker=1, memory_per_worker=memory)
        self._spark = self._cluster.session()
        with_views(self._spark, tables)
        labels = [f"worker-{number}" for number in range(WORKERS)]
        self.sampler = TreeSampler({label: self._cluster.pid(label) for label in labels})

    def run(self, text: str) -> dict[str, Any]:
        """One query: its time, its answer's numbers, the largest worker tree, spill and failed attempts."""
        self.sampler.reset()
        started = time.perf_counter()
        try:
            table = self._spark.sql(text).toArrow()
        except Exception as error:  # noqa: BLE001  (whatever it is, it is the result)
            return {"seconds": time.perf_counter() - started, "error": str(error)[:300], **self._memory()}
        seconds = time.perf_counter() - started
        (job, *_) = self._cluster.jobs.list_jobs(1)
        return {
            "seconds": seconds,
            "rows": table.num_rows,
            "checksums": checksums(table),
            "spill_bytes": job.spill_bytes,
            "failed_tasks": job.tasks_failed,
            **self._memory(),
        }

    def _memory(self) -> dict[str, int]:
        peak = TreeMemory()
        for seen in self.sampler.peaks().values():
            peak = peak.peak(seen)
        return {"peak_pss_bytes": peak.pss_bytes, "peak_rss_bytes": peak.rss_bytes}

    def close(self) -> None:
        self.sampler.close()
        self._cluster.close()


def compare(queries: Mapping[str, str], directory: Path, memory: str, warm: int) -> dict[str, dict[str, Any]]:
    """Every query on both clusters: `warm` times, of which the fastest counts."""
    tables = sorted(directory.glob("*.parquet"))
    clusters: dict[str, Cluster] = {}
    results: dict[str, dict[str, Any]] = {}
    try:
        clusters["capped"] = Cluster(tables, memory)
        clusters["uncapped"] = Cluster(tables, None)
        for name, text in queries.items():
            runs: dict[str, list[dict[str, Any]]] = {kind: [] for kind in clusters}
            for _ in range(warm):
                for kind, cluster in clusters.items():
                    runs[kind].append(cluster.run(text))
            results[name] = {kind: _best(tried) for kind, tried in runs.items()}
            results[name]["right"] = all(_same(tried, runs["uncapped"][0]) for tried in runs["capped"])
            _show(name, results[name])
    finally:
        for cluster in clusters.values():
            cluster.close()
    return results


def _best(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """The fastest run, with the highest peaks of all."""
    best = dict(min(runs, key=lambda run: run["seconds"]))
    for key in ("peak_pss_bytes", "peak_rss_bytes", "spill_bytes", "failed_tasks"):
        best[key] = max(run.get(key, 0) for run in runs)
    return best


def _same(run: dict[str, Any], reference: dict[str, Any]) -> bool:
    if "error" in run or "error" in reference or run["rows"] != reference["rows"]:
        return False
    pairs = zip(run["checksums"], reference["checksums"], strict=True)
    return all(abs(a - b) <= CHECKSUM_TOLERANCE * max(abs(a), abs(b)) + 1e-9 for a, b in pairs)


def _show(name: str, result: dict[str, Any]) -> None:
    capped, uncapped = result["capped"], result["uncapped"]
    print(
        f"{name}: capped {capped['seconds']:.2f} s, {capped['peak_pss_bytes'] >> 20} MB; "
        f"uncapped {uncapped['seconds']:.2f} s, {uncapped['peak_pss_bytes'] >> 20} MB; "
        f"{'right' if result['right'] else 'WRONG'} {capped.get('error', '')}",
        file=sys.stderr,
        flush=True,
    )
