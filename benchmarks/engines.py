"""The engines that benchmarks compare: what each installs, in an environment of its own, and how it is named."""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.differential import data


@dataclass(frozen=True, slots=True)
class Engine:
    """One engine. `requirements` is None where it runs in the project's own environment."""

    name: str
    description: str
    requirements: tuple[str, ...] | None

    def python(self) -> Path:
        """The interpreter its runner uses; makes the environment on first use."""
        if self.requirements is None:
            return Path(sys.executable)
        return data.environment(f"bench-{self.name.split('-')[0]}", self.requirements)


_CONNECT_CLIENT = ("pyspark-client==4.1.1", "pandas>=2.2,<3", "pyarrow>=20,<27")
_SAIL = ("pysail==0.7.2", *_CONNECT_CLIENT)

ENGINES = {
    engine.name: engine
    for engine in (
        Engine("headrace", "Headrace, 2 workers × 1 core, through Spark Connect", None),
        Engine("duckdb", "DuckDB 2.0, one process, 2 threads", ("duckdb==2.0.0", "pyarrow>=20,<27")),
        Engine("sail", "Sail 0.7.2, one process, through Spark Connect", _SAIL),
        Engine("sail-cluster", "Sail 0.7.2, local cluster of 2 workers × 1 task slot, through Spark Connect", _SAIL),
        Engine("spark", "Spark 4.2, local[2], Java 17", ("pyspark==4.2.1", "pandas>=2.2,<3", "pyarrow>=20,<27")),
    )
}


def engine_names(text: str) -> list[str]:
    """The engines of a comma-separated option, for argparse."""
    names = text.split(",")
    if unknown := [name for name in names if name not in ENGINES]:
        raise argparse.ArgumentTypeError(f"unknown engine: {', '.join(unknown)} (known: {', '.join(ENGINES)})")
    return names
