"""Names of things that cross module borders inside the scheduler."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple


class TaskKey(NamedTuple):
    """One attempt at one partition of one stage. A tuple, because millions are hashed."""

    job_id: int
    stage_id: int
    partition: int
    attempt: int


class OutputKey(NamedTuple):
    """The output of one stage."""

    job_id: int
    stage_id: int


class Place(IntEnum):
    """How near to its input a task was placed; the numbers are those of `headrace.v1.Locality`."""

    NO_PREFERENCE = 0
    PROCESS_LOCAL = 1
    NODE_LOCAL = 2
    RACK_LOCAL = 3
    ANY = 4
