"""Events and actions as short lines for people: `task 2.4.3#0` is attempt 0 at partition 3 of stage 4 of job 2."""

from __future__ import annotations

from headrace_driver.scheduler import actions, events
from headrace_driver.scheduler.identity import OutputKey, TaskKey
from headrace_proto.v1 import common_pb2


def task(key: TaskKey) -> str:
    return f"{key.job_id}.{key.stage_id}.{key.partition}#{key.attempt}"


def output(key: OutputKey) -> str:
    return f"{key.job_id}.{key.stage_id}"


def cause(failure: common_pb2.Failure) -> str:
    """The cause with what of it decides."""
    name = failure.WhichOneof("cause") or "no cause"
    if name == "fetch_failed":
        report = failure.fetch_failed
        reason = common_pb2.FetchFailed.Reason.Name(report.reason)
        maps = ",".join(map(str, report.map_partitions))
        where = f"{report.output.job_id}.{report.output.stage_id} at {report.worker_id}"
        return f"fetch failed: {reason} maps {maps} of {where}"
    if name == "user_error":
        return f"user error: {failure.user_error.message}"
    if name == "worker_lost":
        return f"worker lost: {failure.worker_lost.detail}"
    return name.replace("_", " ")


def event(happened: events.Event) -> str:
    match happened:
        case events.JobSubmitted(job_id):
            return f"job {job_id} submitted"
        case events.StagesPlanned(job_id, start, abandon):
            stages = ", ".join(
                f"{spec.stage_id} ({spec.kind.value}, {len(spec.tasks)} tasks"
                + (f", reads {','.join(map(str, spec.reads))}" if spec.reads else "")
                + ")"
                for spec in start
            )
            return f"job {job_id} planned: {stages}" + (f"; abandons {list(abandon)}" if abandon else "")
        case events.TaskStarted(worker_id, key):
            return f"{worker_id}: task {task(key)} started"
        case events.TaskFinished(worker_id, key):
            return f"{worker_id}: task {task(key)} finished"
        case events.TaskFailed(worker_id, key, failure):
            return f"{worker_id}: task {task(key)} failed: {cause(failure)}"
        case events.WorkerJoined(worker_id, incarnation, slots, host):
            return f"{worker_id}: joined as {incarnation} on {host} with {slots} slots"
        case events.WorkerHeard(worker_id, running):
            return f"{worker_id}: heartbeat, runs {' '.join(task(key) for key in sorted(running)) or 'nothing'}"
        case events.WorkerStreamClosed(worker_id):
            return f"{worker_id}: stream closed"
        case events.WorkerLost(worker_id, detail):
            return f"{worker_id}: lost, {detail}"
        case events.WorkerDraining(worker_id, reason):
            return f"{worker_id}: draining, {reason}"
        case events.OutputAdopted(worker_id, key, held):
            return f"{worker_id}: has {'' if held else 'not '}taken over {task(key)}"
        case events.ResultConsumed(job_id, stage_id, partition):
            return f"job {job_id}: client has result partition {stage_id}.{partition}"
        case events.ResultUnreadable(job_id, stage_id, partition, attempt, reason):
            why = common_pb2.FetchFailed.Reason.Name(reason)
            return f"job {job_id}: result partition {stage_id}.{partition}#{attempt} unreadable, {why}"
        case events.OutputsRestored(job_id, stage_id, outputs):
            count = sum(output.held for output in outputs)
            return f"job {job_id}: {len(outputs)} outputs of stage {stage_id} are known, {count} of them held"
        case events.ReplayEnded(job_id):
            return f"job {job_id} goes on"
        case events.JobReleased(job_id):
            return f"job {job_id} released"
        case events.JobCancelled(job_id, reason):
            return f"job {job_id} cancelled: {reason}"
        case events.Tick():
            return "tick"
    return repr(happened)


def action(decided: actions.Action) -> str:
    match decided:
        case actions.LaunchTasks(worker_id, tasks):
            launches = " ".join(
                task(launch.key)
                + (f" ({launch.place.name})" if launch.place else "")
                + (f" ({launch.memory_bytes >> 20} MiB)" if launch.memory_bytes else "")
                for launch in tasks
            )
            return f"launch on {worker_id}: {launches}"
        case actions.SendProgram(worker_id, stage):
            return f"send {worker_id} program {output(stage)}"
        case actions.SendOutputTable(worker_id, key, epoch):
            return f"send {worker_id} table {output(key)} epoch {epoch}"
        case actions.CancelTasks(worker_id, keys):
            return f"cancel on {worker_id}: {' '.join(task(key) for key in keys)}"
        case actions.DropOutputs(worker_id, outputs):
            return f"drop on {worker_id}: {' '.join(output(key) for key in outputs)}"
        case actions.DropJob(worker_id, job_id):
            return f"drop on {worker_id}: job {job_id}"
        case actions.AdoptOutputs(worker_id, source, outputs):
            return f"move to {worker_id} from {source}: {' '.join(task(key) for key in outputs)}"
        case actions.DismissWorker(worker_id):
            return f"{worker_id} may go"
        case actions.TaskSpeculated(key, worker_id, slow, reason):
            return f"task {task(key)} is a second attempt, for one on {slow}: {reason}"
        case actions.TaskPreempted(key, worker_id, job_id):
            return f"task {task(key)} gives its slot on {worker_id} to job {job_id}"
        case actions.StageCompleted(job_id, stats):
            return f"stage {job_id}.{stats.stage_id} completed, {stats.rows} rows"
        case actions.ResultReady(key, worker_id):
            return f"result {task(key)} ready at {worker_id}"
        case actions.ResultLost(job_id, stage_id, partition):
            return f"result {job_id}.{stage_id}.{partition} lost"
        case actions.CompleteJob(job_id):
            return f"job {job_id} completed"
        case actions.FailJob(job_id, failure):
            return f"job {job_id} failed: {cause(failure)}"
        case actions.WorkerDeclaredLost(worker_id, _, detail):
            return f"{worker_id} is lost: {detail}"
        case actions.WorkerExcluded(worker_id, seconds, reason):
            return f"{worker_id} is excluded for {seconds:g} s: {reason}"
        case actions.TaskRetried(key, _, failure):
            return f"task {task(key)} runs again: {cause(failure)}"
        case actions.WakeAt(at_s):
            return f"wake at {at_s:.3f}"
    return repr(decided)


def line(at_s: float, what: str | events.Event | actions.Action) -> str:
    """One line of a trace: a fault (*), an event (>) or an action (<)."""
    if isinstance(what, str):
        return f"{at_s:9.3f}  * {what}"
    if isinstance(what, events.Event):
        return f"{at_s:9.3f}  > {event(what)}"
    return f"{at_s:9.3f}    < {action(what)}"
