"""Every strategy gives the rows the query means: plans of many stages, maps and reducers against one plain statement.

The peer is DuckDB running the query's own text, on the same random data with nulls, duplicates and an empty table.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from headrace_driver.plan.options import PlannerOptions
from headrace_driver.plan.stage import ClusterShape
from tests.unit.plan.session import PlanSession
from tests.unit.plan.stage_runner import StageRunner
from tests.unit.plan.tables import write_table

THREE_SLOTS = ClusterShape(slots=3, threads_per_slot=1, memory_bytes_per_slot=1 << 30)

_DISTRIBUTED: dict[str, Any] = {
    "small_bytes": 0,
    "small_rows": 0,
    "reducer_bytes": 512,
    "max_partitions": 7,
    "scan_task_rows": 10,
    "reduce_task_bytes": 1,
    "reduce_task_min_bytes": 1,
    "one_task_sort_bytes": 0,
}

STRATEGIES = {
    "as-it-comes": PlannerOptions(),
    "shuffles": PlannerOptions(**_DISTRIBUTED, broadcast_share=0.0, always_broadcast_bytes=0),
    "broadcasts": PlannerOptions(**_DISTRIBUTED, always_broadcast_bytes=1 << 30),
    "moves-first": PlannerOptions(**_DISTRIBUTED, always_broadcast_bytes=0, broadcast_cost=0.3, merge_pays_below=0.0),
    "skewed": PlannerOptions(
        **_DISTRIBUTED,
        always_broadcast_bytes=0,
        broadcast_share=0.0,
        merge_pays_below=0.0,
        skew_factor=0.0,
        skew_piece_min_bytes=1,
    ),
    "filters-by-keys": PlannerOptions(
        **_DISTRIBUTED,
        always_broadcast_bytes=0,
        broadcast_cost=1e9,
        key_filter_share=1.0,
        key_filter_min_bytes=0,
        key_filter_cost=0.0,
        task_pairs=0,
        meets_rows=0,
    ),
    "few-tasks": PlannerOptions(**{**_DISTRIBUTED, "reduce_task_min_bytes": 1 << 20, "one_task_sort_bytes": 1 << 20}),
}


@dataclass(frozen=True, slots=True)
class Query:
    """`ordered`: the ORDER BY leaves no choice, so rows are compared in order. `peer`: DuckDB's words, if others."""

    text: str
    ordered: bool = False
    peer: str = ""


