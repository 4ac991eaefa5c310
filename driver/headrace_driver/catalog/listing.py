"""Which files a read means: paths, directories, globs, options that filter them. Names starting with `_` or `.` hide.

Listing happens once, when the query is analysed. Paths are of the local file system, which driver and workers are
taken to share; worker-held data is listed by the workers (`held`).
"""

from __future__ import annotations

import fnmatch
import glob
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from headrace_driver.errors import SparkError, unsupported
from headrace_driver.sql.literals import parse_timestamp

_GLOB = re.compile(r"[*?\[\]{}\\]")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]+):")


@dataclass(frozen=True, slots=True)
class ListedFile:
    """One file; `root` is the directory below which folders may be partitions."""

    path: str
    bytes: int
    modified_ns: int
    root: str


def local_path(path: str) -> str:
    """An absolute local path of a path or `file:` URI. Raises SparkError for other file systems."""
    scheme = _SCHEME.match(path)
    if scheme is not None:
        if scheme[1].lower() != "file":
            raise unsupported(f"the file system of {path}", "Paths are of the local file system.")
        path = unquote(path[len("file:") :])
        if path.startswith("//"):
            # file:///a and file://host/a: the host is this one.
            path = "/" + path[2:].partition("/")[2]
    return os.path.abspath(path)


def list_files(paths: Sequence[str], options: Mapping[str, str], time_zone: str = "UTC") -> list[ListedFile]:
    """The files of a read, by path within each path given. Raises PATH_NOT_FOUND."""
    recursive = options.get("recursivefilelookup", "").lower() == "true"
    base = local_path(options["basepath"]) if "basepath" in options else None
    found: dict[str, ListedFile] = {}
    for path in paths:
        for root in _expanded(path):
            for file in _below(root, base, recursive):
                found.setdefault(file.path, file)
    return _filtered(list(found.values()), options, time_zone)


def _expanded(path: str) -> list[str]:
    """The files and directories a path or glob names."""
    local = local_path(path)
    if os.path.lexists(local):
        return [local]
    if _GLOB.search(local):
        found = sorted({match for pattern in _alternatives(local) for match in glob.glob(pattern)})
        if found:
            return found
    shown = path if _SCHEME.match(path) else f"file:{local}"
    raise SparkError(
        "PATH_NOT_FOUND",
        f"Path does not exist: {shown}.",
        {"path": shown},
        sql_state="42K03",
    )


def _alternatives(pattern: str) -> Iterator[str]:
    """`a{b,c}d` as `abd` and `acd`."""
    found = re.search(r"\{([^{}]*)\}", pattern)
    if found is None:
        yield pattern
        return
    for choice in found[1].split(","):
        yield from _alternatives(pattern[: found.start()] + choice + pattern[found.end() :])


def _below(root: str, base: str | None, recursive: bool) -> Iterator[ListedFile]:
    """The files of one root. With `recursive` folders are no partitions."""
    stat = os.stat(root)
    if not os.path.isdir(root):
        folder = os.path.dirname(root)
        yield ListedFile(root, stat.st_size, stat.st_mtime_ns, base or folder)
        return
    if base is not None and not (root + os.sep).startswith(base.rstrip(os.sep) + os.sep):
        raise SparkError(
            "_LEGACY_ERROR_TEMP_3194",
            f"Wrong basePath file:{base} for the root path: file:{root}",
            {"basePath": base, "rootPath": root},
            sql_state="42000",
        )
    stack = [root]
    while stack:
        folders = []
        files = []
        with os.scandir(stack.pop()) as entries:
            for entry in entries:
                if hidden(entry.name):
                    continue
                if entry.is_dir():
                    folders.append(entry.path)
                else:
                    stat = entry.stat()
                    files.append(ListedFile(entry.path, stat.st_size, stat.st_mtime_ns, base or root))
        yield from sorted(files, key=lambda file: file.path)
        stack.extend(sorted(folders, reverse=True))


def hidden(name: str) -> bool:
    """Names that Spark passes over in data directories; `_a=1` is a partition folder."""
    return name.startswith(".") or (name.startswith("_") and "=" not in name) or name.endswith("._COPYING_")


def _filtered(files: list[ListedFile], options: Mapping[str, str], time_zone: str) -> list[ListedFile]:
    pattern = options.get("pathglobfilter")
    if pattern is not None:
        patterns = list(_alternatives(pattern))
        files = [f for f in files if any(fnmatch.fnmatchcase(os.path.basename(f.path), one) for one in patterns)]
    before = _moment_ns(options.get("modifiedbefore"), time_zone)
    after = _moment_ns(options.get("modifiedafter"), time_zone)
    if before is not None:
        files = [f for f in files if f.modified_ns < before]
    if after is not None:
        files = [f for f in files if f.modified_ns > after]
    return files


def _moment_ns(text: str | None, time_zone: str) -> int | None:
    if text is None:
        return None
    parsed = parse_timestamp(text, time_zone)
    if parsed is None:
        raise SparkError(
            "_LEGACY_ERROR_TEMP_1332",
            f"The timestamp provided for the option modifiedBefore or modifiedAfter is invalid: {text}.",
            {"timeZone": time_zone},
            sql_state="42000",
        )
    return parsed[0] * 1000
