"""Where the differential tests, the oracle and the benchmarks find TPC-H and TPC-DS data.

Data is never committed. It is generated on first use into a cache directory (environment variable
`HEADRACE_TEST_DATA`, else `~/.cache/headrace/data`), one Parquet file a table, and both generators are
deterministic: the same scale gives the same rows in the same order on every machine, which is what makes answers
stored as data comparable.

TPC-H comes from `tpchgen-cli`. TPC-DS comes from DuckDB's extension in the version named below, in an environment of
its own, because that extension exists for one DuckDB release and the engine uses another.
"""

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

TPCH_TABLES = ("customer", "lineitem", "nation", "orders", "part", "partsupp", "region", "supplier")
TPCDS_TABLES = (
    "call_center",
    "catalog_page",
    "catalog_returns",
    "catalog_sales",
    "customer",
    "customer_address",
    "customer_demographics",
    "date_dim",
    "household_demographics",
    "income_band",
    "inventory",
    "item",
    "promotion",
    "reason",
    "ship_mode",
    "store",
    "store_returns",
    "store_sales",
    "time_dim",
    "warehouse",
    "web_page",
    "web_returns",
    "web_sales",
    "web_site",
)

# The scales the stored answers were made at. TPC-H answers are all non-empty at 0.1; TPC-DS see tests/differential.
TPCH_SCALE = 0.1
TPCDS_SCALE = 1.0

TPCHGEN_REQUIREMENTS = ("tpchgen-cli==4.0.0",)
TPCDS_REQUIREMENTS = ("duckdb==1.5.5", "duckdb-extension-tpcds==1.5.5")

_TPCDS_PROGRAM = """
import pathlib, sys
import duckdb, duckdb_extension_tpcds
scale, target = float(sys.argv[1]), pathlib.Path(sys.argv[2])
extension, = pathlib.Path(duckdb_extension_tpcds.__file__).parent.rglob("tpcds.duckdb_extension")
connection = duckdb.connect(config={"threads": 2})
connection.execute(f"LOAD '{extension}'")
connection.execute(f"CALL dsdgen(sf={scale})")
for (table,) in connection.execute("SELECT table_name FROM duckdb_tables() ORDER BY 1").fetchall():
    connection.execute(f"COPY {table} TO '{target / table}.parquet' (FORMAT parquet)")
"""


def cache_root() -> Path:
    """Directory that holds generated data; its siblings hold the environments that make it."""
    configured = os.environ.get("HEADRACE_TEST_DATA")
    return Path(configured) if configured else Path.home() / ".cache" / "headrace" / "data"


def environment(name: str, requirements: Sequence[str]) -> Path:
    """Python of a virtual environment holding exactly `requirements`, made on first use.

    Environments live beside the data (`<cache>/../environments/<name>`), so that a peer engine with its own pins
    never mixes with the project's. One whose recorded requirements differ is made anew.
    """
    place = cache_root().parent / "environments" / name
    python = place / "bin" / "python"
    record = place / "requirements.txt"
    wanted = "\n".join(requirements) + "\n"
    with _only_one(place):
        if python.exists() and record.exists() and record.read_text() == wanted:
            return python
        shutil.rmtree(place, ignore_errors=True)
        venv.create(place, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *requirements], check=True)
        record.write_text(wanted)
    return python


def tpch_data(scale: float = TPCH_SCALE) -> Path:
    """Directory of the TPC-H tables at `scale` as `<table>.parquet`, generated when absent."""
    return _generated(f"tpch-sf{scale:g}", TPCH_TABLES, lambda target: _generate_tpch(scale, target))


def tpcds_data(scale: float = TPCDS_SCALE) -> Path:
    """Directory of the TPC-DS tables at `scale` as `<table>.parquet`, generated when absent."""
    return _generated(f"tpcds-sf{scale:g}", TPCDS_TABLES, lambda target: _generate_tpcds(scale, target))


def _generated(name: str, tables: Sequence[str], generate: Callable[[Path], None]) -> Path:
    """Generate into a scratch directory and rename, so that an interrupted run never leaves half a data set."""
    target = cache_root() / name

    def complete() -> bool:
        return all((target / f"{table}.parquet").exists() for table in tables)

    if complete():
        return target
    with _only_one(target):
        if complete():
            return target
        scratch = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=target.parent))
        try:
            generate(scratch)
            missing = [table for table in tables if not (scratch / f"{table}.parquet").exists()]
            if missing:
                raise RuntimeError(f"the generator of {name} did not make {', '.join(missing)}")
            shutil.rmtree(target, ignore_errors=True)
            scratch.rename(target)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    return target


@contextlib.contextmanager
def _only_one(place: Path) -> Iterator[None]:
    """One process at a time makes `place`; test processes that run in parallel wait for it and then find it made."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.with_name(f".{place.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _generate_tpch(scale: float, target: Path) -> None:
    beside = Path(sys.executable).with_name("tpchgen-cli")
    command = str(beside) if beside.exists() else shutil.which("tpchgen-cli")
    if command is None:
        command = str(environment("tpchgen", TPCHGEN_REQUIREMENTS).with_name("tpchgen-cli"))
    subprocess.run([command, "parquet", "-s", f"{scale:g}", f"--output-dir={target}"], check=True, capture_output=True)


def _generate_tpcds(scale: float, target: Path) -> None:
    python = environment("tpcds", TPCDS_REQUIREMENTS)
    subprocess.run([python, "-c", _TPCDS_PROGRAM, f"{scale:g}", str(target)], check=True)