JOINS = {
    "inner": "SELECT a.id, b.id FROM a JOIN b ON a.k = b.k",
    "inner with a condition besides": "SELECT a.id, b.id FROM a JOIN b ON a.k = b.k AND a.v < b.v",
    "inner by two keys": "SELECT a.id, b.id FROM a JOIN b ON a.k = b.k AND a.s = b.s",
    "inner by an expression": "SELECT a.id, b.id FROM a JOIN b ON a.k + 1 = b.k",
    "inner by decimals of two types": "SELECT a.id, b.id FROM a JOIN b"
    " ON CAST(a.k AS DECIMAL(5,2)) = CAST(b.k AS DECIMAL(18,4))",
    "full by decimals of 38 digits each": "SELECT a.id, b.id FROM a FULL JOIN b"
    " ON CAST(a.k AS DECIMAL(38,20)) = CAST(b.k AS DECIMAL(38,0))",
    "null-safe": "SELECT a.id, b.id FROM a JOIN b ON a.k IS NOT DISTINCT FROM b.k",
    "left": "SELECT a.id, b.id, b.v FROM a LEFT JOIN b ON a.k = b.k",
    "left with a condition on the left": "SELECT a.id, b.id FROM a LEFT JOIN b ON a.k = b.k AND a.v > 50",
    "left with a condition on the right": "SELECT a.id, b.id FROM a LEFT JOIN b ON a.k = b.k AND b.v > 50",
    "left, filtered above": "SELECT a.id, b.id FROM a LEFT JOIN b ON a.k = b.k WHERE b.v > 50 AND a.v > 10",
    "left, absent partners only": "SELECT a.id FROM a LEFT JOIN b ON a.k = b.k WHERE b.id IS NULL",
    "right": "SELECT a.id, b.id FROM a RIGHT JOIN b ON a.k = b.k AND a.v > 30",
    "full": "SELECT a.id, b.id FROM a FULL JOIN b ON a.k = b.k",
    "full with a condition besides": "SELECT a.id, b.id FROM a FULL JOIN b ON a.k = b.k AND a.v < b.v",
    "full, filtered above": "SELECT a.id, b.id FROM a FULL JOIN b ON a.k = b.k WHERE a.v > 40",
    "full without keys": "SELECT c.k, e.id FROM c FULL JOIN e ON c.k < e.k",
    "cross": "SELECT a.id, c.k FROM a CROSS JOIN c",
    "by inequality only": "SELECT a.id, c.k FROM a JOIN c ON a.k < c.k",
    "left by inequality only": "SELECT a.id, c.k FROM a LEFT JOIN c ON a.k < c.k AND c.k > 3",
    "with an empty side": "SELECT a.id, e.id FROM a LEFT JOIN e ON a.k = e.k",
    "inner with an empty side": "SELECT a.id, e.id FROM e JOIN a ON a.k = e.k",
    "full with an empty side": "SELECT a.id, e.id FROM e FULL JOIN a ON a.k = e.k",
    "three tables": "SELECT a.id, b.id, c.k FROM a, b, c WHERE a.k = b.k AND b.k = c.k AND a.v + b.v > 60",
    "of joins": "SELECT x.id, y.n FROM a x LEFT JOIN (SELECT b.k, count(*) n FROM b JOIN c ON b.k = c.k GROUP BY b.k) y"
    " ON x.k = y.k",
    "with itself": "SELECT x.id, y.id FROM a x JOIN a y ON x.k = y.k AND x.id < y.id",
    "of equal aggregations": "SELECT x.k, y.n FROM (SELECT k, count(*) n FROM a GROUP BY k) x"
    " JOIN (SELECT k, count(*) n FROM a GROUP BY k) y ON x.n = y.n",
    "disjunction with a common term": "SELECT a.id, b.id FROM a JOIN b ON (a.k = b.k AND a.v < 30) OR"
    " (a.k = b.k AND b.v > 70)",
    "left, then grouped by the key": "SELECT b.k, count(a.id), count(*) FROM a LEFT JOIN b ON a.k = b.k GROUP BY b.k",
    "full, then grouped by a key": "SELECT a.k, count(*), count(b.id) FROM a FULL JOIN b ON a.k = b.k GROUP BY a.k",
    "right, then grouped by the left key": "SELECT a.k, count(*) FROM a RIGHT JOIN b ON a.k = b.k GROUP BY a.k",
    "chain by one key": "SELECT a.k, sum(a.v), max(b.v), count(*) FROM a JOIN b ON a.k = b.k"
    " JOIN (SELECT DISTINCT k FROM a) x ON x.k = b.k GROUP BY a.k",
}

