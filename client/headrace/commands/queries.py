"""`headrace sql` and `headrace submit`: work for the cluster from the shell."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headrace.commands import tables
from headrace.commands.options import client_of, with_settings
from headrace.errors import ExitCode, NotFoundError
from headrace.settings import Settings, registry

if TYPE_CHECKING:
    import pyarrow as pa

_ROWS_SHOWN = 1_000
"""A table has to be held to find its widths; --json and --csv stream and have no limit."""


@click.command()
@click.argument("text")
@click.option("--conf", multiple=True, metavar="NAME=VALUE", help="Spark setting of the query's session; repeatable.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a row, all rows.")
@click.option("--csv", "as_csv", is_flag=True, help="CSV with a header, all rows.")
@with_settings(registry.CLUSTER_DRIVER, *registry.CLIENT_SECURITY)
def sql(settings: Settings, text: str, conf: tuple[str, ...], as_json: bool, as_csv: bool) -> None:
    """Run SQL and print its rows. TEXT of - reads standard input, @FILE a file."""
    if as_json and as_csv:
        raise click.UsageError("--json and --csv exclude each other.")
    statement, options = _text_of(text), dict(_pair(item) for item in conf)
    with client_of(settings) as client:
        batches = _batches(client.submit_sql(statement, options))
        if as_json:
            _print_json(batches)
        elif as_csv:
            _print_csv(batches)
        else:
            _print_table(batches)


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option("--env", "environment", multiple=True, metavar="NAME=VALUE", help="Variable of the application.")
@with_settings(registry.CLUSTER_DRIVER, *registry.CLIENT_SECURITY)
@click.argument("application")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def submit(settings: Settings, application: str, arguments: tuple[str, ...], environment: tuple[str, ...]) -> int:
    """Run a Python application next to the driver, with its output and exit code here.

    SparkSession.builder.getOrCreate() in the application joins the cluster. Options for this command stand before
    APPLICATION, what follows it goes to the application. Ctrl-C stops it.
    """
    with client_of(settings) as client:
        exit_code: int = ExitCode.FAILED
        for event in client.submit_application(application, arguments, dict(_pair(item) for item in environment)):
            match event.WhichOneof("event"):
                case "stdout":
                    sys.stdout.buffer.write(event.stdout)
                    sys.stdout.buffer.flush()
                case "stderr":
                    sys.stderr.buffer.write(event.stderr)
                    sys.stderr.buffer.flush()
                case "exit_code":
                    # Killed by a signal: as a shell tells it.
                    exit_code = event.exit_code if event.exit_code >= 0 else 128 - event.exit_code
    return exit_code


def _text_of(given: str) -> str:
    """The SQL that TEXT stands for. All of it is UTF-8 text; a shell and a file may hold any bytes."""
    try:
        if given == "-":
            return sys.stdin.buffer.read().decode()
        if given.startswith("@"):
            return Path(given[1:]).read_bytes().decode()
        return os.fsencode(given).decode()
    except OSError as error:
        raise NotFoundError(f"{given[1:]} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise click.UsageError(f"The SQL text is not UTF-8: {error}.") from error


def _pair(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator:
        raise click.UsageError(f"{text!r} is not NAME=VALUE.")
    return name, value


def _batches(events: Iterator[Any]) -> Iterator[pa.RecordBatch]:
    """The rows of the events; at least one batch, maybe empty, when the query has columns."""
    import pyarrow as pa

    for event in events:
        if event.WhichOneof("event") == "arrow_stream":
            with pa.ipc.open_stream(event.arrow_stream) as reader:
                seen = False
                for batch in reader:
                    seen = True
                    yield batch
                if not seen:
                    yield pa.RecordBatch.from_pylist([], schema=reader.schema)


def _print_json(batches: Iterator[pa.RecordBatch]) -> None:
    """UTF-8 whatever the terminal's encoding is, like CSV: scripts read it."""
    from headrace.commands.values import json_value

    for batch in batches:
        kinds = batch.schema.types
        for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            values = [json_value(value, kind) for value, kind in zip(row, kinds, strict=True)]
            line = json.dumps(dict(zip(batch.schema.names, values, strict=True)), ensure_ascii=False)
            sys.stdout.buffer.write(line.encode() + b"\n")
    sys.stdout.buffer.flush()


def _print_csv(batches: Iterator[pa.RecordBatch]) -> None:
    import pyarrow as pa
    import pyarrow.csv

    from headrace.commands.values import csv_column

    sink: Any = None
    for batch in batches:
        columns = [csv_column(column) for column in batch.columns]
        written = pa.RecordBatch.from_arrays(columns, names=batch.schema.names)
        if sink is None:
            sink = pyarrow.csv.CSVWriter(sys.stdout.buffer, written.schema)
        sink.write_batch(written)
    if sink is not None:
        sink.close()


def _print_table(batches: Iterator[pa.RecordBatch]) -> None:
    from headrace.commands.values import cell_text

    titles: list[str] = []
    rows: list[list[str]] = []
    total = 0
    for batch in batches:
        if not titles:
            titles = list(batch.schema.names)
        total += batch.num_rows
        columns = [
            [cell_text(value, column.type) for value in column.to_pylist()]
            for column in batch.slice(0, max(0, _ROWS_SHOWN - len(rows))).columns
        ]
        rows += map(list, zip(*columns, strict=True))
    if titles:
        tables.show(tables.table(titles, rows))
    left_out = f", the first {len(rows):,} shown; --json or --csv prints all" if total > len(rows) else ""
    click.echo(f"({total:,} row{'' if total == 1 else 's'}{left_out})")
