"""`df.show()` and the HTML of notebooks: rows of display texts, laid out exactly as Spark does.

The server, not the client, makes these texts. The child's columns are turned into display texts by the query itself
(`to_pretty_string`), cut to one row more than asked for; what is left is layout.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html.entities import codepoint2name

import pyarrow as pa

from headrace_driver.connect.protocol import Proto
from headrace_driver.functions import builtin as _builtin  # noqa: F401  (fills the registry)
from headrace_driver.functions.registry import REGISTRY, BindContext
from headrace_driver.plan import expressions as e
from headrace_driver.plan import logical as p
from headrace_driver.plan import types as t

ROWS_MAX = 2**31 - 17
"""What Spark takes as the most rows an array can hold."""

_WIDTH_MIN = 3
_ESCAPES = str.maketrans({"\n": "\\n", "\r": "\\r", "\t": "\\t", "\f": "\\f", "\b": "\\b", "\v": "\\v", "\a": "\\a"})
_HTML_ESCAPES = {code: f"&{name};" for code, name in codepoint2name.items()}
"""All entities of HTML 4, as Spark has them."""
_FULL_WIDTH = re.compile(
    "[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]"
)


@dataclass(frozen=True, slots=True)
class Display:
    """What was asked for: at most `rows` rows, cells cut at `truncate` characters (0: not cut)."""

    column: str
    rows: int
    truncate: int
    vertical: bool = False

    @property
    def schema(self) -> t.StructType:
        """Of the result: one text."""
        return t.StructType((t.StructField(self.column, t.STRING, nullable=False),))

    def render(self, names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
        """The text; `rows` has one more than asked for when there are more."""
        if self.column == "html_string":
            return _html(names, rows, self)
        return _vertical(names, rows, self) if self.vertical else _table(names, rows, self)


def display_of(relation: Proto) -> tuple[Display, Proto] | None:
    """What a relation asks to display, with the relation to be shown; None for all other relations."""
    match relation.WhichOneof("rel_type"):
        case "show_string":
            m = relation.show_string
            return Display("show_string", _count(m.num_rows), m.truncate, m.vertical), m.input
        case "html_string":
            m = relation.html_string
            return Display("html_string", _count(m.num_rows), m.truncate), m.input
        case _:
            return None


def _count(rows: int) -> int:
    return min(max(rows, 0), ROWS_MAX)


def texts_plan(resolved: p.LogicalPlan, rows: int, conf: Mapping[str, str], time_zone: str) -> p.LogicalPlan:
    """The resolved plan's first rows, one more than asked for, as display texts."""
    function = REGISTRY.find("to_pretty_string")
    assert function is not None, "to_pretty_string is not registered"
    context = BindContext(time_zone=time_zone, conf=conf, display="to_pretty_string")
    limited = p.Limit(resolved, e.Literal(rows + 1, t.INTEGER))
    columns = tuple(
        e.Alias(function.bind([attribute], context), attribute.name, e.new_id()) for attribute in resolved.output
    )
    return p.Project(limited, columns)


def rows_of(streams: Sequence[bytes]) -> list[list[str]]:
    """Rows of display texts out of Arrow streams."""
    found: list[list[str]] = []
    for stream in streams:
        with pa.ipc.open_stream(stream) as reader:
            for batch in reader:
                columns = [column.to_pylist() for column in batch.columns]
                if columns:
                    found.extend([list(row) for row in zip(*columns, strict=True)])
                else:
                    found.extend([] for _ in range(batch.num_rows))
    return found


def _cell(text: str, truncate: int) -> str:
    shown = text.translate(_ESCAPES)
    if truncate <= 0 or _units(shown) <= truncate:
        return shown
    # Very short cells have no room for an ellipsis.
    return _cut(shown, truncate) if truncate < 4 else _cut(shown, truncate - 3) + "..."


def _units(text: str) -> int:
    """Length as the JVM counts: UTF-16 units."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def _cut(text: str, units: int) -> str:
    if text.isascii():
        return text[:units]
    # The JVM sends half of a surrogate pair as a question mark.
    cut = text.encode("utf-16-le", "surrogatepass")[: units * 2]
    return cut.decode("utf-16-le", "replace").replace("\ufffd", "?")


def _width(text: str) -> int:
    """Columns on a terminal: East Asian characters take two."""
    return len(text) if text.isascii() else _units(text) + len(_FULL_WIDTH.findall(text))


def _more(display: Display, rows: Sequence[Sequence[str]]) -> str:
    if len(rows) <= display.rows:
        return ""
    return f"only showing top {display.rows} {'row' if display.rows == 1 else 'rows'}"


def _table(names: Sequence[str], rows: Sequence[Sequence[str]], display: Display) -> str:
    shown = [[_cell(cell, display.truncate) for cell in row] for row in rows[: display.rows]]
    lines = [[name.translate(_ESCAPES) for name in names], *shown]
    widths = [max(_WIDTH_MIN, *(_width(line[i]) for line in lines)) for i in range(len(names))]
    rule = "+" + "+".join("-" * width for width in widths) + "+\n"
    texts: list[str] = []
    for line in lines:
        cells = []
        for cell, width in zip(line, widths, strict=True):
            padding = " " * (width - _width(cell))
            # Cells that are cut stand right, whole ones left.
            cells.append(padding + cell if display.truncate > 0 else cell + padding)
        texts.append("|" + "|".join(cells) + "|\n")
    return rule + texts[0] + rule + "".join(texts[1:]) + rule + _more(display, rows)


def _vertical(names: Sequence[str], rows: Sequence[Sequence[str]], display: Display) -> str:
    if not rows:
        return "(0 rows)"
    shown = [[_cell(cell, display.truncate) for cell in row] for row in rows[: display.rows]]
    titles = [name.translate(_ESCAPES) for name in names]
    title_width = max([_WIDTH_MIN, *map(_width, titles)])
    data_width = max([_WIDTH_MIN, *(_width(cell) for row in shown for cell in row)])
    texts: list[str] = []
    for number, row in enumerate(shown):
        header = f"-RECORD {number}"
        texts.append(header + "-" * (title_width + data_width + 5 - len(header)) + "\n")
        for title, cell in zip(titles, row, strict=True):
            name = title + " " * (title_width - _width(title))
            texts.append(f" {name} | {cell + ' ' * (data_width - _width(cell))} \n")
    if not shown:
        return "(0 rows)"
    return "".join(texts) + _more(display, rows)


def _html(names: Sequence[str], rows: Sequence[Sequence[str]], display: Display) -> str:
    lines = ["<table border='1'>\n"]
    titles = [name.translate(_ESCAPES).translate(_HTML_ESCAPES) for name in names]
    lines.append("<tr><th>" + "</th><th>".join(titles) + "</th></tr>\n")
    for row in rows[: display.rows]:
        cells = [_cell(cell, display.truncate).translate(_HTML_ESCAPES) for cell in row]
        lines.append("<tr><td>" + "</td><td>".join(cells) + "</td></tr>\n")
    lines.append("</table>\n")
    more = _more(display, rows)
    return "".join(lines) + (more and more + "\n")
