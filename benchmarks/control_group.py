"""A memory limit around a process and all it starts: a Linux control group, where the machine lets us make one."""

import contextlib
import os
import signal
import time
import uuid
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def control_group(limit_bytes: int) -> Iterator[Path | None]:
    """A group with this limit (version 2 or 1 of control groups); None where we may not make one."""
    name = f"headrace-benchmark-{uuid.uuid4().hex[:8]}"
    for parent, limit in (("/sys/fs/cgroup", "memory.max"), ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")):
        group = Path(parent) / name
        try:
            group.mkdir()
        except OSError:
            continue
        if not (group / limit).exists():
            # A plain directory, or a group whose memory is not controlled.
            group.rmdir()
            continue
        (group / limit).write_text(str(limit_bytes))
        try:
            yield group
        finally:
            _empty(group)
        return
    yield None


def join(group: Path | None) -> None:
    """Puts the calling process into the group, and so everything it starts from now on."""
    if group is not None:
        (group / "cgroup.procs").write_text(str(os.getpid()))


def kill_all(group: Path | None) -> None:
    """Ends every process of the group."""
    if group is not None:
        for pid in (group / "cgroup.procs").read_text().split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)


def _empty(group: Path) -> None:
    for _ in range(100):
        with contextlib.suppress(OSError):
            group.rmdir()
            return
        time.sleep(0.05)
