"""Keeps pandas out of a daemon or an executor."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from types import ModuleType


def forbid_pandas() -> None:
    """Makes `import pandas` fail from now on in this process, unless it has been imported already.

    PyArrow imports pandas, where it can be had, for the first array it makes: a second of CPU and 60 MB in every
    process, in the middle of its first task. Nothing in daemons and executors uses it; Python functions of users run in
    processes of their own, which are started anew.
    """
    if not any(isinstance(finder, _NoPandas) for finder in sys.meta_path):
        # A finder, and not None in sys.modules, which PyArrow's compiled code takes for the module.
        sys.meta_path.insert(0, _NoPandas())


class _NoPandas(MetaPathFinder):
    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError("Headrace's daemons and executors do without pandas", name="pandas")
