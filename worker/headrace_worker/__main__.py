"""`python -m headrace_worker --driver HOST:PORT [--field value]…`: a worker without the command line's comforts.

Flags are the fields of WorkerConfig with dashes; `--directories` and `--data NAME=DIR` may be repeated. The first line
on standard output is `ready HOST:PORT`. The command `headrace worker` is the one meant for people.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import fields

from headrace_worker.config import WorkerConfig
from headrace_worker.daemon import EXIT_USAGE, run_worker
from headrace_worker.logs import configure_logs
from headrace_worker.nursery import Nursery


def parse(arguments: list[str]) -> WorkerConfig:
    """The configuration in `--field value` pairs; raises ValueError naming what is wrong."""
    kinds = {field.name: str(field.type) for field in fields(WorkerConfig)}
    values: dict[str, object] = {}
    given = iter(arguments)
    for flag in given:
        name = flag.removeprefix("--").replace("-", "_")
        if not flag.startswith("--") or name not in kinds:
            raise ValueError(f"unknown argument {flag!r}")
        if kinds[name] == "bool":
            values[name] = True
            continue
        text = next(given, None)
        if text is None:
            raise ValueError(f"{flag} needs a value")
        if name == "directories":
            values[name] = (*values.get(name, ()), text)  # type: ignore[misc]
        elif name == "data":
            values[name] = (*values.get(name, ()), tuple(text.split("=", 1)))  # type: ignore[misc]
        else:
            values[name] = {"int": int, "float": float}.get(kinds[name], str)(text)
    if "driver" not in values:
        raise ValueError("--driver HOST:PORT is required")
    return WorkerConfig(**values)  # type: ignore[arg-type]


def main() -> int:
    """Runs a worker; returns its exit code."""
    try:
        config = parse(sys.argv[1:])
    except ValueError as error:
        print(f"headrace_worker: {error}", file=sys.stderr)
        return EXIT_USAGE
    configure_logs(config.log_format)
    nursery = Nursery.open()
    return asyncio.run(run_worker(config, lambda address: print(f"ready {address}", flush=True), nursery))


if __name__ == "__main__":
    sys.exit(main())