SUBQUERIES = {
    "in": "SELECT id FROM a WHERE k IN (SELECT k FROM b WHERE v > 50)",
    "not in, nulls on both sides": "SELECT id FROM a WHERE k NOT IN (SELECT k FROM b WHERE v > 50)",
    "not in, no null inside": "SELECT id FROM a WHERE k NOT IN (SELECT k FROM b WHERE v > 50 AND k IS NOT NULL)",
    "not in nothing": "SELECT id FROM a WHERE k NOT IN (SELECT k FROM e)",
    "not in, correlated": "SELECT id FROM a WHERE v NOT IN (SELECT v FROM b WHERE b.k = a.k)",
    "not in, two columns": "SELECT id FROM a WHERE (k, s) NOT IN (SELECT k, s FROM b WHERE v > 60)",
    "in, as a value over nothing": "SELECT id, k IN (SELECT k FROM e) FROM a",
    "in or a condition": "SELECT id FROM a WHERE k IN (SELECT k FROM b WHERE v > 80) OR v > 90",
    "not (in or a condition)": "SELECT id FROM a WHERE NOT (k IN (SELECT k FROM b WHERE v > 80) OR v > 90)",
    "exists": "SELECT id FROM a WHERE EXISTS (SELECT 1 FROM b WHERE b.k = a.k AND b.v > a.v)",
    "not exists": "SELECT id FROM a WHERE NOT EXISTS (SELECT 1 FROM b WHERE b.k = a.k AND b.v > a.v)",
    "exists by inequality": "SELECT id FROM a WHERE EXISTS (SELECT 1 FROM c WHERE c.k > a.k)",
    "exists or exists": "SELECT id FROM a WHERE EXISTS (SELECT 1 FROM b WHERE b.k = a.k AND b.v > 80)"
    " OR EXISTS (SELECT 1 FROM c WHERE c.k = a.k)",
    "exists, uncorrelated": "SELECT id FROM a WHERE EXISTS (SELECT 1 FROM b WHERE v > 50)",
    "not exists, uncorrelated, empty": "SELECT id FROM a WHERE NOT EXISTS (SELECT 1 FROM e)",
    "exists of an aggregation": "SELECT id FROM a WHERE EXISTS (SELECT count(*) FROM b WHERE b.k = a.k)",
    "scalar": "SELECT id FROM a WHERE v > (SELECT avg(v) FROM b)",
    "scalar of nothing": "SELECT id, (SELECT max(v) FROM e) FROM a",
    "scalar, correlated": "SELECT id FROM a WHERE v > (SELECT avg(v) FROM b WHERE b.k = a.k)",
    "scalar, correlated, in the select list": "SELECT id, (SELECT max(v) FROM b WHERE b.k = a.k) FROM a",
    "count bug": "SELECT id, (SELECT count(*) FROM b WHERE b.k = a.k) FROM a",
    "count bug in a condition": "SELECT id FROM a WHERE (SELECT count(*) FROM b WHERE b.k = a.k AND b.v > 50) = 0",
    "count bug with arithmetic": "SELECT id, (SELECT 2 * count(b.v) + 1 FROM b WHERE b.k = a.k) FROM a",
    "count bug under coalesce": "SELECT id, (SELECT coalesce(sum(b.v), -1) FROM b WHERE b.k = a.k) FROM a",
    "count bug by inequality": "SELECT id, (SELECT count(*) FROM c WHERE c.k > a.k) FROM a",
    "scalar with having": "SELECT id, (SELECT max(v) FROM b WHERE b.k = a.k HAVING count(*) > 1) FROM a",
    "scalar by a disjunction": "SELECT id, (SELECT count(*) FROM b WHERE b.k = a.k OR b.v = a.v) FROM a",
    "scalar below a join": "SELECT id, (SELECT sum(b.v) FROM b JOIN c ON b.k = c.k WHERE b.k = a.k) FROM a",
    "scalar over a key not grouped": "SELECT id, (SELECT c.n FROM c WHERE c.k = a.k) FROM a",
    "two scalars": "SELECT id FROM a WHERE v BETWEEN (SELECT min(v) FROM b WHERE b.k = a.k)"
    " AND (SELECT max(v) FROM b WHERE b.k = a.k)",
    "in, over a join": "SELECT a.id, b.id FROM a, b WHERE a.k = b.k AND a.v IN (SELECT v FROM b WHERE k = 3)",
    "in and exists, over a join": "SELECT a.id, b.id FROM a, b, c WHERE a.k = b.k AND b.k = c.k"
    " AND a.v IN (SELECT v FROM b WHERE k = 3) AND EXISTS (SELECT 1 FROM c WHERE c.k = b.k AND c.n < a.v)",
    "nested": "SELECT id FROM a WHERE k IN (SELECT k FROM b WHERE EXISTS (SELECT 1 FROM c WHERE c.k = b.k))",
    "scalar in an aggregate": "SELECT s, sum(v - (SELECT min(v) FROM b)) FROM a GROUP BY s",
    "lateral": "SELECT a.id, x.n FROM a, LATERAL (SELECT count(*) n FROM b WHERE b.k = a.k) x",
    "lateral, several rows": "SELECT a.id, x.v FROM a, LATERAL (SELECT b.v + a.v AS v FROM b WHERE b.k = a.k) x",
    "lateral, the best rows": "SELECT a.id, x.id FROM a, LATERAL (SELECT b.id FROM b WHERE b.k = a.k"
    " ORDER BY b.v DESC, b.id LIMIT 2) x",
    "lateral, left": "SELECT a.id, x.id FROM a LEFT JOIN LATERAL (SELECT b.id FROM b WHERE b.k = a.k"
    " ORDER BY b.id LIMIT 1) x ON true",
}

