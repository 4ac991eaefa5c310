"""Worker-held data: files that lie on workers' own disks, read as one table by name and only where they lie.

`worker --data logs=/var/log/app` offers the files of a directory under a name; all workers' files of a name are the
table `data.logs` (in SQL, and for `spark.read.table`). Workers send the listing with the Parquet footers, so planning
needs no access to the files. One format a name: Parquet.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from headrace_driver.catalog.footers import Footer, footer_of_bytes
from headrace_driver.catalog.listing import ListedFile, hidden
from headrace_driver.catalog.parquet import ParquetSource
from headrace_driver.catalog.partitions import discover
from headrace_driver.errors import unsupported
from headrace_proto.v1 import cluster_pb2

DATABASE = "data"


class HeldEntry(Protocol):
    """One file held by one worker."""

    @property
    def worker_id(self) -> str: ...

    @property
    def file(self) -> cluster_pb2.HeldFile: ...


HeldFiles = Callable[[str], Sequence[HeldEntry]]
"""The files all workers offer under a name."""


class HeldTables:
    """The tables of the database `data`. Footers already decoded are kept while the files do not change."""

    def __init__(self, files: HeldFiles) -> None:
        self._files = files
        self._footers: dict[tuple[str, str, int, int], Footer] = {}

    def open(self, name: tuple[str, ...], conf: Mapping[str, str], time_zone: str) -> ParquetSource | None:
        """The table of a name such as `data.logs`; None when no worker offers it."""
        if len(name) != 2 or name[0].lower() != DATABASE:
            return None
        entries = [entry for entry in self._files(name[1]) if _is_data(entry.file.relative_path)]
        if not entries:
            return None
        # A worker's directory is no part of what its files mean: partitions are read from the paths below it.
        root = f"/{DATABASE}/{name[1]}"
        by_place: dict[str, HeldEntry] = {}
        listed = []
        for entry in sorted(entries, key=lambda e: (e.file.relative_path, e.worker_id)):
            place = f"{root}/{entry.file.relative_path}\0{entry.worker_id}"
            by_place[place] = entry
            listed.append(ListedFile(place, entry.file.bytes, entry.file.modified_us * 1000, root))
        infer = conf.get("spark.sql.sources.partitionColumnTypeInference.enabled", "true") == "true"
        partitions = discover(listed, infer)
        kept = [by_place[file.path] for file in partitions.files]
        files = tuple(
            ListedFile(entry.file.path, file.bytes, file.modified_ns, file.root)
            for entry, file in zip(kept, partitions.files, strict=True)
        )
        footers = self._decoded(name, kept)
        options = {"mergeschema": conf.get("spark.sql.parquet.mergeSchema", "false")}
        hosts = [(entry.worker_id,) for entry in kept]
        return ParquetSource(
            type(partitions)(partitions.columns, files, partitions.values),
            footers,
            None,
            options,
            time_zone,
            hosts,
            f"{DATABASE}.{name[1]}",
        )

    def _decoded(self, name: tuple[str, ...], entries: Sequence[HeldEntry]) -> list[Footer]:
        footers = []
        known: dict[tuple[str, str, int, int], Footer] = {}
        for entry in entries:
            file = entry.file
            if not file.parquet_footer:
                raise unsupported(
                    f"{'.'.join(name)}: {file.path} on worker {entry.worker_id}",
                    "Worker-held data is Parquet, with footers of at most 1 MiB.",
                )
            key = (entry.worker_id, file.path, file.bytes, file.modified_us)
            footer = self._footers.get(key) or footer_of_bytes(file.path, file.bytes, file.parquet_footer)
            footers.append(footer)
            known[key] = footer
        self._footers.update(known)
        if len(self._footers) > 2 * len(known) + 1_000:
            # Mostly files that have changed or gone since.
            self._footers = known
        return footers


def _is_data(relative_path: str) -> bool:
    return not any(hidden(part) for part in relative_path.split("/"))
