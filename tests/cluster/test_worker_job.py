"""A job of two stages over real Parquet files on two worker processes, launched by a scripted driver."""

from __future__ import annotations

import asyncio
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from headrace_proto.v1 import common_pb2, task_pb2
from headrace_worker.shuffle.blocks import iterate_blocks
from tests.cluster.scripted_driver import cluster
from tests.cluster.test_worker_faults import until

pytestmark = pytest.mark.cluster

PARTIAL = """
SELECT flag, status, sum(quantity)::DECIMAL(38,2) AS quantity, count(*) AS lines,
       hash(flag, status) AS __hash FROM {in_0} GROUP BY flag, status
"""
FINAL = """
SELECT flag, status, sum(quantity)::DECIMAL(38,2) AS quantity, sum(lines)::BIGINT AS lines
FROM {in_0} GROUP BY flag, status
"""
QUERY = """
SELECT l_returnflag AS flag, l_linestatus AS status, l_quantity AS quantity FROM {source}
WHERE l_shipdate <= DATE '1998-09-02'
"""


@pytest.fixture(scope="module")
def lineitem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "lineitem.parquet"
    duckdb.sql(f"""
        COPY (SELECT i AS l_orderkey, ['A', 'N', 'R'][i % 3 + 1] AS l_returnflag, ['F', 'O'][i % 2 + 1] AS l_linestatus,
                     (i % 50)::DECIMAL(12,2) AS l_quantity, DATE '1998-01-01' + (i % 365)::INTEGER AS l_shipdate
              FROM range(100000) t(i)) TO '{path}' (ROW_GROUP_SIZE 10000)
    """)
    return path


def columns(*pairs: tuple[str, str]) -> list[task_pb2.Column]:
    return [task_pb2.Column(name=name, kernel_type=kind) for name, kind in pairs]


GROUPS = columns(("flag", "VARCHAR"), ("status", "VARCHAR"), ("quantity", "DECIMAL(38,2)"), ("lines", "BIGINT"))
RESULT_SCHEMA = pa.schema(
    [
        pa.field("flag", pa.string()),
        pa.field("status", pa.string()),
        pa.field("quantity", pa.decimal128(38, 2)),
        pa.field("lines", pa.int64(), nullable=False),
    ]
)


def partial_stage(job_id: int, reducers: int = 3) -> task_pb2.StageProgram:
    scan = task_pb2.ScanInput(
        reader="read_parquet",
        select_sql=QUERY,
        columns=columns(("flag", "VARCHAR"), ("status", "VARCHAR"), ("quantity", "DECIMAL(12,2)")),
    )
    return task_pb2.StageProgram(
        output=common_pb2.OutputId(job_id=job_id, stage_id=0),
        sql=PARTIAL,
        inputs=[task_pb2.StageInput(scan=scan)],
        output_spec=task_pb2.StageOutput(hash=task_pb2.HashPartitioned(partitions=reducers), columns=GROUPS),
    )


def final_stage(job_id: int) -> task_pb2.StageProgram:
    shuffle = task_pb2.ShuffleInput(output=common_pb2.OutputId(job_id=job_id, stage_id=0), columns=GROUPS)
    return task_pb2.StageProgram(
        output=common_pb2.OutputId(job_id=job_id, stage_id=1),
        sql=FINAL,
        inputs=[task_pb2.StageInput(shuffle=shuffle)],
        output_spec=task_pb2.StageOutput(
            result=task_pb2.ResultOutput(arrow_schema=RESULT_SCHEMA.serialize().to_pybytes()), columns=GROUPS
        ),
    )


def file_rows(path: Path, first: int, rows: int) -> list[task_pb2.InputSlice]:
    piece = task_pb2.FileSlice(path=str(path), first_row=first, rows=rows)
    return [task_pb2.InputSlice(scan=task_pb2.ScanSlice(files=[piece]))]


def reducer(number: int) -> list[task_pb2.InputSlice]:
    return [task_pb2.InputSlice(shuffle=task_pb2.ShuffleSlice(first_reducer=number, reducer_count=1))]