DUPLICATES = {
    "below distinct": "SELECT DISTINCT a.s FROM a JOIN b ON a.k = b.k AND a.v <> b.v",
    "of a third table": "SELECT DISTINCT a.k FROM a JOIN b ON a.k = b.k JOIN c ON b.k = c.k",
    "of a product": "SELECT DISTINCT a.s FROM a CROSS JOIN c",
    "of an empty product": "SELECT DISTINCT a.s FROM a CROSS JOIN e",
    "in a semi join": "SELECT id FROM a WHERE k IN (SELECT b.k FROM b JOIN c ON b.k = c.k)",
    "in an anti join": "SELECT id FROM a WHERE k NOT IN (SELECT b.k FROM b JOIN c ON b.k = c.k)",
    "outer join that adds nothing": "SELECT DISTINCT a.s FROM a LEFT JOIN b ON a.k = b.k",
    "that matter to sums": "SELECT a.s, sum(a.v) FROM a JOIN b ON a.k = b.k GROUP BY a.s",
    "that do not matter to extremes": "SELECT a.s, max(a.v), count(DISTINCT a.v) FROM a JOIN b ON a.k = b.k"
    " GROUP BY a.s",
    "that matter to windows": "SELECT DISTINCT s, n FROM (SELECT a.s, count(*) OVER (PARTITION BY a.s) n"
    " FROM a JOIN b ON a.k = b.k)",
    "that matter to limits": "SELECT DISTINCT k FROM (SELECT a.k FROM a JOIN b ON a.k = b.k ORDER BY a.id LIMIT 5)",
    "in a set operation": "SELECT a.k FROM a JOIN b ON a.k = b.k INTERSECT SELECT k FROM c",
    "in a set operation of all": "SELECT a.k FROM a JOIN b ON a.k = b.k INTERSECT ALL SELECT k FROM a",
    "of a definition": "WITH x AS (SELECT p.k, q.s, max(p.v) m FROM b p JOIN b q ON p.k = q.k AND p.v <> q.v"
    " GROUP BY p.k, q.s) SELECT id FROM a WHERE k IN (SELECT k FROM x) AND v NOT IN (SELECT m FROM x WHERE s = 'x')",
}

