"""Collects the actions of one call, batched by worker."""

from __future__ import annotations

from collections.abc import Iterable

from headrace_driver.scheduler.actions import (
    Action,
    CancelTasks,
    DropOutputs,
    Launch,
    LaunchTasks,
    SendOutputTable,
    SendProgram,
)
from headrace_driver.scheduler.identity import OutputKey, TaskKey


class Outbox:
    """Actions in the order in which they must reach workers: cancels and drops, programs and tables, launches."""

    def __init__(self) -> None:
        self._notices: list[Action] = []
        self._cancels: dict[str, list[TaskKey]] = {}
        self._drops: dict[str, list[OutputKey]] = {}
        self._sends: list[Action] = []
        self._launches: dict[str, list[Launch]] = {}

    def note(self, action: Action) -> None:
        self._notices.append(action)

    def send(self, action: SendProgram | SendOutputTable) -> None:
        self._sends.append(action)

    def cancel(self, worker_id: str, key: TaskKey) -> None:
        self._cancels.setdefault(worker_id, []).append(key)

    def drop(self, worker_id: str, output: OutputKey) -> None:
        self._drops.setdefault(worker_id, []).append(output)

    def launch(self, worker_id: str, launch: Launch) -> None:
        self._launches.setdefault(worker_id, []).append(launch)

    def forget_worker(self, worker_id: str) -> None:
        """Nothing more can be said to this worker."""
        for group in (self._cancels, self._drops, self._launches):
            group.pop(worker_id, None)
        self._sends = [send for send in self._sends if getattr(send, "worker_id", None) != worker_id]

    def take(self, last: Iterable[Action] = ()) -> list[Action]:
        """Everything collected since the last call."""
        actions = [
            *self._notices,
            *(CancelTasks(worker, tuple(keys)) for worker, keys in self._cancels.items()),
            *(DropOutputs(worker, tuple(outputs)) for worker, outputs in self._drops.items()),
            *self._sends,
            *(LaunchTasks(worker, tuple(tasks)) for worker, tasks in self._launches.items()),
            *last,
        ]
        self._notices, self._sends = [], []
        self._cancels, self._drops, self._launches = {}, {}, {}
        return actions
