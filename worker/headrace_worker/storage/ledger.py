"""Which cached block files this worker holds, and which of them give way when memory is wanted. Pure.

As in Spark, least recently used first, and never a part of a relation for another part of the same one: a relation
larger than memory would push itself out part by part, and be of no use at all.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from headrace_worker.shuffle.store import MapId

OutputKey = tuple[int, int]


@dataclass(slots=True)
class Entry:
    """One block file. `keeps_on_disk`: its level has a disk part, so memory it loses is not the end of it."""

    output: MapId
    bytes: int
    keeps_on_disk: bool
    in_memory: bool

    @property
    def relation(self) -> OutputKey:
        return self.output.job_id, self.output.stage_id


@dataclass(frozen=True, slots=True)
class Eviction:
    """Take a file out of memory; `to_disk` says whether it goes on there."""

    output: MapId
    bytes: int
    to_disk: bool


class Ledger:
    """Entries by file, relations in the order they were last used."""

    def __init__(self) -> None:
        self._relations: OrderedDict[OutputKey, dict[MapId, Entry]] = OrderedDict()

    def __len__(self) -> int:
        return sum(len(entries) for entries in self._relations.values())

    @property
    def memory_bytes(self) -> int:
        """What the files in memory take."""
        return sum(e.bytes for entries in self._relations.values() for e in entries.values() if e.in_memory)

    def add(self, entry: Entry) -> None:
        """A file is there; it counts as used."""
        self._relations.setdefault(entry.relation, {})[entry.output] = entry
        self._relations.move_to_end(entry.relation)

    def use(self, relation: OutputKey) -> None:
        """A task reads the relation."""
        if relation in self._relations:
            self._relations.move_to_end(relation)

    def evict(self, wanted_bytes: int, spare: OutputKey | None, read: AbstractSet[OutputKey]) -> list[Eviction]:
        """Files that leave memory for `wanted_bytes`, not of the relation `spare`. They count as gone from it at once.

        A file without a disk part is given up, unless its relation is being `read`: then it stays on disk until that
        has ended, or the reader would wait for parts that push each other out.
        """
        chosen: list[Eviction] = []
        freed = 0
        for relation, entries in list(self._relations.items()):
            if relation == spare:
                continue
            for entry in list(entries.values()):
                if freed >= wanted_bytes:
                    return chosen
                if entry.in_memory:
                    to_disk = entry.keeps_on_disk or relation in read
                    chosen.append(Eviction(entry.output, entry.bytes, to_disk))
                    freed += entry.bytes
                    entry.in_memory = False
                    if not to_disk:
                        self._forget(entry)
        return chosen

    def unread(self, read: AbstractSet[OutputKey]) -> list[MapId]:
        """Files that were on disk only for the sake of their readers, which have ended. They are forgotten."""
        found = [
            entry
            for relation, entries in self._relations.items()
            if relation not in read
            for entry in entries.values()
            if not entry.in_memory and not entry.keeps_on_disk
        ]
        for entry in found:
            self._forget(entry)
        return [entry.output for entry in found]

    def drop(self, job_id: int, stage_id: int | None = None) -> int:
        """The relation (or all of a job) is no more; returns the bytes its files had in memory."""
        freed = 0
        for relation in [r for r in self._relations if r[0] == job_id and stage_id in (None, r[1])]:
            freed += sum(entry.bytes for entry in self._relations.pop(relation).values() if entry.in_memory)
        return freed

    def _forget(self, entry: Entry) -> None:
        entries = self._relations[entry.relation]
        del entries[entry.output]
        if not entries:
            del self._relations[entry.relation]
