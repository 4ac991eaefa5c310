"""The worker's task queue: events in, actions out."""

from __future__ import annotations

from headrace_proto.v1 import common_pb2, task_pb2
from headrace_worker.dispatch import (
    AHEAD_TASKS_MAX,
    CAUTION,
    STILLBORN_MAX,
    Action,
    CancelOn,
    Dispatcher,
    Report,
    Start,
)
from headrace_worker.memory import MemoryBudget

MB = 1 << 20
LOST = common_pb2.Failure(executor_lost=common_pb2.ExecutorLost(exit_code=-9))


def task(partition: int, job: int = 1, stage: int = 1) -> common_pb2.TaskId:
    return common_pb2.TaskId(job_id=job, stage_id=stage, partition=partition)


def launch(partition: int, job: int = 1, memory: int = 0) -> task_pb2.TaskLaunch:
    return task_pb2.TaskLaunch(id=task(partition, job), memory_bytes=memory)


def finished(partition: int, run_us: int, job: int = 1) -> task_pb2.TaskStatus:
    return task_pb2.TaskStatus(
        id=task(partition, job), state=task_pb2.TaskStatus.FINISHED, metrics=task_pb2.TaskMetrics(run_us=run_us)
    )


def dispatcher(executors: int = 2, budget: int = 1000 * MB) -> Dispatcher:
    made = Dispatcher(MemoryBudget(budget, slots=executors))
    for name in "abcdef"[:executors]:
        assert made.executor_ready(name) == []
    return made


def started(actions: list[Action]) -> dict[str, list[int]]:
    return {
        action.executor_id: [one.id.partition for one in action.launches]
        for action in actions
        if isinstance(action, Start)
    }


def reported(actions: list[Action]) -> list[tuple[int, str | None]]:
    return [
        (action.status.id.partition, action.status.failure.WhichOneof("cause"))
        for action in actions
        if isinstance(action, Report)
    ]


def test_unknown_tasks_go_one_to_each_executor_in_order() -> None:
    queue = dispatcher()
    actions = queue.launch([launch(0), launch(1), launch(2)])
    assert started(actions) == {"a": [0], "b": [1]}
    assert all(isinstance(action, Start) and action.grant_bytes == 500 * MB for action in actions)
    assert queue.free_slots() == 0


def test_short_tasks_are_sent_ahead_within_bounds() -> None:
    queue = dispatcher(executors=1)
    queue.launch([launch(partition) for partition in range(500)])
    actions = queue.finished("a", [finished(0, run_us=1000)])
    assert started(actions) == {"a": list(range(1, 21))}
    actions = queue.finished("a", [finished(partition, run_us=1) for partition in range(1, 21)])
    assert 0 < len(started(actions)["a"]) <= AHEAD_TASKS_MAX


def test_long_tasks_are_not_sent_ahead() -> None:
    queue = dispatcher()
    queue.launch([launch(partition) for partition in range(4)])
    assert started(queue.finished("a", [finished(0, run_us=5_000_000)])) == {"a": [2]}
    assert started(queue.finished("b", [finished(1, run_us=5_000_000)])) == {"b": [3]}


def test_tasks_sent_ahead_go_to_the_executor_that_is_through_first() -> None:
    queue = dispatcher()
    queue.launch([launch(0), launch(1)])
    queue.finished("a", [finished(0, run_us=4000)])
    queue.finished("b", [finished(1, run_us=4000)])
    actions = queue.launch([launch(partition) for partition in range(2, 20)])
    assert started(actions) == {"a": [2, 4, 6, 8, 10], "b": [3, 5, 7, 9, 11]}
    # Nothing more before half of it is done.
    assert started(queue.finished("a", [finished(2, run_us=4000)])) == {}
    assert started(queue.finished("a", [finished(4, run_us=4000), finished(6, run_us=4000)])) == {"a": [12, 13, 14]}


def test_a_launch_that_is_repeated_does_not_run_twice() -> None:
    queue = dispatcher(executors=1)
    queue.launch([launch(0), launch(1)])
    assert queue.launch([launch(0), launch(1)]) == []
    assert started(queue.finished("a", [finished(0, 1_000_000)])) == {"a": [1]}
    assert started(queue.finished("a", [finished(1, 1_000_000)])) == {}


def test_a_lost_executor_fails_only_what_it_ran() -> None:
    queue = dispatcher(executors=1)
    queue.launch([launch(partition) for partition in range(6)])
    queue.finished("a", [finished(0, run_us=1000)])
    actions = queue.executor_lost("a", LOST)
    assert reported(actions) == [(1, "executor_lost")]
    assert started(queue.executor_ready("b"))["b"][0] == 2
    assert queue.running_on("b") == task(2)


def test_where_no_executor_starts_tasks_fail_instead_of_waiting_for_ever() -> None:
    queue = Dispatcher(MemoryBudget(1000 * MB, slots=1))
    assert queue.launch([launch(0), launch(1)]) == []
    for number in range(STILLBORN_MAX - 1):
        assert queue.executor_lost(f"x{number}", LOST) == []
    assert reported(queue.executor_lost("y", LOST)) == [(0, "executor_lost"), (1, "executor_lost")]
    assert queue.idle()
    assert started(queue.launch([launch(2)]) + queue.executor_ready("z")) == {"z": [2]}


def test_one_executor_that_does_not_start_fails_no_task_while_another_works() -> None:
    queue = dispatcher(executors=1)
    queue.launch([launch(0), launch(1)])
    for number in range(STILLBORN_MAX + 1):
        assert queue.executor_lost(f"x{number}", LOST) == []
    assert started(queue.finished("a", [finished(0, 10**6)])) == {"a": [1]}


