"""A service with the fake engine, and PySpark sessions on it."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.connect.serving import Served, serving


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("connect")) as found:
        yield found


@pytest.fixture
def spark(served: Served) -> Iterator[Any]:
    session = connect(served)
    yield session
    session.stop()


def connect(served: Served, **options: Any) -> Any:
    """A new PySpark session. The service must outlive it: a client whose server is gone retries for minutes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pyspark.sql.connect.session import SparkSession
    logging.getLogger("pyspark.sql.connect.client.logging").setLevel(logging.CRITICAL)
    return SparkSession(f"sc://{served.address}", **options)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path
