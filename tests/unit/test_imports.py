"""Who may import whom, and which modules decide without a clock, a socket or a random number: the rules of the design,
read from the imports."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = {"headrace": "client", "headrace_driver": "driver", "headrace_worker": "worker"}

OUTSIDE = {
    "asyncio",
    "duckdb",
    "fcntl",
    "ftplib",
    "grpc",
    "http",
    "multiprocessing",
    "os",
    "psutil",
    "queue",
    "random",
    "secrets",
    "select",
    "shutil",
    "signal",
    "socket",
    "sqlite3",
    "subprocess",
    "tempfile",
    "threading",
    "time",
    "urllib",
    "uuid",
}
"""Clocks, chance, threads, processes, files and the network: what a pure module does not import."""

PURE = (
    "headrace_driver.functions",
    "headrace_driver.plan",
    "headrace_driver.render",
    "headrace_driver.scheduler",
    "headrace_driver.sql",
    "headrace_driver.connect.operations",
    "headrace_worker.dispatch",
    "headrace_worker.memory",
    "headrace_worker.memory_pressure",
    "headrace_worker.programs",
    "headrace_worker.shuffle.blocks",
    "headrace_worker.shuffle.checksum",
    "headrace_worker.shuffle.index",
    "headrace_worker.shuffle.partitioning",
    "headrace_worker.shuffle.plan",
    "headrace_worker.silence",
    "headrace_worker.storage.room",
)
"""Packages, with all that is in them, and modules."""

IMPURE = {
    ("headrace_driver.functions.drawn", "random"): "seeds of `rand()` where the query gives none",
    ("headrace_driver.plan.expressions.node", "threading"): "the source of attribute ids is one a thread",
    ("headrace_driver.sql.constants", "time"): "the values of 'now', 'today' and the like",
    ("headrace_driver.sql.relations", "random"): "seeds of TABLESAMPLE where the query gives none",
}
"""What pure modules import all the same, with what for."""

ABOVE = {
    "headrace_driver.plan": {"cache", "cluster", "connect", "jobs", "journal", "query", "scheduler", "session", "web"},
    "headrace_driver.functions": {"cache", "catalog", "cluster", "connect", "journal", "query", "scheduler", "session"},
    "headrace_driver.render": {"cache", "catalog", "cluster", "connect", "journal", "query", "scheduler", "session"},
    "headrace_driver.sql": {"cache", "catalog", "cluster", "connect", "journal", "query", "scheduler", "session"},
    "headrace_driver.scheduler": {
        "cache",
        "catalog",
        "cluster",
        "connect",
        "functions",
        "journal",
        "query",
        "render",
        "session",
        "sql",
    },
}
"""Parts of the driver that a folder knows nothing of."""

APART = {
    "headrace": {
        # Daemons started as forks of the program that wants them, and by the command line.
        "headrace.commands.daemons": {"headrace_driver", "headrace_worker"},
        "headrace.daemons": {"headrace_driver", "headrace_worker"},
        "headrace.supervisor": {"headrace_driver", "headrace_worker"},
    },
    "headrace_driver": {
        # Results are read from workers in the form they are written in there.
        "headrace_driver.cluster.fetching": {"headrace_worker"},
    },
    "headrace_worker": {
        # pandas is kept out of executors as it is out of the daemons.
        "headrace_worker.executor.session": {"headrace"},
    },
}
"""Which modules of a package import another one; the driver has security, addresses and exit codes of `headrace`."""


@cache
def sources() -> dict[str, tuple[Path, ast.Module]]:
    """All modules by name, parsed."""
    found = {}
    for package, folder in PACKAGES.items():
        for path in sorted((ROOT / folder / package).rglob("*.py")):
            parts = path.relative_to(ROOT / folder).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found[name] = path, ast.parse(path.read_text())
    return found


def is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def imported(tree: ast.AST, *, in_functions: bool = True) -> Iterator[str]:
    """What a module imports when it runs: `a.b.c` for `from a.b import c`, which may be a module or a name in one."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif not is_for_types(node) and (in_functions or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)):
            yield from imported(node, in_functions=in_functions)


def is_in(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


def test_what_is_imported_is_found() -> None:
    tree = ast.parse(
        """
import os.path
from a.b import c, d
if TYPE_CHECKING:
    import e
def f():
    import g
"""
    )
    assert list(imported(tree)) == ["os.path", "a.b.c", "a.b.d", "g"]
    assert list(imported(tree, in_functions=False)) == ["os.path", "a.b.c", "a.b.d"]


def test_what_is_pure_imports_no_clock_chance_or_socket() -> None:
    assert all(any(is_in(name, pure) for name in sources()) for pure in PURE), "a pure module is gone"
    found = {
        (name, top)
        for name, (_, tree) in sources().items()
        if any(is_in(name, pure) for pure in PURE)
        for top in {module.split(".")[0] for module in imported(tree)} & OUTSIDE
    }
    assert found - IMPURE.keys() == set(), "hand it in, or say in IMPURE what for"
    assert IMPURE.keys() - found == set(), "what is not imported any more need not be allowed"


def test_what_is_pure_in_the_worker_imports_only_what_is_pure() -> None:
    found = {
        (name, module)
        for name, (_, tree) in sources().items()
        if is_in(name, "headrace_worker") and any(is_in(name, pure) for pure in PURE)
        for module in imported(tree)
        if is_in(module, "headrace_worker") and not any(is_in(module, pure) for pure in PURE)
    }
    assert found == set()


@pytest.mark.parametrize("folder", ABOVE)
def test_folders_of_the_driver_know_nothing_of_those_above(folder: str) -> None:
    found = {
        (name, module)
        for name, (_, tree) in sources().items()
        if is_in(name, folder)
        for module in imported(tree)
        if any(is_in(module, f"headrace_driver.{above}") for above in ABOVE[folder])
    }
    assert found == set()


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_stand_apart(package: str) -> None:
    others = PACKAGES.keys() - {package} - ({"headrace"} if package == "headrace_driver" else set())
    found: dict[str, set[str]] = {}
    for name, (_, tree) in sources().items():
        if is_in(name, package) and (tops := {module.split(".")[0] for module in imported(tree)} & others):
            found[name] = tops
    assert found == APART[package]


def test_no_modules_import_each_other() -> None:
    """When they are loaded: which of them is imported first would decide whether that works."""
    needs: dict[str, set[str]] = {}
    for name, (_, tree) in sources().items():
        wanted = set(imported(tree, in_functions=False))
        needs[name] = {m if m in sources() else m.rpartition(".")[0] for m in wanted} & sources().keys() - {name}
    while free := {name for name, wanted in needs.items() if not wanted & needs.keys()}:
        for name in free:
            del needs[name]
    assert needs == {}
