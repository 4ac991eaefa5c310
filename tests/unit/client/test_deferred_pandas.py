"""PySpark imported without pandas: what others see meanwhile and afterwards, and that PySpark still finds pandas."""

from __future__ import annotations

import subprocess
import sys

import pytest


def run(code: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


IMPORT = "import sys; from headrace.deferred_pandas import import_pyspark; import_pyspark();"


def test_pandas_is_not_loaded_and_no_stand_in_stays() -> None:
    assert run(IMPORT + "print([name for name in sys.modules if name.startswith('pandas')])") == ["[]"]


def test_afterwards_everybody_gets_the_real_pandas() -> None:
    code = IMPORT + (
        "import pyspark.sql.connect.session as session\n"
        "import numpy, pandas, pandas.core\n"
        "print(session.pd.DataFrame is pandas.DataFrame, type(pandas).__name__)\n"
        "print(session.is_datetime64_dtype(numpy.dtype('M8[ns]')), session.is_datetime64_dtype(numpy.dtype('i8')))"
    )
    assert run(code) == ["True", "module", "True", "False"]


def test_pyspark_loads_pandas_when_it_needs_it() -> None:
    code = IMPORT + (
        "from pyspark.sql.connect.session import SparkSession, pd\n"
        "print('pandas' in sys.modules, isinstance(1, pd.DataFrame), 'pandas' in sys.modules)\n"
        "print(isinstance(pd.DataFrame({'a': [1]}), __import__('pandas').DataFrame))"
    )
    assert run(code) == ["False", "False", "True", "True"]


@pytest.mark.parametrize("before", ["import pandas", "from headrace.deferred_pandas import _import_all; _import_all()"])
def test_what_is_imported_already_is_left_alone(before: str) -> None:
    code = f"{before}; import pandas; own = pandas; {IMPORT} import pandas; print(pandas is own)"
    assert run(code) == ["True"]


def test_a_failing_import_leaves_no_stand_in() -> None:
    code = (
        "import sys; from headrace import deferred_pandas\n"
        "def fail(): raise ImportError\n"
        "deferred_pandas._import_all = fail\n"
        "try: deferred_pandas.import_pyspark()\n"
        "except ImportError: print('pandas' in sys.modules)"
    )
    assert run(code) == ["False"]
