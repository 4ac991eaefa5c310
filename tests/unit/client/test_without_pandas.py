"""PyArrow without pandas: what a daemon and an executor run with."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys
from headrace.without_pandas import forbid_pandas
forbid_pandas()
forbid_pandas()
import numpy as np
import pyarrow as pa
table = pa.table({"n": pa.array(np.arange(3)), "s": ["a", None, "c"]})
print(table.take(pa.array(np.array([2, 0]))).to_pylist(), "pandas" in sys.modules)
try:
    import pandas
except ModuleNotFoundError as error:
    print(error)
"""


def test_arrow_works_and_pandas_is_not_imported() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines() == [
        "[{'n': 2, 's': 'c'}, {'n': 0, 's': 'a'}] False",
        "Headrace's daemons and executors do without pandas",
    ], done.stderr
