"""What loads when: the client must not drag a query engine into every script that imports it."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("duckdb", "grpc", "pandas", "pyarrow", "pyspark", "numpy", "headrace_driver", "headrace_worker", "rich")


@pytest.mark.parametrize("statement", ["import headrace", "import headrace.cli", "import headrace.commands.daemons"])
def test_light_imports(statement: str) -> None:
    probe = f"import sys; {statement}; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_the_public_names_are_all_there() -> None:
    import headrace

    assert [name for name in headrace.__all__ if not hasattr(headrace, name)] == []
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = headrace.nothing
