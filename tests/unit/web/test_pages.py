"""The pages: what stands on them, that text from queries cannot become markup, and where the pictures put things."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from headrace_driver.web import pages
from headrace_driver.web.graph import BOX_WIDTH, STAGES_DRAWN_MAX, stage_graph
from headrace_driver.web.timeline import LANES_WIDTH, TASKS_DRAWN_MAX, timeline
from headrace_proto.v1 import cluster_pb2, common_pb2, jobs_pb2, task_pb2

NOW_US = 1_800_000_000_000_000
HOSTILE = "<script>alert('x')</script> & \"quotes\""


class _Tags(HTMLParser):
    """Names of all elements, and whether each that was opened is closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        if tag not in ("meta", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def summary(state: jobs_pb2.JobState = jobs_pb2.JOB_FINISHED, description: str = "SELECT 1") -> jobs_pb2.JobSummary:
    ended_us = 0 if state == jobs_pb2.JOB_RUNNING else NOW_US - 1_000_000
    return jobs_pb2.JobSummary(
        job_id=7, description=description, state=state, submitted_us=NOW_US - 3_000_000, finished_us=ended_us
    )


def task(
    stage_id: int, partition: int, executor: str = "w0/0", begin_s: float = 0, run_s: float = 1
) -> jobs_pb2.TaskDetail:
    launched_us = NOW_US + int(begin_s * 1e6)
    return jobs_pb2.TaskDetail(
        id=common_pb2.TaskId(job_id=7, stage_id=stage_id, partition=partition),
        state="finished",
        worker_id=executor.partition("/")[0],
        executor_id=executor,
        launched_us=launched_us,
        finished_us=launched_us + int(run_s * 1e6),
        metrics=task_pb2.TaskMetrics(run_us=int(run_s * 1e6)),
    )


def detail(**fields: object) -> jobs_pb2.JobDetail:
    stages = [
        jobs_pb2.StageDetail(stage_id=1, state="finished", description="scan parquet file:/data/in/orders.parquet"),
        jobs_pb2.StageDetail(stage_id=2, state="finished", parents=[1], description=HOSTILE, sql=HOSTILE),
    ]
    for stage in stages:
        stage.tasks.append(task(stage.stage_id, 0))
    values = {"summary": summary(), "stages": stages, "physical_plan": HOSTILE, "decisions": [HOSTILE], **fields}
    return jobs_pb2.JobDetail(**values)  # type: ignore[arg-type]


def test_an_empty_cluster_says_what_to_do() -> None:
    page = pages.cluster_page([], [], NOW_US)
    assert "headrace worker --driver" in page
    assert not _Tags(page).open


def test_the_cluster_shows_workers_and_jobs() -> None:
    worker = jobs_pb2.WorkerDetail(
        registration=cluster_pb2.Register(worker_id="w0", slots=4),
        heartbeat=cluster_pb2.Heartbeat(
            budget_bytes=1 << 30, memory=cluster_pb2.MemoryUse(execution_bytes=1 << 28, state_bytes=1 << 27)
        ),
        state="alive",
    )
    page = pages.cluster_page([summary(jobs_pb2.JOB_RUNNING, HOSTILE)], [worker], NOW_US)
    assert "script" not in _Tags(page).names
    assert 'href="/jobs/7"' in page
    assert "3.00 s" in page  # a job that runs has taken as long as it has been there
    assert re.findall(r'class="(execution|memory-state)" style="width:([\d.]+)%', page) == [
        ("execution", "25.0"),
        ("memory-state", "12.5"),
    ]


def test_a_page_is_loaded_again_while_something_runs() -> None:
    running = detail(summary=summary(jobs_pb2.JOB_RUNNING))
    assert 'http-equiv="refresh"' in pages.job_page(running, NOW_US)
    assert 'http-equiv="refresh"' not in pages.job_page(detail(), NOW_US)


def test_text_of_a_query_is_text() -> None:
    page = pages.job_page(detail(), NOW_US)
    tags = _Tags(page)
    assert not tags.open
    assert "script" not in tags.names
    assert "&lt;script&gt;" in page


def test_a_failure_is_told_in_full() -> None:
    failed = summary(jobs_pb2.JOB_FAILED)
    failed.failure.user_error.message = "[DIVIDE_BY_ZERO] Division by zero."
    assert "[DIVIDE_BY_ZERO] Division by zero." in pages.job_page(detail(summary=failed), NOW_US)


def test_boxes_name_files_without_their_folders() -> None:
    page = pages.job_page(detail(), NOW_US)
    assert "1 · scan parquet orders.parquet" in page


def test_every_stage_stands_behind_those_it_reads() -> None:
    graph = stage_graph({1: (), 2: (), 3: (1, 2), 4: (3, 1, 99)})
    assert graph is not None
    x = {box.stage_id: box.x for box in graph.boxes}
    assert x[1] == x[2] < x[3] < x[4]
    assert len({(box.x, box.y) for box in graph.boxes}) == 4
    assert len(graph.edges) == 4  # stage 99 is another job's
    assert graph.width >= x[4] + BOX_WIDTH


def test_a_stage_stands_next_to_its_reader() -> None:
    graph = stage_graph({1: (), 2: (1,), 3: (2,), 4: (), 5: (3, 4)})
    assert graph is not None
    x = {box.stage_id: box.x for box in graph.boxes}
    assert x[4] == x[3]


def test_more_stages_than_anyone_reads_are_not_drawn() -> None:
    assert stage_graph(dict.fromkeys(range(STAGES_DRAWN_MAX + 1), ())) is None
    assert stage_graph({}) is None


def test_bars_lie_where_their_executor_ran_them() -> None:
    waited = task(1, 1, begin_s=0, run_s=4)
    waited.metrics.run_us = 1_000_000
    line = timeline([task(1, 0, "w1/0"), waited], NOW_US)
    assert line is not None
    assert [lane.executor_id for lane in line.lanes] == ["w0/0", "w1/0"]
    (bar,) = line.lanes[0].bars
    assert (bar.x, bar.width) == (0.75 * LANES_WIDTH, 0.25 * LANES_WIDTH)


def test_the_longest_tasks_are_drawn() -> None:
    tasks = [task(1, number, run_s=1 + number) for number in range(TASKS_DRAWN_MAX + 5)]
    line = timeline(tasks, NOW_US)
    assert line is not None
    assert line.left_out == 5
    assert min(bar.spent_us for lane in line.lanes for bar in lane.bars) == 6_000_000


def test_nothing_is_drawn_before_anything_runs() -> None:
    assert timeline([], NOW_US) is None
    assert "Tasks along" not in pages.job_page(detail(stages=[]), NOW_US)