AGGREGATIONS = {
    "by one key": "SELECT k, count(*), count(v), sum(v), min(s), max(d), avg(v) FROM a GROUP BY k",
    "by two keys": "SELECT k, s, sum(v) FROM a GROUP BY k, s",
    "by an expression": "SELECT k % 3, sum(v) FROM a GROUP BY k % 3",
    "by an expression used again": "SELECT k % 3 + 1, sum(v) FROM a GROUP BY k % 3",
    "of everything": "SELECT count(*), sum(v), min(d), avg(v) FROM a",
    "of nothing": "SELECT count(*), count(k), sum(v), max(k) FROM e",
    "of nothing, grouped": "SELECT k, count(*) FROM e GROUP BY k",
    "of a filter that keeps nothing": "SELECT count(*), sum(v) FROM a WHERE k > 1000000",
    "of decimals": "SELECT k, sum(x), min(x), max(x) FROM a GROUP BY k",
    "having": "SELECT k, count(*) FROM a GROUP BY k HAVING count(*) > 10 AND k > 2",
    "with filters": "SELECT k, count(*) FILTER (WHERE v > 50), sum(v) FILTER (WHERE s = 'x') FROM a GROUP BY k",
    "distinct": "SELECT k, count(DISTINCT s) FROM a GROUP BY k",
    "distinct and others": "SELECT k, count(DISTINCT s), sum(v), count(*), max(v) FROM a GROUP BY k",
    "distinct, several over one list": "SELECT k, count(DISTINCT v), sum(DISTINCT v), avg(v) FROM a GROUP BY k",
    "distinct over several lists": "SELECT k, count(DISTINCT s), count(DISTINCT v), sum(v) FROM a GROUP BY k",
    "distinct with a filter": "SELECT k, count(DISTINCT s) FILTER (WHERE v > 50), count(*) FROM a GROUP BY k",
    "distinct of everything": "SELECT count(DISTINCT s), sum(v), count(*) FROM a",
    "distinct sums of everything": "SELECT sum(DISTINCT v), count(DISTINCT v) FROM a",
    "distinct lists of everything": "SELECT count(DISTINCT s), count(DISTINCT k), max(v) FROM a",
    "distinct of nothing": "SELECT count(DISTINCT s), sum(v), count(*) FROM e",
    "distinct minimum": "SELECT k, min(DISTINCT v), sum(v) FROM a GROUP BY k",
    "distinct by an expression": "SELECT k, count(DISTINCT v % 5) FROM a GROUP BY k",
    "of an aggregation": "SELECT n, count(*) FROM (SELECT k, count(*) n FROM a GROUP BY k) GROUP BY n",
    "of an aggregation by the same key": "SELECT k, max(n) FROM (SELECT k, s, count(*) n FROM a GROUP BY k, s)"
    " GROUP BY k",
    "rollup": "SELECT k, s, sum(v), count(*) FROM a GROUP BY ROLLUP (k, s)",
    "cube": "SELECT k, s, sum(v), grouping(k), grouping(s) FROM a GROUP BY CUBE (k, s)",
    "grouping sets": "SELECT k, s, count(*), min(v) FROM a GROUP BY GROUPING SETS ((k), (s), ())",
    "grouping sets over a key aggregated": "SELECT k, sum(k), count(k) FROM a GROUP BY ROLLUP (k)",
    "grouping sets with distinct": "SELECT k, s, count(DISTINCT v) FROM a GROUP BY ROLLUP (k, s)",
    "select distinct": "SELECT DISTINCT k, s FROM a",
    "select distinct of an expression": "SELECT DISTINCT v % 7 FROM a",
    "statistics": "SELECT k, stddev(v), var_pop(v), corr(v, id) FROM a GROUP BY k",
}

SETS = {
    "union all": "SELECT k, s FROM a UNION ALL SELECT k, s FROM b",
    "union all with a small side": "SELECT k FROM a UNION ALL SELECT k FROM c UNION ALL SELECT 42",
    "union all of global aggregates": "SELECT count(*) FROM a UNION ALL SELECT sum(v) FROM b"
    " UNION ALL SELECT id FROM a",
    "union all of an empty side": "SELECT k FROM e UNION ALL SELECT k FROM a",
    "union": "SELECT k, s FROM a UNION SELECT k, s FROM b",
    "union all of joins": "SELECT a.id FROM a JOIN c ON a.k = c.k"
    " UNION ALL SELECT b.id FROM b LEFT JOIN c ON b.k = c.k",
    "union all, filtered and grouped": "SELECT k, count(*) FROM (SELECT k, v FROM a UNION ALL SELECT k, v FROM b)"
    " WHERE v > 20 GROUP BY k",
    "full join below union": "SELECT c.k, x.n FROM c FULL JOIN (SELECT 3 AS n) x ON c.n = x.n"
    " UNION ALL SELECT k, v FROM a",
    "intersect": "SELECT k, s FROM a INTERSECT SELECT k, s FROM b",
    "intersect all": "SELECT k, s FROM a INTERSECT ALL SELECT k, s FROM b",
    "except": "SELECT k, s FROM a EXCEPT SELECT k, s FROM b",
    "except all": "SELECT k, s FROM a EXCEPT ALL SELECT k, s FROM b",
    "except of nothing": "SELECT k FROM a EXCEPT SELECT k FROM e",
}

