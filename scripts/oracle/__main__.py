"""`python -m scripts.oracle [tpch] [tpcds] [semantics]`: make the oracle's environment and data, then the answers.

Needs Java 17 on the path (or JAVA_HOME). PySpark itself lives in an environment of its own, since it and the
`pyspark-client` of the project are the same package under two names.
"""

import subprocess
import sys
from pathlib import Path

from tests.differential import data

SPARK_REQUIREMENTS = (
    *("pyspark==4.2.1", "pyarrow>=18,<27", "pandas>=2.2,<3"),
    *("grpcio", "grpcio-status", "protobuf", "zstandard>=0.25"),
)
_ROOT = Path(__file__).resolve().parents[2]


def main(arguments: list[str]) -> int:
    """Run the answering program in the oracle's environment with the repository on its path."""
    suites = arguments or ["tpch", "tpcds", "semantics"]
    python = data.environment("spark", SPARK_REQUIREMENTS)
    if "tpch" in suites:
        data.tpch_data()
    if "tpcds" in suites:
        data.tpcds_data()
    command = [str(python), "-m", "scripts.oracle.spark_answers", *suites]
    return subprocess.run(command, cwd=_ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
