"""Wire messages to scheduler events, and launches to wire messages."""

from __future__ import annotations

from collections.abc import Iterable

from headrace_driver.scheduler.actions import Launch
from headrace_driver.scheduler.events import (
    Event,
    OutputAdopted,
    TaskFailed,
    TaskFinished,
    TaskStarted,
    WorkerHeard,
    WorkerJoined,
)
from headrace_driver.scheduler.identity import OutputKey, TaskKey
from headrace_proto.v1 import cluster_pb2, common_pb2, task_pb2


def key_of(task: common_pb2.TaskId) -> TaskKey:
    """The scheduler's form of a task attempt's id."""
    return TaskKey(task.job_id, task.stage_id, task.partition, task.attempt)


def id_of(key: TaskKey) -> common_pb2.TaskId:
    """The inverse of `key_of`."""
    return common_pb2.TaskId(job_id=key[0], stage_id=key[1], partition=key[2], attempt=key[3])


def output_id_of(key: OutputKey) -> common_pb2.OutputId:
    """A stage's output as messages name it."""
    return common_pb2.OutputId(job_id=key[0], stage_id=key[1])


def status_event(worker_id: str, status: task_pb2.TaskStatus) -> Event | None:
    """The event a status stands for; None for a state this driver does not know."""
    key = key_of(status.id)
    match status.state:
        case task_pb2.TaskStatus.FINISHED:
            return finished_event(worker_id, status)
        case task_pb2.TaskStatus.RUNNING:
            return TaskStarted(worker_id, key)
        case task_pb2.TaskStatus.FAILED:
            return TaskFailed(worker_id, key, status.failure)
    return None


def finished_event(worker_id: str, status: task_pb2.TaskStatus) -> TaskFinished:
    """What the scheduler learns of a finished attempt; metrics go to the history instead."""
    output = status.output
    return TaskFinished(
        worker_id,
        key_of(status.id),
        size_codes=output.partition_size_codes,
        output_bytes=output.bytes,
        rows=output.rows,
        run_s=status.metrics.run_us / 1e6,
        checksum=output.checksum,
        inline_blocks=output.inline_blocks if output.HasField("inline_blocks") else None,
        files=tuple(output.files),
        sample=output.sample,
    )


def joined_event(register: cluster_pb2.Register) -> WorkerJoined:
    """What the scheduler learns of a worker that registers."""
    return WorkerJoined(
        register.worker_id,
        register.incarnation,
        register.slots,
        register.host,
        register.rack,
        frozenset(OutputKey(output.job_id, output.stage_id) for output in register.held_outputs),
        {
            OutputKey(held.output.job_id, held.output.stage_id): frozenset(
                zip(held.map_partition, held.map_attempt, strict=True)
            )
            for held in register.held_maps
        },
    )


def adopted_event(worker_id: str, adopted: cluster_pb2.Adopted) -> OutputAdopted:
    """What the scheduler learns of an output that was copied, or could not be."""
    return OutputAdopted(worker_id, key_of(adopted.id), adopted.held)


def adopt_messages(source_worker_id: str, address: str, outputs: Iterable[TaskKey]) -> list[cluster_pb2.Adopt]:
    """One message a stage."""
    by_stage: dict[OutputKey, cluster_pb2.Adopt] = {}
    for key in outputs:
        stage = OutputKey(key.job_id, key.stage_id)
        if stage not in by_stage:
            maps = cluster_pb2.HeldMaps(output=output_id_of(stage))
            by_stage[stage] = cluster_pb2.Adopt(worker_id=source_worker_id, address=address, maps=maps)
        by_stage[stage].maps.map_partition.append(key.partition)
        by_stage[stage].maps.map_attempt.append(key.attempt)
    return list(by_stage.values())


def heard_event(worker_id: str, heartbeat: cluster_pb2.Heartbeat) -> WorkerHeard:
    """What the scheduler learns of a heartbeat: that the worker lives, and what it runs."""
    return WorkerHeard(worker_id, frozenset(key_of(task) for task in heartbeat.running))


def launch_message(launch: Launch) -> task_pb2.TaskLaunch:
    """A launch as it is sent; its stage's program and tables go before it."""
    return task_pb2.TaskLaunch(
        id=id_of(launch.key),
        slices=launch.spec.slices,
        memory_bytes=launch.memory_bytes,
        locality=task_pb2.Locality.Name(launch.place),
    )


def finished_status(done: TaskFinished) -> task_pb2.TaskStatus:
    """The status such an event came from, without metrics."""
    output = task_pb2.TaskOutput(
        partition_size_codes=done.size_codes,
        bytes=done.output_bytes,
        rows=done.rows,
        checksum=done.checksum,
        inline_blocks=done.inline_blocks,
        files=done.files,
        sample=done.sample,
    )
    status = task_pb2.TaskStatus(id=id_of(done.key), state=task_pb2.TaskStatus.FINISHED, output=output)
    status.metrics.run_us = int(done.run_s * 1e6)
    return status