WINDOWS = {
    "row number": "SELECT id, row_number() OVER (PARTITION BY k ORDER BY v, id) FROM a",
    "rank and sum": "SELECT id, rank() OVER (PARTITION BY k ORDER BY v), sum(v) OVER (PARTITION BY k) FROM a",
    "without partitions": "SELECT id, sum(v) OVER (ORDER BY id) FROM a",
    "two partitionings": "SELECT id, count(*) OVER (PARTITION BY k), count(*) OVER (PARTITION BY s) FROM a",
    "frames": "SELECT id, sum(v) OVER (PARTITION BY k ORDER BY id ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) FROM a",
    "over groups": "SELECT k, sum(v), rank() OVER (ORDER BY sum(v) DESC, k) FROM a GROUP BY k",
    "filtered by the number": "SELECT * FROM (SELECT id, k, row_number() OVER (PARTITION BY k ORDER BY id) n FROM a)"
    " WHERE n <= 2 AND k > 1",
    "over nothing": "SELECT id, row_number() OVER (ORDER BY id) FROM e",
    "lag": "SELECT id, lag(v) OVER (PARTITION BY s ORDER BY id), lead(v, 2) OVER (PARTITION BY s ORDER BY id) FROM a",
}

CTES = {
    "used once": "WITH x AS (SELECT k, sum(v) t FROM a GROUP BY k) SELECT * FROM x WHERE k > 3",
    "used twice": "WITH x AS (SELECT k, sum(v) t FROM a GROUP BY k) SELECT p.k, q.t FROM x p JOIN x q ON p.k = q.k + 1",
    "used twice, filtered apart": "WITH x AS (SELECT k, s, sum(v) t, count(*) n FROM a GROUP BY k, s)"
    " SELECT p.t, q.t FROM x p JOIN x q ON p.k = q.k WHERE p.s = 'x' AND q.s = 'y'",
    "in a subquery too": "WITH x AS (SELECT k, sum(v) t FROM a GROUP BY k)"
    " SELECT k FROM x WHERE t > (SELECT avg(t) FROM x)",
    "of a cte": "WITH x AS (SELECT k, count(*) n FROM a GROUP BY k), y AS (SELECT n, count(*) m FROM x GROUP BY n)"
    " SELECT x.k, y.m FROM x JOIN y ON x.n = y.n",
    "cheap, used twice": "WITH x AS (SELECT k, v FROM a WHERE v > 60) SELECT p.k, q.v FROM x p JOIN x q ON p.k = q.k",
}

ORDERED = {
    "everything": "SELECT id, k FROM a ORDER BY id",
    "descending, nulls last": "SELECT k, id FROM a ORDER BY k DESC, id",
    "nulls first in descending order": "SELECT k, id FROM a ORDER BY k DESC NULLS FIRST, id",
    "nulls last in ascending order": "SELECT k, id FROM a ORDER BY k NULLS LAST, id DESC",
    "text": "SELECT s, id FROM a ORDER BY s, id",
    "dates": "SELECT d, id FROM a ORDER BY d DESC NULLS FIRST, id",
    "decimals": "SELECT x, id FROM a ORDER BY x, id",
    "an expression": "SELECT id FROM a ORDER BY v % 10 DESC, id",
    "an expression of what is shown": "SELECT id, v FROM a ORDER BY v % 10 DESC, id",
    "a constant": "SELECT id, v FROM a ORDER BY 1 + 1, id",
    "one value only": "SELECT id FROM a WHERE k = 3 ORDER BY k, id",
    "nothing": "SELECT id FROM e ORDER BY id",
    "groups": "SELECT k, sum(v) t FROM a GROUP BY k ORDER BY t DESC, k",
    "with a limit": "SELECT id, v FROM a ORDER BY v DESC, id LIMIT 7",
    "with limit and offset": "SELECT id FROM a ORDER BY v, id LIMIT 5 OFFSET 10",
    "offset only": "SELECT id FROM a ORDER BY id OFFSET 190",
    "offset beyond the end": "SELECT id FROM a ORDER BY id LIMIT 5 OFFSET 1000",
    "limit 0": "SELECT id FROM a ORDER BY id LIMIT 0",
    "a limit twice": "SELECT id FROM (SELECT id FROM a ORDER BY id LIMIT 20) ORDER BY id DESC LIMIT 5",
    "a large limit": "SELECT id, s FROM a ORDER BY s, id LIMIT 150",
    "the order of a subquery's rows": "SELECT * FROM (SELECT k, count(*) n FROM a GROUP BY k) x ORDER BY n, k LIMIT 3",
    "by a column not shown": "SELECT id FROM a ORDER BY v, id DESC LIMIT 9",
}

