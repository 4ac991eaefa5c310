"""How the command line shows tables and JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import click

if TYPE_CHECKING:
    from google.protobuf.message import Message
    from rich.table import Table

RIGHT = ">"
"""Put before a column's title: its numbers stand at the right."""
_GAP = 3
"""Between two columns."""


def table(titles: Sequence[str], rows: Iterable[Sequence[str]], width: int = 0, spare: Sequence[str] = ()) -> Table:
    """A rich table; a title that begins with `>` is a column of numbers.

    Where it is wider than `width`, columns of the titles in `spare` are left out, the first of them first, until it
    fits, and a line below says which. 0: there is room for all.
    """
    from rich import box
    from rich.table import Table

    kept = [str(title) for title in titles]
    held = [tuple(row) for row in rows]
    left_out = _left_out(kept, held, width, spare)
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, caption_justify="left")
    for title in kept:
        if title not in left_out:
            side: Literal["left", "right"] = "right" if title.startswith(RIGHT) else "left"
            made.add_column(title.removeprefix(RIGHT), justify=side, no_wrap=True)
    for row in held:
        made.add_row(*(text for title, text in zip(kept, row, strict=True) if title not in left_out))
    if left_out:
        names = ", ".join(title.removeprefix(RIGHT) for title in kept if title in left_out)
        made.caption = f"No room for: {names}. A wider terminal and --json show them."
    return made


def _left_out(titles: Sequence[str], rows: Sequence[Sequence[str]], width: int, spare: Sequence[str]) -> frozenset[str]:
    """Columns stand three spaces apart."""
    widths = {
        title: max(len(title.removeprefix(RIGHT)), *(len(row[place]) for row in rows), 0) + _GAP
        for place, title in enumerate(titles)
    }
    left_out: list[str] = []
    for title in spare:
        if not width or sum(widths.values()) - _GAP <= width:
            break
        del widths[title]
        left_out.append(title)
    return frozenset(left_out)


def terminal_width() -> int:
    """Columns of the terminal that is written to; 0 for a file or a pipe, where nothing has to fit."""
    from rich.console import Console

    console = Console()
    return console.width if console.is_terminal else 0


def show(made: Table) -> None:
    """Prints a table as wide as it needs, so that nothing is cut; a terminal that is narrower breaks the lines."""
    from rich.console import Console

    console = Console(markup=False, highlight=False, emoji=False, width=1 << 24)
    console.print(made, soft_wrap=True)


def as_json(message: Message) -> dict[str, Any]:
    """A message as JSON with the names of the .proto file, and fields that are zero shown as well."""
    from google.protobuf.json_format import MessageToDict

    made = MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
    _make_numbers(message.DESCRIPTOR, made)
    return made


def _make_numbers(descriptor: Any, made: dict[str, Any]) -> None:
    """Integers of 64 bits as numbers. protobuf writes them as text, since JavaScript rounds beyond 2**53; what is
    counted here stays below, and `jq` compares numbers."""
    for field in descriptor.fields:
        value = made.get(field.name)
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            pairs = [{"key": key, "value": item} for key, item in (value or {}).items()]
            for pair in pairs:
                _make_numbers(field.message_type, pair)
            made |= {field.name: {pair["key"]: pair["value"] for pair in pairs}}
        elif field.message_type is not None:
            for nested in value if isinstance(value, list) else [value] if value is not None else []:
                _make_numbers(field.message_type, nested)
        elif field.cpp_type in (field.CPPTYPE_INT64, field.CPPTYPE_UINT64) and value is not None:
            made[field.name] = [int(item) for item in value] if isinstance(value, list) else int(value)


def show_json(value: Any) -> None:
    """One JSON document on one line."""
    click.echo(json.dumps(value))
