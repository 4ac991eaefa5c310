"""The commit of a write: what it will move is said in full before it begins, so that another process can complete it.

A commit that has begun is only ever completed, by whoever comes to it: every move is made once, and one that has been
made already is passed over. Only an error (not a death) undoes what was moved.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from dataclasses import asdict, dataclass

from headrace_driver.errors import ErrorKind, SparkError

STAGING = "_temporary-"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a write puts its files before the commit."""

    staging: str
    target: str
    made_target: bool
    """The target was not there before, and goes again if nothing is written."""

    def text(self) -> str:
        return json.dumps(asdict(self))


@dataclass(frozen=True, slots=True)
class Moves:
    """All a commit does. `aside` and `files` are (from, to); what is set aside goes with the staging directory."""

    place: Place
    aside: list[tuple[str, str]]
    files: list[tuple[str, str]]
    marks_success: bool
    writes_nothing: bool = False

    def text(self) -> str:
        return json.dumps(asdict(self))


def place_of(text: str) -> Place:
    """The inverse of `Place.text`."""
    return Place(**json.loads(text))


def moves_of(text: str) -> Moves:
    """The inverse of `Moves.text`."""
    found = json.loads(text)
    place = Place(**found.pop("place"))
    return Moves(place, [(a, b) for a, b in found.pop("aside")], [(a, b) for a, b in found.pop("files")], **found)


def complete(moves: Moves) -> None:
    """Makes the files visible, or goes on with it. Raises TASK_WRITE_FAILED when a file is gone, all undone."""
    place = moves.place
    if moves.writes_nothing:
        abort(place)
        return
    made: list[tuple[str, str]] = []
    # The staging directory goes last: without it everything has been moved.
    if os.path.isdir(place.staging) or not os.path.isdir(place.target):
        try:
            _move_all(moves, made)
        except BaseException:
            for source, target in reversed(made):
                with contextlib.suppress(OSError):
                    os.makedirs(os.path.dirname(source), exist_ok=True)
                    os.rename(target, source)
            abort(place)
            raise
    if moves.marks_success:
        with open(os.path.join(place.target, "_SUCCESS"), "wb"):
            pass
    shutil.rmtree(place.staging, ignore_errors=True)


def abort(place: Place) -> None:
    """Removes everything the job has written."""
    shutil.rmtree(place.staging, ignore_errors=True)
    if place.made_target:
        # Made for the staging directory; not removed if somebody else has put something there.
        with contextlib.suppress(OSError):
            os.rmdir(place.target)


def _move_all(moves: Moves, made: list[tuple[str, str]]) -> None:
    for source, kept in moves.aside:
        if not os.path.lexists(kept) and os.path.lexists(source):
            os.makedirs(os.path.dirname(kept), exist_ok=True)
            os.rename(source, kept)
            made.append((source, kept))
    os.makedirs(moves.place.target, exist_ok=True)
    for source, target in moves.files:
        if os.path.exists(source):
            os.makedirs(os.path.dirname(target), exist_ok=True)
            os.rename(source, target)
            made.append((source, target))
        elif not os.path.exists(target):
            raise _lost(source)


def _lost(path: str) -> SparkError:
    return SparkError(
        "TASK_WRITE_FAILED",
        f"Task failed while writing rows to {path}: the file is not there when the job commits. Driver and workers "
        "must share the file system that is written to.",
        {"path": path},
        sql_state="58030",
        kind=ErrorKind.SPARK,
    )
