"""What a new executor is told. Light: the daemon imports it without the kernel."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import msgpack


@dataclass(frozen=True, slots=True)
class ExecutorSettings:
    """What the daemon tells a new executor, as msgpack in the first frame."""

    executor_id: str
    worker_id: str
    address: str
    directories: list[str]
    threads: int
    grant_bytes: int
    daemon_pid: int
    memory_directory: str = ""
    """Where cached rows lie in memory; empty where there is no such place."""
    secret: str = ""
    tls_cert: str = ""
    tls_key: str = ""
    tls_ca: str = ""

    def encode(self) -> bytes:
        """As bytes of the first frame."""
        return bytes(msgpack.packb(asdict(self)))

    @staticmethod
    def decode(data: bytes) -> ExecutorSettings:
        """The reverse of `encode`."""
        return ExecutorSettings(**msgpack.unpackb(data))
