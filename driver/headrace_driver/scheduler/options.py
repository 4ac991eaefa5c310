"""Numbers the scheduler decides by, each with its reason. Seconds are on the caller's monotonic clock."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SchedulerOptions:
    """Limits and assumptions. The defaults are meant for every cluster; tests change them."""

    silence_lost_s: float = 10.0
    """A worker that sends nothing for so long is lost. Heartbeats come every second: ten missed in a row."""

    silence_suspect_s: float = 4.0
    """After so long nothing new is placed on it, so that a dying host does not collect tasks."""

    stream_grace_s: float = 2.0
    """A worker whose stream closed may come back for so long before its outputs are recomputed. A broken connection
    is dialled again within a second; a dead process never, and every query of the cluster would wait for it."""

    retry_wait_s: float = 0.5
    """Wait before the third try of a failed task, four times as long before each one after: the second try is on
    another worker at once, since most failures are the place's; what fails twice may need time (a full disk, a service
    that restarts)."""

    task_failures_max: int = 4
    """Failures of one task (lost executor, internal, full disk) before its job fails, as Spark's maxFailures."""

    memory_failures_max: int = 10
    """Times one task may run out of memory. Each doubles its grant, so that it reaches a whole worker with 16 slots at
    the fifth; the other five are for workers that were short of memory because of others' tasks."""

    worker_losses_max: int = 8
    """Losses of the worker under one running task before its job fails: on preemptible hosts a loss says little about
    the task, but one that kills each host it touches must not take the whole cluster."""

    queued_losses_max: int = 24
    """The same for tasks not known to have started: workers say so with their next heartbeat only, so a task that kills
    its worker within a second looks as innocent as those queued behind it."""

    fetch_failures_max: int = 24
    """Fetch failures of one task before its job fails; each has led to a recomputation or a wait in between."""

    unreachable_reporters_min: int = 2
    """Workers that cannot reach a live one before what it holds is taken as lost, and holders one worker cannot reach
    before the trouble is taken to be its own: one report may be a broken connection."""

    unreachable_reports_max: int = 3
    """Reports of one worker about one other, with waits in between, that prove as much when nobody else has tried."""

    unreachable_wait_s: float = 0.5
    """How long a task waits after the first such report; reports closer together count as one."""

    unreachable_forget_s: float = 30.0
    """A report is forgotten when no other follows within this."""

    prefetch_run_s: float = 0.05
    """Tasks are queued at a worker beyond its slots up to so much expected run time a slot. A round trip takes a few
    milliseconds, so slots never idle for one noticeably; more would let long tasks queue behind each other while
    others' slots are free, and make a short query wait."""

    prefetch_depth_max: int = 64
    """Most tasks queued per slot, whatever their run time: bounds what a lost worker loses and what a cancel undoes.
    Tasks of half a millisecond last 30 ms, while their statuses and the next launches gather in messages for 20."""

    transfer_bytes_per_s: float = 500e6
    """Assumed speed of moving input to a task placed elsewhere: half of what a 10 Gb/s link gives one reader."""

    rack_transfer_factor: float = 0.5
    """Cost of moving within a rack against moving across racks."""

    locality_wait_max_s: float = 3.0
    """Upper bound of waiting for a better place, however large the input."""

    reduce_fraction: float = 0.2
    """A host is preferred by a reduce task when it holds at least this part of its input."""

    reduce_cells_max: int = 4_000_000
    """Largest maps × reducers for which bytes by host are computed (4 MB of size codes, some 20 ms)."""

    reduce_tasks_max: int = 4096
    """Most tasks of a stage for which reduce preferences are computed; beyond, each task's share is small anyway."""

    exclude_failures: int = 3
    """Distinct tasks failing on one worker within the window before it gets no more for a while."""

    exclude_window_s: float = 60.0
    exclude_s: float = 30.0
    """First exclusion; doubled each time up to the maximum, so a broken host is tried again rarely."""

    exclude_max_s: float = 600.0

    trust_tasks: int = 20
    """Tasks that a worker let back in has to finish before its last exclusion is forgotten; until then it takes one
    failure less to exclude it again, for longer."""

    speculate: bool = True
    speculation_min_s: float = 2.0
    """Tasks running for less are not looked at: a second attempt costs a slot and a start."""

    speculation_factor: float = 3.0
    """A task is slow when it has run for so many times what those of its stage took, allowing for its input's size."""

    speculation_done_fraction: float = 0.5
    speculation_done_min: int = 3
    """Finished tasks of a stage before its others are compared with them."""

    speculation_slots_fraction: float = 0.1
    """Most slots of the cluster that second attempts may take, though always one."""

    preempt_after_s: float = 2.0
    """A job that runs nothing while others hold every slot gets one of theirs after so long: longer than most tasks
    take, so that nothing is thrown away where a slot would have been free soon, and soon for who waits for an answer.
    After as long again without effect it is tried again: an attempt that is cancelled ends within a second."""

    preemptions_max: int = 2
    """Times one task may lose its slot to other jobs: what a stream of short queries costs a long one stays bounded,
    and it ends. Twice, since the first attempts of a stage all begin at once and stand in the way together."""

    slot_hold_s: float = 1.0
    """A job that others gave a slot to keeps it so long while its next stage is planned, which takes milliseconds, on a
    busy machine more: else each of its stages would cost another task its slot."""

    adoptions_max: int = 64
    """Outputs one worker is asked to take over at once: keeps every taker busy, and little is lost with one of them."""

    adoption_timeout_s: float = 15.0
    """An output that was not taken over within this is given to another worker."""

    adoption_tries_max: int = 3
    """Workers asked to take over one output before it is left to be computed again."""

    held_data_wait_s: float = 30.0
    """A task bound to data that only an absent worker holds waits so long for it to come back."""

    no_workers_wait_s: float = 120.0
    """A job with no usable worker in the cluster fails after so long: a clear error instead of a hang."""

    forgotten_heartbeats: int = 2
    """Heartbeats in a row that do not list a started task before it is taken as lost with its status."""
