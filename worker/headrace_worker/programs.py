"""What the driver has told of stages: programs, and tables that say where the outputs they read are. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Set
from typing import TypeAlias

from headrace_proto.v1 import task_pb2

OutputKey: TypeAlias = tuple[int, int]
"""Job and stage."""


class Programs:
    """Of live jobs, by stage; as many as the driver has stages of them."""

    def __init__(self) -> None:
        self._programs: dict[OutputKey, task_pb2.StageProgram] = {}
        self._tables: dict[OutputKey, task_pb2.OutputTable] = {}

    def take(self, programs: Iterable[task_pb2.StageProgram], tables: Iterable[task_pb2.OutputTable]) -> None:
        """Remembers them; a table gives way only to one as new."""
        for program in programs:
            self._programs[program.output.job_id, program.output.stage_id] = program
        for table in tables:
            key = (table.output.job_id, table.output.stage_id)
            if key not in self._tables or self._tables[key].epoch <= table.epoch:
                self._tables[key] = table

    def program(self, stage: OutputKey) -> task_pb2.StageProgram | None:
        """The program of a stage, None where it is not known."""
        return self._programs.get(stage)

    def table(self, output: OutputKey) -> task_pb2.OutputTable | None:
        """Where an output is, None where that is not known."""
        return self._tables.get(output)

    def jobs(self) -> set[int]:
        """Those that have programs here."""
        return {job_id for job_id, _ in self._programs}

    def outputs_in_use(self) -> set[OutputKey]:
        """The outputs that programs of live jobs read."""
        return {read for program in self._programs.values() for read in outputs_read(program)}

    def drop_jobs(self, jobs: Set[int]) -> None:
        self._programs = {key: program for key, program in self._programs.items() if key[0] not in jobs}
        self._tables = {key: table for key, table in self._tables.items() if key[0] not in jobs}

    def clear(self) -> None:
        """Forgets all."""
        self._programs.clear()
        self._tables.clear()

    def drop_output(self, key: OutputKey) -> None:
        self._tables.pop(key, None)


def outputs_read(program: task_pb2.StageProgram) -> list[OutputKey]:
    """The stages whose output tables a program's tasks need."""
    read = []
    for stage_input in program.inputs:
        kind = stage_input.WhichOneof("kind")
        if kind in ("shuffle", "broadcast"):
            output = getattr(stage_input, kind).output
            read.append((output.job_id, output.stage_id))
    return read
