"""What a worker finds out by itself, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace_worker.__main__ import parse
from headrace_worker.config import ExecutorLayout, WorkerConfig, default_layout, memory_limits
from headrace_worker.memory import least_budget

GB = 1 << 30


@pytest.mark.parametrize(
    ("cores", "slots", "threads"), [(1, 1, 1), (2, 2, 1), (8, 8, 1), (16, 8, 2), (32, 8, 4), (96, 24, 4)]
)
def test_layout_follows_the_cores(cores: int, slots: int, threads: int) -> None:
    assert default_layout(cores) == ExecutorLayout(slots, threads)


def test_little_memory_means_fewer_executors_with_more_threads() -> None:
    config = WorkerConfig(driver="d:1", cores=8, memory_bytes=GB)
    layout = config.layout()
    assert layout.slots < 8
    assert layout.slots * layout.threads <= 8
    assert least_budget(layout.slots) <= GB < least_budget(layout.slots + 1)
    assert config.problem() == ""


@pytest.mark.parametrize(
    ("config", "word"),
    [
        (WorkerConfig(driver=""), "driver"),
        (WorkerConfig(driver="d:1", bind="somewhere"), "host:port"),
        (WorkerConfig(driver="d:1", bind="10.0.0.1:0", cores=1), "join secret"),
        (WorkerConfig(driver="d:1", slots=4, memory_bytes=300 << 20), "too little"),
        (WorkerConfig(driver="d:1", cores=1, data=(("logs", "/no/such"),)), "no directory /no/such to offer as logs"),
        (WorkerConfig(driver="d:1", cores=1, tls_cert="c"), "certificate"),
        (WorkerConfig(driver="d:1", cores=1, tls_ca="c"), "of its own"),
        (WorkerConfig(driver="d:1", cores=1, tls_cert="c", tls_key="k", require_client_cert=True), "authority"),
    ],
)
def test_what_cannot_work_is_said(config: WorkerConfig, word: str) -> None:
    assert word in config.problem()


@pytest.mark.parametrize(
    "config",
    [
        WorkerConfig(driver="d:1", cores=1),
        WorkerConfig(driver="d:1", cores=1, bind="10.0.0.1:0", secret="s"),
        WorkerConfig(driver="d:1", cores=1, bind="10.0.0.1:0", insecure=True),
    ],
)
def test_what_can_work_is_not_refused(config: WorkerConfig) -> None:
    assert config.problem() == ""


def test_arguments_are_the_fields() -> None:
    given = "--driver d:1 --memory-bytes 5 --drain-s 1.5 --insecure --directories /a --directories /b --data n=/x=y"
    assert parse(given.split()) == WorkerConfig(
        driver="d:1",
        memory_bytes=5,
        drain_s=1.5,
        insecure=True,
        directories=("/a", "/b"),
        data=(("n", "/x=y"),),
    )


@pytest.mark.parametrize("arguments", [[], ["--driver"], ["--nonsense", "1"], ["driver", "d:1"]])
def test_wrong_arguments_are_named(arguments: list[str]) -> None:
    with pytest.raises(ValueError, match=r"driver|nonsense"):
        parse(arguments)


def test_limits_of_both_versions_of_control_groups_and_of_the_groups_above(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "memory" / "c").mkdir(parents=True)
    (tmp_path / "a" / "memory.max").write_text("500\n")
    (tmp_path / "a" / "b" / "memory.max").write_text("max\n")
    (tmp_path / "memory" / "c" / "memory.limit_in_bytes").write_text("700\n")
    (tmp_path / "memory" / "memory.limit_in_bytes").write_text("900\n")
    assert memory_limits(tmp_path, "0::/a/b\n") == [500]
    assert memory_limits(tmp_path, "5:cpu:/x\n4:memory:/c\n0::/\n") == [700, 900]
    assert memory_limits(tmp_path, "4:memory:/host/only\n") == [900]
    assert memory_limits(tmp_path, "") == []