def test_cancelling_takes_from_the_queue_and_tells_the_executor() -> None:
    queue = dispatcher(executors=1)
    queue.launch([launch(0), launch(1), launch(2)])
    actions = queue.cancel([task(0), task(2)])
    assert reported(actions) == [(2, "cancelled")]
    assert CancelOn("a", (task(0),)) in actions
    assert started(queue.finished("a", [finished(0, 10**6)])) == {"a": [1]}


def test_dropping_a_job_cancels_all_of_it_and_nothing_else() -> None:
    queue = dispatcher(executors=1)
    queue.launch([launch(0, job=1), launch(1, job=2), launch(2, job=1)])
    actions = queue.drop_jobs([1])
    assert reported(actions) == [(2, "cancelled")]
    assert CancelOn("a", (task(0, job=1),)) in actions
    assert started(queue.finished("a", [finished(0, 10**6)])) == {"a": [1]}


def test_a_large_task_is_not_overtaken() -> None:
    queue = dispatcher()
    queue.launch([launch(0), launch(1)])
    assert queue.launch([launch(2, memory=900 * MB), launch(3)]) == []
    assert queue.finished("a", [finished(0, 10**6)])[1:] == []
    actions = queue.finished("b", [finished(1, 10**6)])
    assert started(actions) == {"a": [2], "b": [3]} or started(actions) == {"a": [2]}
    grants = {action.executor_id: action.grant_bytes for action in actions if isinstance(action, Start)}
    assert grants["a"] == 900 * MB
    assert sum(grants.values()) <= 1000 * MB


def test_idle_means_nothing_queued_and_nothing_running() -> None:
    queue = dispatcher(executors=1)
    assert queue.idle()
    queue.launch([launch(0)])
    assert not queue.idle()
    queue.finished("a", [finished(0, 1)])
    assert queue.idle()


def sent_ahead() -> Dispatcher:
    """Executor a runs task 1 with 2 to 20 behind it; b has nothing to do."""
    queue = Dispatcher(MemoryBudget(1000 * MB, slots=2))
    queue.executor_ready("a")
    queue.launch([launch(partition) for partition in range(21)])
    queue.finished("a", [finished(0, run_us=1000)])
    queue.executor_ready("b")
    return queue


def test_tasks_behind_a_long_one_are_taken_back() -> None:
    queue = sent_ahead()
    assert queue.tick() == []
    (recall,) = queue.tick()
    assert recall == CancelOn("a", tuple(task(partition) for partition in range(2, 21)))
    assert queue.tick() == []
    returned = [
        task_pb2.TaskStatus(id=task(partition), failure=common_pb2.Failure(cancelled=common_pb2.Cancelled()))
        for partition in range(2, 20)
    ]
    # Task 20 had been run before the message came.
    actions = queue.finished("a", [*returned, finished(20, 1000)])
    assert reported(actions) == [(20, None)]
    assert sorted(started(actions)["a"] + started(actions)["b"]) == list(range(2, 20))


def test_nothing_is_taken_back_while_there_is_other_work_or_progress() -> None:
    queue = sent_ahead()
    queue.tick()
    queue.finished("a", [finished(1, 1000)])
    assert queue.tick() == []
    queue.launch([launch(100), launch(101, memory=5000 * MB)])
    assert queue.tick() == []


def test_a_task_asked_back_and_then_unwanted_is_reported() -> None:
    queue = sent_ahead()
    queue.tick()
    queue.tick()
    assert queue.cancel([task(2)]) == [CancelOn("a", (task(2),))]
    given_up = task_pb2.TaskStatus(id=task(2), failure=common_pb2.Failure(cancelled=common_pb2.Cancelled()))
    assert reported(queue.finished("a", [given_up])) == [(2, "cancelled")]


def test_nothing_starts_while_held_back_unless_nothing_runs() -> None:
    queue = dispatcher(executors=2)
    queue.launch([launch(1)])
    assert queue.hold_back(True) == []
    assert queue.launch([launch(2)]) == []
    assert started(queue.hold_back(False)) == {"b": [2]}
    alone = dispatcher(executors=2)
    alone.hold_back(True)
    assert alone.launch([launch(1)])


def test_the_kernel_is_told_less_after_a_task_of_the_stage_ran_out_of_memory() -> None:
    queue = dispatcher(executors=1)
    [first] = queue.launch([launch(1)])
    assert isinstance(first, Start)
    failure = common_pb2.Failure(out_of_memory=common_pb2.OutOfMemory())
    queue.executor_lost("a", failure)
    queue.executor_ready("z")
    [again] = queue.launch([launch(2)])
    assert isinstance(again, Start)
    assert again.grant_bytes == int(first.grant_bytes * CAUTION)


def test_nothing_is_queued_when_no_executor_has_a_next_task() -> None:
    queue = dispatcher()
    queue.launch(launch(partition) for partition in range(3))
    assert not queue.nothing_queued(), "the third waits"
    queue.finished("a", [finished(0, 1000)])
    assert queue.nothing_queued(), "two run"
    queue.launch([launch(3)])
    assert not queue.nothing_queued(), "the fourth was sent ahead"
    for executor_id, partition in (("a", 2), ("b", 1), ("a", 3), ("b", 3)):
        queue.finished(executor_id, [finished(partition, 1000)])
    assert queue.nothing_queued()
    assert queue.idle()