def test_two_stages_give_the_right_answer(tmp_path: Path, lineitem: Path) -> None:
    async def scenario() -> None:
        async with cluster(tmp_path) as driver:
            maps = await driver.run_stage(
                partial_stage(1), [file_rows(lineitem, first, 10000) for first in range(0, 100000, 10000)]
            )
            assert [status.state for status in maps] == [task_pb2.TaskStatus.FINISHED] * 10
            # The kernel counts rows behind the filters its scan applies.
            assert 0 < sum(status.metrics.rows_read for status in maps) <= 100000
            assert {status.executor_id.partition("/")[0] for status in maps} == {"w0", "w1"}
            table = driver.output_table(common_pb2.OutputId(job_id=1, stage_id=0), 3)
            results = await driver.run_stage(final_stage(1), [reducer(number) for number in range(3)], [table])
            rows: list[tuple[object, ...]] = []
            for status in results:
                assert status.state == task_pb2.TaskStatus.FINISHED, status.failure
                for body, _ in iterate_blocks(status.output.inline_blocks.data):
                    with pa.ipc.open_stream(body) as reader:
                        assert reader.schema.equals(RESULT_SCHEMA, check_metadata=True)
                        rows.extend(tuple(row.values()) for row in reader.read_all().to_pylist())
            expected = duckdb.sql(f"""
                SELECT l_returnflag, l_linestatus, sum(l_quantity), count(*) FROM '{lineitem}'
                WHERE l_shipdate <= DATE '1998-09-02' GROUP BY ALL
            """).fetchall()
            assert sorted(rows) == sorted(expected)
            assert len(rows) == 6

    asyncio.run(scenario())


@pytest.mark.parametrize("matching", [True, False])
def test_a_broadcast_is_written_once_a_host_and_read_by_all(tmp_path: Path, lineitem: Path, matching: bool) -> None:
    output = common_pb2.OutputId(job_id=1, stage_id=0)
    flags = columns(("flag", "VARCHAR"), ("word", "VARCHAR"))
    build = task_pb2.StageProgram(
        output=output,
        sql="SELECT ['A', 'N', 'R'][id % 3 + 1] AS f, 'word ' || id AS w FROM {in_0}"
        + ("" if matching else " WHERE false"),
        inputs=[task_pb2.StageInput(range=task_pb2.RangeInput(start=0, step=1, column="id"))],
        output_spec=task_pb2.StageOutput(single=task_pb2.Single(), columns=flags),
    )
    probe = task_pb2.StageProgram(
        output=common_pb2.OutputId(job_id=1, stage_id=1),
        sql="SELECT count(*) AS n FROM {in_0} l LEFT JOIN {in_1} b USING (flag) WHERE b.word IS NULL OR b.word <> ''",
        inputs=[
            partial_stage(1).inputs[0],
            task_pb2.StageInput(broadcast=task_pb2.BroadcastInput(output=output, columns=flags)),
        ],
        output_spec=task_pb2.StageOutput(single=task_pb2.Single(), columns=columns(("n", "BIGINT"))),
    )

    async def scenario() -> None:
        async with cluster(tmp_path, 1, 2) as driver:
            pieces = [[task_pb2.InputSlice(rows=task_pb2.RowSlice(offset=first, length=2))] for first in (0, 2, 4)]
            await driver.run_stage(build, pieces)
            table = driver.output_table(output, 1)
            slices = [file_rows(lineitem, first, 10000) for first in range(0, 100000, 10000)]
            statuses = await driver.run_stage(probe, slices, [table])
            counts = []
            for status in statuses:
                assert status.state == task_pb2.TaskStatus.FINISHED, status.failure
                for body, _ in iterate_blocks(status.output.inline_blocks.data):
                    with pa.ipc.open_stream(body) as reader:
                        counts.append(reader.read_all().column("n").to_pylist()[0])
            kept = duckdb.sql(f"SELECT count(*) FROM '{lineitem}' WHERE l_shipdate <= DATE '1998-09-02'").fetchall()[0][
                0
            ]
            assert sum(counts) == kept * (2 if matching else 1)
            assert len({status.executor_id for status in statuses}) == 2
            files = list((tmp_path / "w0").rglob("broadcast/1/*.arrow"))
            assert len(files) == 1
            driver.workers["w0"].send(drop_outputs=[output])
            await until(lambda: not files[0].exists())

    asyncio.run(scenario())