SPARK_ONLY = {
    "rollup of nothing": Query(
        "SELECT k, count(*) FROM e GROUP BY ROLLUP (k)", peer="SELECT k, count(*) FROM e GROUP BY k"
    ),
    "sets of nothing without rows": Query(
        "SELECT sum(v) FROM a WHERE v > 1000 GROUP BY k GROUPING SETS (())",
        peer="SELECT sum(v) FROM a WHERE false GROUP BY k",
    ),
    "ordered by structs": Query(
        "SELECT id, v FROM a WHERE k IS NOT NULL ORDER BY named_struct('k', k, 'id', id) DESC",
        ordered=True,
        peer="SELECT id, v FROM a WHERE k IS NOT NULL ORDER BY k DESC, id DESC",
    ),
    "left semi": Query(
        "SELECT id FROM a LEFT SEMI JOIN b ON a.k = b.k AND b.v > 40",
        peer="SELECT id FROM a WHERE EXISTS (SELECT 1 FROM b WHERE a.k = b.k AND b.v > 40)",
    ),
    "left anti": Query(
        "SELECT id FROM a LEFT ANTI JOIN b ON a.k = b.k AND b.v > a.v",
        peer="SELECT id FROM a WHERE NOT EXISTS (SELECT 1 FROM b WHERE a.k = b.k AND b.v > a.v)",
    ),
    "left anti by inequality": Query(
        "SELECT id FROM a LEFT ANTI JOIN c ON a.k < c.k",
        peer="SELECT id FROM a WHERE NOT EXISTS (SELECT 1 FROM c WHERE a.k < c.k)",
    ),
    "hint: broadcast": Query("SELECT /*+ BROADCAST(b) */ a.id, b.id FROM a LEFT JOIN b ON a.k = b.k"),
    "hint: broadcast the other": Query("SELECT /*+ BROADCAST(a) */ a.id, b.id FROM a JOIN b ON a.k = b.k"),
    "hint: merge": Query("SELECT /*+ MERGE(b) */ a.id, b.id FROM a JOIN b ON a.k = b.k"),
    "hint: shuffle hash": Query("SELECT /*+ SHUFFLE_HASH(a) */ a.id, b.id FROM a JOIN b ON a.k = b.k"),
    "repartitioned": Query("SELECT /*+ REPARTITION(5) */ id FROM a"),
    "repartitioned by a key": Query("SELECT /*+ REPARTITION(4, k) */ k, id FROM a"),
    "repartitioned by range": Query("SELECT /*+ REPARTITION_BY_RANGE(4, v) */ v, id FROM a"),
    "coalesced": Query("SELECT /*+ COALESCE(2) */ id FROM a"),
    "distributed by": Query("SELECT k, id FROM a DISTRIBUTE BY k", peer="SELECT k, id FROM a"),
    "range": Query("SELECT id * 2 FROM range(3, 1000, 7)", peer="SELECT range * 2 FROM range(3, 1000, 7)"),
    "in, as a value": Query(
        "SELECT id, k IN (SELECT k FROM b WHERE v > 50) FROM a",
        # As in Spark, what SQL leaves open is false.
        peer="SELECT id, coalesce(k IN (SELECT k FROM b WHERE v > 50), false) FROM a",
    ),
    "not in, as a value": Query(
        "SELECT id, k NOT IN (SELECT k FROM b WHERE v > 50) FROM a",
        peer="SELECT id, coalesce(k NOT IN (SELECT k FROM b WHERE v > 50), false) FROM a",
    ),
    "first and collect": Query(
        "SELECT k, size(collect_list(v)), size(collect_set(s)) FROM a GROUP BY k",
        peer="SELECT k, count(v), count(DISTINCT s) FROM a GROUP BY k",
    ),
}


