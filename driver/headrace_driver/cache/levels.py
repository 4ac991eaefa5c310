"""Storage levels: where cached rows may lie, by Spark's names and flags."""

from __future__ import annotations

from dataclasses import dataclass

from headrace_driver.errors import ErrorKind, SparkError


@dataclass(frozen=True, slots=True)
class StorageLevel:
    """As Spark's. What is not `deserialized` lies compressed: less memory, slower reads.

    There is no heap, so OFF_HEAP means what MEMORY_AND_DISK_SER means.
    """

    use_disk: bool
    use_memory: bool
    use_off_heap: bool = False
    deserialized: bool = False
    replication: int = 1

    @property
    def is_none(self) -> bool:
        """Nothing is cached at this level."""
        return not (self.use_disk or self.use_memory)

    @property
    def description(self) -> str:
        """As in plans: `StorageLevel(disk, memory, deserialized, 1 replicas)`."""
        words = [
            word
            for flag, word in (
                (self.use_disk, "disk"),
                (self.use_memory, "memory"),
                (self.use_off_heap, "offheap"),
                (self.deserialized, "deserialized"),
            )
            if flag
        ]
        return f"StorageLevel({', '.join([*words, f'{self.replication} replicas'])})"


NONE = StorageLevel(False, False)
DEFAULT = StorageLevel(True, True, deserialized=True)
"""Of `cache()`."""

_NAMED = {
    "NONE": NONE,
    "DISK_ONLY": StorageLevel(True, False),
    "DISK_ONLY_2": StorageLevel(True, False, replication=2),
    "DISK_ONLY_3": StorageLevel(True, False, replication=3),
    "MEMORY_ONLY": StorageLevel(False, True, deserialized=True),
    "MEMORY_ONLY_2": StorageLevel(False, True, deserialized=True, replication=2),
    "MEMORY_ONLY_SER": StorageLevel(False, True),
    "MEMORY_ONLY_SER_2": StorageLevel(False, True, replication=2),
    "MEMORY_AND_DISK": DEFAULT,
    "MEMORY_AND_DISK_2": StorageLevel(True, True, deserialized=True, replication=2),
    "MEMORY_AND_DISK_SER": StorageLevel(True, True),
    "MEMORY_AND_DISK_SER_2": StorageLevel(True, True, replication=2),
    "OFF_HEAP": StorageLevel(True, True, use_off_heap=True),
}


def named(name: str) -> StorageLevel:
    """The level of a name, in any case; raises as Spark does for others."""
    level = _NAMED.get(name.upper())
    if level is None:
        raise SparkError("", f"Invalid StorageLevel: {name}", kind=ErrorKind.JAVA_ILLEGAL_ARGUMENT)
    return level
