"""How the command line shows tables and JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from google.protobuf.message import Message
    from rich.table import Table

RIGHT = ">"
"""Put before a column's title: its numbers stand at the right."""


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """A rich table; a title that begins with `>` is a column of numbers."""
    from rich import box
    from rich.table import Table

    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for title in titles:
        made.add_column(title.removeprefix(RIGHT), justify="right" if title.startswith(RIGHT) else "left")
    for row in rows:
        made.add_row(*row)
    return made


def show(made: Table) -> None:
    """Prints a table. Into a file or a pipe it is as wide as it needs, so that nothing is cut."""
    from rich.console import Console

    console = Console(markup=False, highlight=False, emoji=False)
    if not console.is_terminal:
        console = Console(markup=False, highlight=False, emoji=False, width=10_000)
    console.print(made)


def as_json(message: Message) -> dict[str, Any]:
    """A message as JSON with the names of the .proto file, and fields that are zero shown as well."""
    from google.protobuf.json_format import MessageToDict

    return MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)


def show_json(value: Any) -> None:
    """One JSON document on one line."""
    click.echo(json.dumps(value))