def _queries() -> Iterator[tuple[str, Query]]:
    kinds = {
        "join": JOINS,
        "subquery": SUBQUERIES,
        "aggregate": AGGREGATIONS,
        "set": SETS,
        "window": WINDOWS,
        "duplicates": DUPLICATES,
    }
    for kind, texts in {**kinds, "cte": CTES}.items():
        yield from ((f"{kind}: {name}", Query(text)) for name, text in texts.items())
    yield from ((f"order: {name}", Query(text, ordered=True)) for name, text in ORDERED.items())
    yield from ((f"spark: {name}", query) for name, query in SPARK_ONLY.items())


QUERIES = dict(_queries())


def rows(seed: int, count: int) -> pa.Table:
    """Random rows with few distinct keys and a null in about every tenth value."""
    dice = random.Random(seed)

    def some(value: Any) -> Any:
        return None if dice.random() < 0.1 else value

    columns: dict[str, list[Any]] = {name: [] for name in ("id", "k", "v", "s", "d", "x")}
    for number in range(count):
        columns["id"].append(number)
        columns["k"].append(some(dice.randrange(12)))
        columns["v"].append(some(dice.randrange(100)))
        columns["s"].append(some(dice.choice("xyz")))
        columns["d"].append(some(date(2020, 1, 1) + timedelta(days=dice.randrange(40))))
        columns["x"].append(some(Decimal(dice.randrange(-500, 500)).scaleb(-2)))
    types = (pa.int64(), pa.int32(), pa.int64(), pa.string(), pa.date32(), pa.decimal128(10, 2))
    return pa.table(list(map(pa.array, columns.values(), types)), list(columns))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("tables")
    write_table(directory, "a", rows(1, 200), 30)
    write_table(directory, "b", rows(2, 90), 20)
    write_table(directory, "e", rows(3, 0))
    write_table(directory, "c", pa.table({"k": pa.array([2, 5, 7, 11], pa.int32()), "n": pa.array([1, 2, None, 4])}))
    return directory


@pytest.fixture(scope="module")
def session(data: Path) -> PlanSession:
    return PlanSession(data)


@pytest.fixture(scope="module")
def peer(data: Path) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(config={"threads": 1})
    connection.execute("SET default_null_order = 'nulls_first_on_asc_last_on_desc'")
    for name in ("a", "b", "c", "e"):
        connection.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet('{data / name}.parquet')")
    return connection


@pytest.fixture(scope="module", params=STRATEGIES)
def runner(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> StageRunner:
    return StageRunner(tmp_path_factory.mktemp("spill"), THREE_SLOTS, STRATEGIES[request.param])


def plain(value: Any) -> Any:
    """Equal for equal numbers of any type; floats to nine digits, since sums run in another order."""
    if isinstance(value, float):
        return f"{value:.9g}"
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return f"{float(value):.9g}"
    return value


def plain_rows(rows: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]:
    return [tuple(map(plain, row)) for row in rows]


@pytest.mark.parametrize("name", QUERIES)
def test_rows_are_those_the_query_means(
    name: str, session: PlanSession, runner: StageRunner, peer: duckdb.DuckDBPyConnection
) -> None:
    query = QUERIES[name]
    found = runner.run(session.optimized(query.text)).table
    expected = plain_rows(peer.execute(query.peer or query.text).fetchall())
    got = plain_rows(list(zip(*(c.to_pylist() for c in found.columns), strict=True)))
    if query.ordered:
        assert got == expected
    else:
        assert Counter(got) == Counter(expected)
