"""The workers as operators see them: who is registered, what they report, which data they hold. No I/O."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from headrace_proto.v1 import cluster_pb2, jobs_pb2

_LOST_KEPT = 50
"""Lost workers shown until so many newer ones are lost: enough to see what happened, bounded on spot fleets."""
_SILENT_S = 4.0
"""As the scheduler's: a worker unheard for so long does not hold its name against another."""


@dataclass(slots=True)
class WorkerRecord:
    """One incarnation of one worker. Times in microseconds since the epoch, `heard_s` on the monotonic clock."""

    registration: cluster_pb2.Register
    registered_us: int
    heard_us: int
    heard_s: float
    attached: bool = True
    draining: bool = False
    lost: bool = False
    heartbeat: cluster_pb2.Heartbeat = field(default_factory=cluster_pb2.Heartbeat)
    tasks_finished: int = 0
    tasks_failed: int = 0
    statuses_number: int = 0
    """Of the last message with statuses heard. A lower one that comes again was heard before the stream broke."""
    data: dict[str, cluster_pb2.DataDirectory] = field(default_factory=dict)

    def state(self, now_s: float) -> str:
        if self.lost:
            return "lost"
        if not self.attached or now_s - self.heard_s >= _SILENT_S:
            return "silent"
        return "draining" if self.draining else "alive"


@dataclass(frozen=True, slots=True)
class HeldEntry:
    """One file held by one worker."""

    worker_id: str
    host: str
    file: cluster_pb2.HeldFile


class Registry:
    """All workers of the cluster, and a few lost ones."""

    def __init__(self, engine_version: str, on_change: Callable[[dict[str, str]], None] | None = None) -> None:
        self._engine_version = engine_version
        self._on_change = on_change
        """Told the incarnations of all workers by name when one comes or goes."""
        self._workers: dict[str, WorkerRecord] = {}
        self._lost: deque[WorkerRecord] = deque(maxlen=_LOST_KEPT)

    def refusal(self, register: cluster_pb2.Register, now_s: float) -> cluster_pb2.Refused | None:
        """Why this worker may not join, in a sentence that names the fix; None: it may."""
        code = cluster_pb2.Refused.Code
        if fault := _fault(register):
            return cluster_pb2.Refused(code=code.BAD_REQUEST, reason=fault)
        if register.engine_version != self._engine_version:
            reason = (
                f"Worker {register.worker_id} runs {register.engine_version} but the driver {self._engine_version}; "
                "shuffle hashes depend on the engine's version, so install the same one on both."
            )
            return cluster_pb2.Refused(code=code.VERSION_MISMATCH, reason=reason)
        known = self._workers.get(register.worker_id)
        if known is None or known.registration.incarnation == register.incarnation or known.state(now_s) == "silent":
            return None
        reason = (
            f"The name {register.worker_id} is taken by the worker at {known.registration.address} (process "
            f"{known.registration.pid}), which is alive; start this one with another --name or stop that one first."
        )
        return cluster_pb2.Refused(code=code.NAME_TAKEN, reason=reason)

    def join(self, register: cluster_pb2.Register, now_s: float, now_us: int) -> WorkerRecord:
        """Notes a worker that may join, or one that came back."""
        known = self._workers.get(register.worker_id)
        if known is not None and known.registration.incarnation == register.incarnation:
            known.attached = True
            known.heard_s, known.heard_us = now_s, now_us
            self.note_data(register.worker_id, register.data)
            return known
        self.lose(register.worker_id)
        record = WorkerRecord(register, now_us, now_us, now_s)
        self._workers[register.worker_id] = record
        self._tell()
        self.note_data(register.worker_id, register.data)
        del register.data[:]
        return record

    def hear(self, worker_id: str, heartbeat: cluster_pb2.Heartbeat, now_s: float, now_us: int) -> None:
        record = self._workers[worker_id]
        record.heartbeat = heartbeat
        record.heard_s, record.heard_us = now_s, now_us

    def note_data(self, worker_id: str, directories: Iterable[cluster_pb2.DataDirectory]) -> None:
        """Replaces the listing of every name mentioned; one without files is gone."""
        data = self._workers[worker_id].data
        for directory in directories:
            if directory.files:
                data[directory.name] = directory
            else:
                data.pop(directory.name, None)

    def detach(self, worker_id: str) -> None:
        self._workers[worker_id].attached = False

    def lose(self, worker_id: str) -> None:
        """The scheduler gave the worker up."""
        record = self._workers.pop(worker_id, None)
        if record is not None:
            record.lost = True
            record.data.clear()
            self._lost.append(record)
            self._tell()

    def _tell(self) -> None:
        if self._on_change is not None:
            self._on_change({name: record.registration.incarnation for name, record in self._workers.items()})

    def get(self, worker_id: str) -> WorkerRecord | None:
        return self._workers.get(worker_id)

    def __iter__(self) -> Iterator[WorkerRecord]:
        return iter(self._workers.values())

    def incarnation(self, worker_id: str) -> str:
        """Which process it is; empty when it is gone."""
        record = self._workers.get(worker_id)
        return record.registration.incarnation if record is not None else ""

    def address(self, worker_id: str) -> str:
        """Where the worker serves blocks; empty when it is gone."""
        record = self._workers.get(worker_id)
        return record.registration.address if record is not None else ""

    def held_data(self, name: str) -> list[HeldEntry]:
        """The files all workers offer under this name. Planning threads may ask too, hence the copies."""
        return [
            HeldEntry(record.registration.worker_id, record.registration.host, file)
            for record in list(self._workers.values())
            if (directory := record.data.get(name)) is not None
            for file in directory.files
        ]

    def held_names(self) -> list[str]:
        """Names under which some worker offers data."""
        return sorted({name for record in self._workers.values() for name in record.data})

    def details(self, now_s: float) -> list[jobs_pb2.WorkerDetail]:
        """Every worker, those in the cluster first."""
        return [
            jobs_pb2.WorkerDetail(
                registration=record.registration,
                heartbeat=record.heartbeat,
                state=record.state(now_s),
                registered_us=record.registered_us,
                heard_us=record.heard_us,
                tasks_finished=record.tasks_finished,
                tasks_failed=record.tasks_failed,
            )
            for record in (*self._workers.values(), *reversed(self._lost))
        ]


def _fault(register: cluster_pb2.Register) -> str:
    """What is wrong with a registration by itself."""
    if not register.worker_id or not register.incarnation:
        return "The registration names no worker or no incarnation; use the worker of this Headrace version."
    if not register.slots:
        return f"Worker {register.worker_id} offers no task slots; start it with --cores of at least 1."
    if not register.address:
        return f"Worker {register.worker_id} gives no address for its block service."
    if any(len(held.map_partition) != len(held.map_attempt) for held in register.held_maps):
        return f"Worker {register.worker_id} tells of maps without their attempts; use the same Headrace version."
    return ""
