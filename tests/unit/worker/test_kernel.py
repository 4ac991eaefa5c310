"""Binding: programs and slices to statements the real engine runs."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import NoReturn

import pyarrow as pa
import pytest

from headrace_proto.v1 import common_pb2, task_pb2
from headrace_worker.engine import Engine
from headrace_worker.executor.attempt import Attempt, Surroundings
from headrace_worker.kernel import Program, ProgramError, Template, range_rows
from headrace_worker.shuffle.blocks import batches_from_body, body_from_batches, iterate_blocks
from headrace_worker.shuffle.reader import BlockAccess
from headrace_worker.shuffle.store import BlockStore

OUTPUT = common_pb2.OutputId(job_id=1, stage_id=1)


@pytest.fixture(scope="module")
def around(tmp_path_factory: pytest.TempPathFactory) -> Surroundings:
    folder = tmp_path_factory.mktemp("worker")
    store = BlockStore([folder])
    store.prepare()

    def no_remote(*_: object) -> NoReturn:
        raise AssertionError("nothing is remote here")

    access = BlockAccess(lambda _: store, no_remote, threading.Event())
    return Surroundings(Engine(1, 256 << 20, folder / "spill"), store, access, {}, grant_bytes=512 << 20)


def columns(**kinds: str) -> list[task_pb2.Column]:
    return [task_pb2.Column(name=name, kernel_type=kind) for name, kind in kinds.items()]


def program(sql: str, *inputs: task_pb2.StageInput, **output: object) -> Program:
    spec = task_pb2.StageOutput(**output) if output else task_pb2.StageOutput(single=task_pb2.Single())  # type: ignore[arg-type]
    return Program.load(task_pb2.StageProgram(output=OUTPUT, sql=sql, inputs=inputs, output_spec=spec))


def run(around: Surroundings, made: Program, *slices: task_pb2.InputSlice, partition: int = 0) -> task_pb2.TaskStatus:
    task = common_pb2.TaskId(job_id=1, stage_id=1, partition=partition)
    return Attempt(task_pb2.TaskLaunch(id=task, slices=slices), made, around).run()


def table(around: Surroundings, made: Program, *slices: task_pb2.InputSlice) -> pa.Table:
    status = run(around, made, *slices)
    assert status.state == task_pb2.TaskStatus.FINISHED, status.failure
    bodies = iterate_blocks(status.output.inline_blocks.data)
    return pa.Table.from_batches([batch for body, _ in bodies for batch in batches_from_body(body)])


def rows(around: Surroundings, made: Program, *slices: task_pb2.InputSlice) -> list[tuple[object, ...]]:
    return [tuple(row.values()) for row in table(around, made, *slices).to_pylist()]


def range_input(start: int, step: int) -> task_pb2.StageInput:
    return task_pb2.StageInput(range=task_pb2.RangeInput(start=start, step=step, column="id"))


def row_slice(offset: int, length: int) -> task_pb2.InputSlice:
    return task_pb2.InputSlice(rows=task_pb2.RowSlice(offset=offset, length=length))


def test_template_pieces() -> None:
    template = Template.parse("SELECT {{'a': x}} FROM {in_0} JOIN {in_12}")
    assert template.fill(lambda number: f"<{number}>") == "SELECT {'a': x} FROM <0> JOIN <12>"


@pytest.mark.parametrize("text", ["SELECT {x}", "SELECT }", "{in_}", "{"])
def test_a_single_brace_is_refused(text: str) -> None:
    with pytest.raises(ProgramError):
        Template.parse(text)


@pytest.mark.parametrize(
    ("start", "step", "offset", "length", "expected"),
    [
        (0, 1, 0, 3, [0, 1, 2]),
        (10, -3, 1, 3, [7, 4, 1]),
        (9223372036854775800, 3, 0, 3, [9223372036854775800, 9223372036854775803, 9223372036854775806]),
        (5, 2, 4, 0, []),
    ],
)
def test_range(around: Surroundings, start: int, step: int, offset: int, length: int, expected: list[int]) -> None:
    made = program("SELECT list(id) AS ids, count(*) AS n FROM {in_0}", range_input(start, step))
    assert rows(around, made, row_slice(offset, length)) == [(expected or None, len(expected))]


@pytest.fixture(scope="module")
def parquet(tmp_path_factory: pytest.TempPathFactory, around: Surroundings) -> Path:
    path = tmp_path_factory.mktemp("data") / "it's.parquet"
    quoted = str(path).replace("'", "''")
    around.engine.run(f"COPY (SELECT i AS a, i * 2 AS b FROM range(10000) t(i)) TO '{quoted}' (ROW_GROUP_SIZE 2048)")
    return path


def scan_input(partition_columns: int = 0) -> task_pb2.StageInput:
    parts = "".join(f", __part_{number}" for number in range(partition_columns))
    kinds = {"a": "BIGINT", **{f"__part_{number}": "VARCHAR" for number in range(partition_columns)}}
    return task_pb2.StageInput(
        scan=task_pb2.ScanInput(
            reader="read_parquet",
            select_sql=f"SELECT a{parts} FROM {{source}}",
            partition_columns=partition_columns,
            columns=columns(**kinds),
        )
    )


def files(*slices: task_pb2.FileSlice) -> task_pb2.InputSlice:
    return task_pb2.InputSlice(scan=task_pb2.ScanSlice(files=slices))


def test_scan_of_a_whole_file_and_of_rows_of_it(around: Surroundings, parquet: Path) -> None:
    made = program("SELECT count(*), min(a), max(a) FROM {in_0}", scan_input())
    whole, part = task_pb2.FileSlice(path=str(parquet)), task_pb2.FileSlice(path=str(parquet), first_row=100, rows=3000)
    last = task_pb2.FileSlice(path=str(parquet), first_row=9999, rows=1)
    assert rows(around, made, files(whole)) == [(10000, 0, 9999)]
    assert rows(around, made, files(part)) == [(3000, 100, 3099)]
    assert rows(around, made, files(part, last)) == [(3001, 100, 9999)]
    assert rows(around, made, files(whole, part)) == [(13000, 0, 9999)]


def test_partition_values_become_columns(around: Surroundings, parquet: Path) -> None:
    def piece(*values: str | None) -> task_pb2.FileSlice:
        parts = [task_pb2.PartitionValue(value=v) if v is not None else task_pb2.PartitionValue() for v in values]
        return task_pb2.FileSlice(path=str(parquet), first_row=0, rows=1, partition_values=parts)

    made = program("SELECT __part_0, __part_1, count(*) FROM {in_0} GROUP BY ALL ORDER BY ALL", scan_input(2))
    found = rows(around, made, files(piece("o'x", "1"), piece(None, "2"), piece("o'x", "1")))
    assert sorted(found, key=str) == [("o'x", "1", 2), (None, "2", 1)]


def test_a_task_without_slices_sees_the_right_columns(around: Surroundings) -> None:
    shuffle = task_pb2.StageInput(
        shuffle=task_pb2.ShuffleInput(output=OUTPUT, columns=columns(k="VARCHAR", d="DECIMAL(12,2)", l="INTEGER[]"))
    )
    made = program("SELECT k, d, l FROM {in_0} UNION ALL SELECT 'x', 1.5, [1] FROM {in_1}", shuffle, scan_input())
    status = run(around, made)
    assert (status.state, status.output.rows) == (task_pb2.TaskStatus.FINISHED, 0)
    assert status.output.HasField("inline_blocks")


def test_rows_that_came_with_the_plan(around: Surroundings) -> None:
    given = pa.table([pa.array([1, 2, 3, 4]), pa.array(["a", "b", "c", "d"])], names=["same", "same"])
    spec = task_pb2.TableInput(
        arrow_stream=bytes(body_from_batches(given.schema, given.to_batches())),
        columns=columns(n="SMALLINT", s="VARCHAR"),
    )
    made = program("SELECT s, typeof(n), n FROM {in_0} ORDER BY n", task_pb2.StageInput(table=spec))
    assert rows(around, made, row_slice(1, 2)) == [("b", "SMALLINT", 2), ("c", "SMALLINT", 3)]
    assert run(around, made, row_slice(4, 0)).output.rows == 0


def test_result_has_the_client_schema_to_the_letter(around: Surroundings) -> None:
    schema = pa.schema(
        [
            pa.field("same", pa.decimal128(10, 2)),
            pa.field("same", pa.timestamp("us", tz="Europe/Berlin"), nullable=False, metadata={"k": "v"}),
            pa.field("b", pa.binary()),
            pa.field(
                "s", pa.struct([pa.field("Inner", pa.decimal128(5, 1), nullable=False), pa.field("t", pa.string())])
            ),
            pa.field("l", pa.list_(pa.field("element", pa.decimal128(5, 1), nullable=False))),
            pa.field("m", pa.map_(pa.string(), pa.field("value", pa.list_(pa.field("element", pa.int32()))))),
        ],
        metadata={"spark": "yes"},
    )
    sql = """
        SELECT 1.25::DECIMAL(10,2), TIMESTAMPTZ '2024-01-02 03:04:05+00', 'x'::BLOB,
               CASE WHEN id = 1 THEN NULL ELSE {{'inner': 2.5::DECIMAL(5,1), 't': 'u'}} END,
               CASE WHEN id = 1 THEN NULL ELSE [id::DECIMAL(5,1)] END, MAP {{'k': [id::INTEGER]}}
        FROM {in_0} ORDER BY id
    """
    result = task_pb2.ResultOutput(arrow_schema=schema.serialize().to_pybytes())
    found = table(around, program(sql, range_input(0, 1), result=result), row_slice(0, 3))
    assert found.schema.equals(schema, check_metadata=True)
    found.validate(full=True)
    assert [row["l"] for row in found.select(["l"]).to_pylist()] == [[0], None, [2]]
    assert [row["s"] for row in found.select(["s"]).to_pylist()][1] is None
    assert [row["m"] for row in found.select(["m"]).to_pylist()] == [[("k", [n])] for n in range(3)]


def test_result_stops_at_the_limit(around: Surroundings) -> None:
    schema = pa.schema([("id", pa.int64())])
    result = task_pb2.ResultOutput(arrow_schema=schema.serialize().to_pybytes(), limit_rows=5)
    made = program("SELECT id FROM {in_0}", range_input(0, 1), result=result)
    assert rows(around, made, row_slice(0, 10_000_000)) == [(n,) for n in range(5)]
    assert rows(around, made, row_slice(7, 2)) == [(7,), (8,)]


def test_order_of_a_result_is_kept(around: Surroundings) -> None:
    schema = pa.schema([("id", pa.int64())])
    result = task_pb2.ResultOutput(arrow_schema=schema.serialize().to_pybytes(), batch_bytes=1000)
    made = program("SELECT id FROM {in_0} ORDER BY id DESC", range_input(0, 1), result=result)
    assert rows(around, made, row_slice(0, 2000)) == [(n,) for n in reversed(range(2000))]


def test_blocks_hold_no_views(around: Surroundings) -> None:
    found = table(
        around,
        program("SELECT 'x'::BLOB AS b, [id::VARCHAR::BLOB] AS l FROM {in_0}", range_input(0, 1)),
        row_slice(0, 2),
    )
    assert found.schema.field("b").type == pa.binary()
    assert found.schema.field("l").type.value_type == pa.binary()
    assert found.to_pylist() == [{"b": b"x", "l": [b"0"]}, {"b": b"x", "l": [b"1"]}]


def test_a_stage_is_planned_once_and_every_task_reads_its_own_rows(around: Surroundings) -> None:
    made = program("SELECT sum(id) AS s, count(*) AS n FROM {in_0}", range_input(0, 1))
    planned = []
    for task in range(5):
        assert rows(around, made, row_slice(10 * task, 10)) == [(100 * task + 45, 10)]
        planned.append(made.prepared)
    assert planned[0] is None, "a stage of one task is not planned twice"
    assert planned[1] is not None
    assert planned[1:] == [planned[1]] * 4


def test_the_optimizer_rests_while_planned_statements_run_and_no_longer(around: Surroundings) -> None:
    def optimizes() -> str:
        query = "SELECT value FROM duckdb_settings() WHERE name = 'enable_optimizer'"
        return str(around.engine._connection.execute(query).fetchall()[0][0])

    made = program("SELECT sum(id) AS s FROM {in_0}", range_input(0, 1))
    for task in range(12):
        assert rows(around, made, row_slice(task, 1)) == [(task,)]
    assert optimizes() == "false"
    assert rows(around, program("SELECT max(id) AS s FROM {in_0}", range_input(0, 1)), row_slice(7, 1)) == [(7,)]
    assert optimizes() == "true"


@pytest.mark.parametrize(
    ("start", "step", "offset", "length"),
    [(0, 1, 3, 4), (10, -3, 1, 5), (-(2**63), 2**62, 0, 4), (2**63 - 1, -(2**60), 2, 3)],
)
def test_rows_of_a_range(start: int, step: int, offset: int, length: int) -> None:
    spec = task_pb2.RangeInput(start=start, step=step, column="id")
    made = range_rows(spec, task_pb2.RowSlice(offset=offset, length=length))
    assert made.to_pydict() == {"id": [start + (offset + row) * step for row in range(length)]}


def test_a_task_without_rows_among_tasks_of_a_planned_stage(around: Surroundings) -> None:
    made = program("SELECT count(*) AS n FROM {in_0}", range_input(0, 1))
    lengths = [3, 3, 0, 3, 0, 0, 10_000, 3]
    assert [rows(around, made, row_slice(0, length)) for length in lengths] == [[(length,)] for length in lengths]


def test_an_input_that_stands_twice_in_the_text_is_read_twice(around: Surroundings) -> None:
    made = program("SELECT a.id + b.id AS x FROM {in_0} a JOIN {in_0} b ON a.id = b.id ORDER BY x", range_input(0, 1))
    for first in (0, 100, 200):
        expected = [(2 * (first + n),) for n in range(3)]
        assert sorted(rows(around, made, row_slice(first, 3))) == expected


def test_a_failing_task_of_a_planned_stage_fails_alone(around: Surroundings) -> None:
    made = program(
        "SELECT 10 // CAST(error(CASE WHEN id = 3 THEN 'three' END) AS INTEGER) AS x FROM {in_0}", range_input(0, 1)
    )
    states = [run(around, made, row_slice(n, 1)).state for n in range(6)]
    failed, finished = task_pb2.TaskStatus.FAILED, task_pb2.TaskStatus.FINISHED
    assert states == [finished, finished, finished, failed, finished, finished]


def test_programs_that_ask_for_their_partition_are_planned_for_each(around: Surroundings) -> None:
    made = program("SELECT getvariable('hr_partition') AS p FROM {in_0}", range_input(0, 1))
    for partition in range(4):
        status = run(around, made, row_slice(0, 1), partition=partition)
        (found,) = [
            batch for body, _ in iterate_blocks(status.output.inline_blocks.data) for batch in batches_from_body(body)
        ]
        assert found.column(0).to_pylist() == [partition]


def test_an_inlet_changes_with_the_schema_of_what_it_reads(around: Surroundings) -> None:
    """Blocks of one stage agree in their types; should they ever not, the statement is planned for the others anew."""
    table_of = {
        kind: task_pb2.OutputTable(
            output=common_pb2.OutputId(job_id=1, stage_id=7),
            reducers=1,
            map_partition=[0],
            map_attempt=[0],
            map_holder=[0],
            holders=[task_pb2.Holder(worker_id="w", address="a:1")],
            inline_blocks=[outcome.inline_blocks],
        )
        for kind in ("BIGINT", "VARCHAR")
        for outcome in [run(around, program(f"SELECT 42::{kind} AS a")).output]
    }
    shuffle = task_pb2.ShuffleInput(output=common_pb2.OutputId(job_id=1, stage_id=7), columns=columns(a=""))
    made = program("SELECT typeof(a) AS t FROM {in_0}", task_pb2.StageInput(shuffle=shuffle))
    piece = task_pb2.InputSlice(shuffle=task_pb2.ShuffleSlice(first_reducer=0, reducer_count=1))
    tables: dict[tuple[int, int], task_pb2.OutputTable] = {}
    here = Surroundings(around.engine, around.store, around.access, tables, grant_bytes=around.grant_bytes)
    for kind in ("BIGINT", "BIGINT", "VARCHAR", "VARCHAR", "BIGINT"):
        tables[1, 7] = table_of[kind]
        assert rows(here, made, piece) == [(kind,)]


def test_settings_last_for_one_program_only(around: Surroundings) -> None:
    made = program("SELECT current_setting('TimeZone') FROM {in_0}", range_input(0, 1))
    made.settings["TimeZone"] = "America/New_York"
    plain = program("SELECT current_setting('TimeZone') FROM {in_0}", range_input(0, 1))
    assert rows(around, made, row_slice(0, 1)) == [("America/New_York",)]
    assert rows(around, plain, row_slice(0, 1)) == [("UTC",)]


def test_a_sample_is_taken(around: Surroundings) -> None:
    made = program(
        "SELECT id, 'x' AS t FROM {in_0}",
        range_input(0, 1),
        single=task_pb2.Single(),
        sample_rows=10,
        sample_columns=["id"],
    )
    status = run(around, made, row_slice(0, 100_000))
    with pa.ipc.open_stream(status.output.sample) as reader:
        sample = reader.read_all()
    assert sample.schema.names == ["id"]
    assert sample.num_rows == 10
    assert max(sample.column("id").to_pylist()) > 20_000
    assert run(around, made, row_slice(0, 100_000)).output.sample == bytes(status.output.sample)
    with pa.ipc.open_stream(run(around, made, row_slice(0, 4)).output.sample) as reader:
        assert sorted(reader.read_all().column("id").to_pylist()) == [0, 1, 2, 3]


@pytest.mark.parametrize("kind", ["parquet", "csv", "json"])
@pytest.mark.parametrize("partition_by", [[], ["p"]])
def test_files_appear_whole_and_under_staging(
    around: Surroundings, tmp_path: Path, kind: str, partition_by: list[str]
) -> None:
    staging = tmp_path / "staging"
    spec = task_pb2.FileOutput(format=kind, staging=str(staging), extension=f".x.{kind}", partition_by=partition_by)
    made = program("SELECT id, 'a b:' || (id % 2) AS p FROM {in_0}", range_input(0, 1), files=spec)
    status = run(around, made, row_slice(0, 10), partition=3)
    assert status.state == task_pb2.TaskStatus.FINISHED, status.failure
    written = {file.path: file.bytes for file in status.output.files}
    on_disk = {str(path.relative_to(staging)): path.stat().st_size for path in staging.rglob("*") if path.is_file()}
    assert written == on_disk
    assert sum(file.rows for file in status.output.files) == status.output.rows == 10
    assert {str(Path(path).parent) for path in written} == ({"p=a b%3A0", "p=a b%3A1"} if partition_by else {"."})
    assert all(Path(path).name.startswith("part-00003-") and path.endswith(f".x.{kind}") for path in written)


def test_files_in_folders_are_cut_at_the_row_limit(around: Surroundings, tmp_path: Path) -> None:
    spec = task_pb2.FileOutput(
        format="parquet", staging=str(tmp_path), extension=".parquet", partition_by=["p"], max_rows_per_file=3
    )
    made = program("SELECT id, id % 2 AS p FROM {in_0}", range_input(0, 1), files=spec)
    files = run(around, made, row_slice(0, 10)).output.files
    assert sorted((str(Path(file.path).parent), file.rows) for file in files) == [
        ("p=0", 2),
        ("p=0", 3),
        ("p=1", 2),
        ("p=1", 3),
    ]


def test_files_are_cut_at_the_row_limit_and_failures_leave_none(around: Surroundings, tmp_path: Path) -> None:
    staging = tmp_path / "staging"
    spec = task_pb2.FileOutput(format="parquet", staging=str(staging), extension=".parquet", max_rows_per_file=4)
    status = run(around, program("SELECT id FROM {in_0}", range_input(0, 1), files=spec), row_slice(0, 10))
    assert sorted(file.rows for file in status.output.files) == [2, 4, 4]
    for file in status.output.files:
        (staging / file.path).unlink()
    failing = program("SELECT 1 // (id - 9) AS x FROM {in_0}", range_input(0, 1), files=spec)
    assert run(around, failing, row_slice(0, 10)).failure.user_error.error_class == "DIVIDE_BY_ZERO"
    assert list(staging.iterdir()) == []


def test_only_the_first_task_writes_an_empty_file(around: Surroundings, tmp_path: Path) -> None:
    spec = task_pb2.FileOutput(format="parquet", staging=str(tmp_path), extension=".parquet")
    made = program("SELECT id FROM {in_0}", range_input(0, 1), files=spec)
    assert [file.rows for file in run(around, made, row_slice(0, 0), partition=0).output.files] == [0]
    assert list(run(around, made, row_slice(0, 0), partition=1).output.files) == []
