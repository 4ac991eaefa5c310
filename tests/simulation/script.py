"""Scenarios as text: each line a command that becomes an event, followed by the actions it led to.

at SECONDS                                        the clock
join WORKER host=H slots=N [rack=R] [as=INCARNATION] [held=1.1,1.2] [maps=1.1.0#0,1.1.2#0]
submit JOB [weight=W]
plan JOB STAGE KIND tasks=N [reads=1,2] [reducers=N] [on=HOST bytes=N] [strict] [nondeterministic] | next stage …
started|finished WORKER TASK [checksum=N] [ms=N]  TASK is JOB.STAGE.PARTITION#ATTEMPT
failed WORKER TASK CAUSE [details]                user_error, executor_lost, internal, disk_full, oom=MIB,
                                                  fetch=REASON of=JOB.STAGE from=WORKER maps=0,1
heard|closed|drain|lost WORKER [tasks]
adopted|not-adopted WORKER TASK
consumed|unreadable JOB.STAGE.PARTITION[#ATTEMPT REASON]
cancel|release JOB
tick
options NAME=VALUE …                              first, when the defaults should not hold
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from headrace_driver.plan.stage import HostPreference, OutputKind, ShuffleRead, StageSpec, TaskSpec
from headrace_driver.scheduler import events
from headrace_driver.scheduler.identity import OutputKey, TaskKey
from headrace_driver.scheduler.options import SchedulerOptions
from headrace_driver.scheduler.scheduler import Scheduler
from headrace_proto.v1 import common_pb2, task_pb2
from tests.simulation import text

_ACTION_PREFIX = "    "


def play(script: str) -> str:
    """The script again, with the actions that its events lead to now."""
    scheduler = Scheduler()
    now_s = 0.0
    lines: list[str] = []
    for line in script.splitlines():
        if line.startswith(_ACTION_PREFIX):
            continue
        lines.append(line)
        if not line.strip() or line.startswith("#"):
            continue
        command, *words = line.split()
        if command == "at":
            now_s = float(words[0])
        elif command == "options":
            values = dict(word.split("=") for word in words)
            options = replace(SchedulerOptions(), **{name: float(value) for name, value in values.items()})  # type: ignore[arg-type]
            scheduler = Scheduler(options)
        else:
            decided = scheduler.handle(event_of(command, words), now_s)
            lines += [_ACTION_PREFIX + text.action(action) for action in decided]
    return "\n".join(lines) + "\n"


def event_of(command: str, words: list[str]) -> events.Event:
    """The event a command stands for."""
    named = dict(word.split("=", 1) for word in words if "=" in word)
    match command:
        case "join":
            held = frozenset(output_of(name) for name in named.get("held", "").split(",") if name)
            maps: dict[OutputKey, set[tuple[int, int]]] = {}
            for key in (key_of(name) for name in named.get("maps", "").split(",") if name):
                maps.setdefault(OutputKey(key.job_id, key.stage_id), set()).add((key.partition, key.attempt))
            return events.WorkerJoined(
                words[0],
                named.get("as", "a"),
                int(named["slots"]),
                named["host"],
                named.get("rack", ""),
                held | maps.keys(),
                {output: frozenset(pairs) for output, pairs in maps.items()},
            )
        case "adopted" | "not-adopted":
            return events.OutputAdopted(words[0], key_of(words[1]), command == "adopted")
        case "submit":
            return events.JobSubmitted(int(words[0]), float(named.get("weight", "1")))
        case "plan":
            stages = " ".join(words[1:]).split(" | ")
            return events.StagesPlanned(int(words[0]), tuple(stage_of(stage.split()) for stage in stages))
        case "started":
            return events.TaskStarted(words[0], key_of(words[1]))
        case "finished":
            return events.TaskFinished(
                words[0],
                key_of(words[1]),
                output_bytes=100,
                rows=1,
                checksum=int(named.get("checksum", "0")),
                run_s=int(named.get("ms", "0")) / 1000,
            )
        case "failed":
            return events.TaskFailed(words[0], key_of(words[1]), failure_of(words[2:], named))
        case "heard":
            return events.WorkerHeard(words[0], frozenset(key_of(word) for word in words[1:]))
        case "closed":
            return events.WorkerStreamClosed(words[0])
        case "drain":
            return events.WorkerDraining(words[0], "told to leave")
        case "lost":
            return events.WorkerLost(words[0], "killed")
        case "consumed":
            job, stage, partition = map(int, words[0].split("."))
            return events.ResultConsumed(job, stage, partition)
        case "unreadable":
            key = key_of(words[0])
            return events.ResultUnreadable(*key, common_pb2.FetchFailed.Reason.Value(words[1]))
        case "cancel":
            return events.JobCancelled(int(words[0]), "asked")
        case "release":
            return events.JobReleased(int(words[0]))
        case "tick":
            return events.Tick()
    raise ValueError(f"no command {command!r}")


def key_of(word: str) -> TaskKey:
    """`1.2.3#4` as a key."""
    path, attempt = word.split("#")
    job, stage, partition = map(int, path.split("."))
    return TaskKey(job, stage, partition, int(attempt))


def output_of(word: str) -> OutputKey:
    job, stage = map(int, word.split("."))
    return OutputKey(job, stage)


def stage_of(words: list[str]) -> StageSpec:
    """A stage from `1 shuffle tasks=2 …`."""
    named = dict(word.split("=", 1) for word in words if "=" in word)
    reads = tuple(int(stage) for stage in named.get("reads", "").split(",") if stage)
    preferences: tuple[HostPreference, ...] = ()
    if "on" in named:
        preferences = (HostPreference(named["on"], int(named.get("bytes", "0")), worker="worker" in words),)
    tasks = tuple(
        TaskSpec(
            partition,
            shuffle_reads=tuple(ShuffleRead(stage, partition, 1) for stage in reads),
            preferences=preferences,
            strict="strict" in words,
        )
        for partition in range(int(named["tasks"]))
    )
    return StageSpec(
        int(words[0]),
        OutputKind(words[1]),
        task_pb2.StageProgram(),
        tasks,
        reads,
        int(named.get("reducers", "1")),
        deterministic="nondeterministic" not in words,
    )


def failure_of(words: list[str], named: dict[str, str]) -> common_pb2.Failure:
    """A failure from its cause and details."""
    pb: Any = common_pb2
    if "oom" in named:
        return common_pb2.Failure(out_of_memory=pb.OutOfMemory(granted_bytes=int(named["oom"]) << 20))
    if "fetch" in named:
        output = output_of(named["of"])
        report = common_pb2.FetchFailed(
            output=common_pb2.OutputId(job_id=output.job_id, stage_id=output.stage_id),
            worker_id=named["from"],
            map_partitions=[int(partition) for partition in named.get("maps", "").split(",") if partition],
            reason=named["fetch"],
        )
        return common_pb2.Failure(fetch_failed=report)
    causes = {
        "user_error": common_pb2.Failure(user_error=pb.UserError(message="Division by zero.")),
        "executor_lost": common_pb2.Failure(executor_lost=pb.ExecutorLost(exit_code=-9)),
        "internal": common_pb2.Failure(internal=pb.InternalError(message="unexpected")),
        "disk_full": common_pb2.Failure(disk_full=pb.DiskFull(directory="/data")),
        "cancelled": common_pb2.Failure(cancelled=pb.Cancelled(reason="asked")),
    }
    return causes[words[0]]
