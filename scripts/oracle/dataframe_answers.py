"""Ask real Spark for the answers of `tests/differential/dataframe_cases.py`. Runs in the oracle's environment.

python -m scripts.oracle.dataframe_answers            # a Spark Connect server of its own
python -m scripts.oracle.dataframe_answers sc://HOST:PORT
"""

import sys

from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from tests.differential import dataframe_cases
from tests.differential.expected import Expected, ExpectedError, write_many


def answer(name: str, spark: SparkSession) -> Expected | ExpectedError:
    """What Spark says; where an error has no condition, the name of its Python class stands for it."""
    try:
        found = dataframe_cases.run(name, spark)
    except PySparkException as error:
        condition = error.getCondition()
        return ExpectedError(condition or type(error).__name__, (error.getSqlState() or "") if condition else "")
    return Expected(found.columns, found.rows, (len(found.rows),) if found.rows else (), None)


def main(remote: str) -> None:
    """Writes one file an area."""
    spark = SparkSession.builder.remote(remote).getOrCreate()
    spark.conf.set("spark.sql.session.timeZone", "UTC")
    for area in dataframe_cases.areas():
        names = [name for name in dataframe_cases.CASES if name.startswith(f"{area}.")]
        write_many("dataframes", area, {name.partition(".")[2]: answer(name, spark) for name in names})
        print(area, len(names), flush=True)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "local[2]")
