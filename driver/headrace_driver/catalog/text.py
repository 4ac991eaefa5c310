"""Plain text: one column `value`, one row a line (or a file)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from headrace_driver.catalog.lines import LineReader, LinesSource, check_codecs
from headrace_driver.catalog.partitions import Partitions
from headrace_driver.errors import SparkError
from headrace_driver.plan import types as t


class TextSource(LinesSource):
    """Implements `Source`."""

    def record_text(self, columns: Sequence[int]) -> str:
        return "$source$"

    def field_text(self, column: int, columns: Sequence[int]) -> str:
        return f"coalesce({self._reader.column}, '')"


def open_text(
    partitions: Partitions, declared: t.StructType | None, options: Mapping[str, str], time_zone: str
) -> TextSource:
    """The text files of a listing."""
    check_codecs(partitions.files)
    schema = declared or t.StructType((t.StructField("value", t.STRING),))
    taken = {field.name.lower() for field in partitions.columns}
    data = tuple(f for f in schema.fields if f.name.lower() not in taken)
    if len(data) > 1 or any(not isinstance(f.dtype, t.StringType) for f in data):
        raise SparkError(
            "_LEGACY_ERROR_TEMP_1202",
            f"Text data source supports only a single column, and you have {len(data)} columns.",
            {"schemaSize": str(len(data))},
            sql_state="42000",
        )
    whole = options.get("wholetext", "false").lower() == "true"
    return TextSource("text", partitions, t.StructType(data), LineReader(options, whole, False), time_zone)
