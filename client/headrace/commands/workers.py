"""`headrace workers`: who is in the cluster, and how it fares."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from headrace.commands import tables
from headrace.commands.options import client_of, with_settings
from headrace.quantities import byte_text
from headrace.settings import Settings, registry

if TYPE_CHECKING:
    from rich.table import Table

    from headrace_proto.v1 import jobs_pb2

_WATCH_INTERVAL_S = 1.0
"""Workers report about once a second."""
_SPARE = (
    ">functions",
    ">broadcast",
    "rack",
    ">disk free",
    ">shuffle",
    ">storage",
    ">disk used",
    "address",
    ">failed",
    ">done",
    ">execution",
)
"""Columns that a narrow terminal can do without, in this order."""


@click.command()
@click.option("--watch", is_flag=True, help="Show them live, until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="One JSON array; with --watch one a second, each on its line.")
@with_settings(registry.CLUSTER_DRIVER, *registry.CLIENT_SECURITY)
def workers(settings: Settings, watch: bool, as_json: bool) -> None:
    """Show the workers: slots, memory by kind, disks, tasks."""
    with client_of(settings) as client:
        if as_json:
            while True:
                tables.show_json([tables.as_json(worker) for worker in client.list_workers()])
                if not watch:
                    return
                time.sleep(_WATCH_INTERVAL_S)
        if not watch:
            tables.show(_table(client.list_workers()))
            return
        from rich.live import Live

        with Live(_table(client.list_workers()), auto_refresh=False) as live:
            while True:
                time.sleep(_WATCH_INTERVAL_S)
                live.update(_table(client.list_workers()), refresh=True)


def _table(found: Sequence[jobs_pb2.WorkerDetail]) -> Table:
    now_us = time.time() * 1e6
    rows = []
    for worker in found:
        heartbeat, registration = worker.heartbeat, worker.registration
        memory = heartbeat.memory
        rows.append(
            (
                registration.worker_id,
                worker.state,
                registration.address,
                registration.rack,
                f"{len(heartbeat.running)}/{registration.slots}",
                byte_text(heartbeat.budget_bytes or registration.memory_bytes),
                byte_text(memory.execution_bytes),
                byte_text(memory.shuffle_bytes),
                byte_text(memory.broadcast_bytes),
                byte_text(memory.storage_bytes),
                byte_text(memory.udf_bytes + memory.state_bytes),
                byte_text(heartbeat.rss_bytes),
                byte_text(sum(disk.used_bytes for disk in heartbeat.disks)),
                byte_text(sum(disk.free_bytes for disk in heartbeat.disks)),
                f"{worker.tasks_finished:,}",
                f"{worker.tasks_failed:,}",
                f"{max(0.0, now_us - worker.heard_us) / 1e6:.1f} s ago" if worker.heard_us else "",
            )
        )
    who = ("worker", "state", "address", "rack", ">running")
    memory_by_kind = (">budget", ">execution", ">shuffle", ">broadcast", ">storage", ">functions", ">resident")
    more = (">disk used", ">disk free", ">done", ">failed", ">heard")
    return tables.table(who + memory_by_kind + more, rows, tables.terminal_width(), _SPARE)
