"""Looking for files below directories in which daemons make and remove them meanwhile."""

from __future__ import annotations

import os
from pathlib import Path


def files_below(*directories: Path, pattern: str = "*") -> list[Path]:
    """What is no directory and matches `pattern` (as in `Path.match`), sorted.

    Unlike `Path.rglob` before Python 3.13 it does not mind a directory that vanishes while it is looked at.
    """
    found = (
        Path(folder, name) for directory in directories for folder, _, names in os.walk(directory) for name in names
    )
    return sorted(path for path in found if path.match(pattern))
