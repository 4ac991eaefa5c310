"""Fixtures for tests that need daemons: one local cluster for the whole run, and a PySpark session on it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

import headrace

if TYPE_CHECKING:
    from pyspark.sql.connect.session import SparkSession


@pytest.fixture(scope="session")
def cluster() -> Iterator[headrace.LocalCluster]:
    """A driver and two workers of one core, as processes. Tests that break it start their own."""
    with headrace.LocalCluster(workers=2, cores_per_worker=1, memory_per_worker="2g") as running:
        yield running


@pytest.fixture(scope="session")
def spark(cluster: headrace.LocalCluster) -> Iterator[SparkSession]:
    """A session on the shared cluster; tests that set configuration or views others could see open their own."""
    session = cluster.session()
    yield session
    session.stop()
