"""JSON files as a source: one object a line (arrays of objects too), or whole files with `multiLine`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headrace_driver.catalog.lines import LineReader, LinesSource, check_codecs
from headrace_driver.catalog.listing import ListedFile
from headrace_driver.catalog.option_values import flag
from headrace_driver.catalog.parquet import cannot_infer
from headrace_driver.catalog.partitions import Partitions
from headrace_driver.catalog.probing import ask, remembered
from headrace_driver.errors import SparkError, unsupported
from headrace_driver.functions.json import merged, without_nulls
from headrace_driver.plan import types as t
from headrace_driver.render.json import read_value
from headrace_driver.render.text import let, quote, raising

_KNOWN = frozenset(
    (
        *("mode", "dateformat", "timestampformat", "multiline", "encoding", "charset", "linesep", "samplingratio"),
        *("columnnameofcorruptrecord", "timezone", "locale", "recursivefilelookup", "pathglobfilter", "compression"),
        *("modifiedbefore", "modifiedafter", "basepath", "mergeschema", "path", "primitivesasstring"),
        *("prefersdecimal", "allowcomments", "allowunquotedfieldnames", "allowsinglequotes", "dropfieldifallnull"),
        *("allownumericleadingzeros", "allowbackslashescapinganycharacter", "allownonnumericnumbers"),
        *("allowunquotedcontrolchars", "infertimestamp"),
    )
)
# Options that change what is read and are not built, with the value they may have all the same.
_ONLY_DEFAULT = {
    "primitivesasstring": "false",
    "prefersdecimal": "false",
    "allowcomments": "false",
    "allowunquotedfieldnames": "false",
    "allownumericleadingzeros": "false",
    "allowbackslashescapinganycharacter": "false",
    "allowunquotedcontrolchars": "false",
    "dropfieldifallnull": "false",
    "infertimestamp": "false",
}


@dataclass(frozen=True, slots=True)
class JsonOptions:
    """The options of a read, completed by Spark's defaults."""

    mode: str
    date_format: str | None
    timestamp_format: str | None
    multi_line: bool
    corrupt_column: str
    zone: str


def json_options(options: Mapping[str, str], conf: Mapping[str, str], time_zone: str) -> JsonOptions:
    """Raises for options that would change the result and are not built."""
    for option, value in options.items():
        if option not in _KNOWN or _ONLY_DEFAULT.get(option, value.lower()) != value.lower():
            raise unsupported(f"the option {option} when reading JSON")
    mode = options.get("mode", "PERMISSIVE").upper()
    corrupt = conf.get("spark.sql.columnNameOfCorruptRecord", "_corrupt_record")
    return JsonOptions(
        mode=mode if mode in ("DROPMALFORMED", "FAILFAST") else "PERMISSIVE",
        date_format=options.get("dateformat"),
        timestamp_format=options.get("timestampformat"),
        multi_line=flag(options, "multiline"),
        corrupt_column=options.get("columnnameofcorruptrecord", corrupt),
        zone=options.get("timezone", time_zone),
    )


_IS_OBJECT = r"(starts_with(ltrim(line, E' \t\r\n'), '{') AND json_valid(line))"


def records(column: str, source: str) -> str:
    """A relation of JSON texts `line`: an array stands for its elements. Text that is no JSON stays as it is."""
    maybe = f"CASE WHEN starts_with(ltrim({column}, E' \\t\\r\\n'), '[') AND json_valid({column}) THEN {column} END"
    objects = f"coalesce(json_type({maybe}, '$[0]') = 'OBJECT' OR json_array_length({maybe}) = 0, false)"
    texts = f"CASE WHEN {objects} THEN CAST(json_extract({maybe}, '$[*]') AS VARCHAR[]) ELSE [{column}] END"
    lines = f"SELECT * FROM {source} WHERE {column}[1] > ' ' OR trim({column}, E' \\t\\r\\n') <> ''"
    return f"(SELECT * EXCLUDE ({column}), unnest({texts}) AS line FROM ({lines}))"


class JsonSource(LinesSource):
    """Implements `Source`."""

    def __init__(self, partitions: Partitions, schema: t.StructType, how: JsonOptions, reader: LineReader) -> None:
        super().__init__("json", partitions, schema, reader, how.zone)
        self._how = how
        names = [f.name.lower() for f in self.schema.fields[: self.data_columns]]
        corrupt = how.corrupt_column.lower()
        self.corrupt_column = names.index(corrupt) if corrupt in names else None

    def record_text(self, columns: Sequence[int]) -> str:
        asked = self._asked(columns)
        lines = records(self._reader.column, "$source$")
        text = f"(SELECT *, CASE WHEN {_IS_OBJECT} THEN line END AS __object FROM {lines})"
        if asked:
            # All fields by one pass over the text; then each under a name, as it is looked at several times.
            paths = ", ".join(_path(self.schema.fields[c].name) for c in asked)
            named = ", ".join(f"__fields[{place}] AS __j{place}" for place in range(1, len(asked) + 1))
            text = f"(SELECT *, {named} FROM (SELECT *, json_extract(__object, [{paths}]) AS __fields FROM {text}))"
        if self._how.mode == "DROPMALFORMED":
            text = f"(SELECT * FROM {text} WHERE NOT {self._malformed(columns)})"
        elif self._how.mode == "FAILFAST":
            failure = raising(
                "MALFORMED_RECORD_IN_PARSING.WITHOUT_SUGGESTION", {"failFastMode": "FAILFAST"}, badRecord="line"
            )
            text = (
                f"(SELECT * FROM {text} WHERE CASE WHEN {self._malformed(columns)} "
                f"THEN CAST({failure} AS BOOLEAN) ELSE true END)"
            )
        return text

    def _asked(self, columns: Sequence[int]) -> list[int]:
        """The columns taken from the text; for the column of corrupt records that is all of them."""
        wanted = range(self.data_columns) if self.corrupt_column in columns else columns
        return [c for c in dict.fromkeys(wanted) if c != self.corrupt_column]

    def field_text(self, column: int, columns: Sequence[int]) -> str:
        if column == self.corrupt_column:
            return f"CASE WHEN {self._malformed(columns)} THEN line END"
        place = self._asked(columns).index(column) + 1
        return self._read(f"__j{place}", self.schema.fields[column].dtype)

    def _read(self, j: str, dtype: t.DataType) -> str:
        how = self._how

        def build(v: str) -> str:
            return read_value(
                v, dtype, zone=how.zone, timestamp_format=how.timestamp_format, date_format=how.date_format
            )

        return let(j, build)

    def _malformed(self, columns: Sequence[int]) -> str:
        tests = ["__object IS NULL"]
        for place, column in enumerate(self._asked(columns), 1):
            dtype = self.schema.fields[column].dtype
            if not isinstance(dtype, t.StringType):
                field = f"__j{place}"
                tests.append(f"(json_type({field}) <> 'NULL' AND {self._read(field, dtype)} IS NULL)")
        return f"coalesce({' OR '.join(tests)}, false)"


def _path(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return quote(f'$."{escaped}"')


def open_json(
    partitions: Partitions,
    declared: t.StructType | None,
    options: Mapping[str, str],
    conf: Mapping[str, str],
    time_zone: str,
) -> JsonSource:
    """The JSON files of a listing. Without a schema all rows tell it."""
    how = json_options(options, conf, time_zone)
    check_codecs(partitions.files)
    reader = LineReader(options, how.multi_line, False)
    if declared is None:
        files = partitions.files
        if not files:
            raise cannot_infer("JSON")
        declared = remembered(files, ("json", how), lambda: _inferred(files, how, reader))
    return JsonSource(partitions, declared, how, reader)


def _inferred(files: Sequence[ListedFile], how: JsonOptions, reader: LineReader) -> t.StructType:
    lines = records(reader.column, reader.relation(files))
    structures = ask(
        f"SELECT DISTINCT CASE WHEN {_IS_OBJECT} THEN CAST(json_structure(line) AS VARCHAR) END FROM {lines}",
        files,
    )
    malformed = any(structure is None for (structure,) in structures)
    found: t.DataType = t.StructType()
    for (structure,) in structures:
        if structure is not None:
            found = merged(found, _type(json.loads(structure)))
    whole = _without_empty(without_nulls(found))
    fields = list(whole.fields) if isinstance(whole, t.StructType) else []
    if malformed:
        if how.mode == "FAILFAST":
            raise SparkError(
                "_LEGACY_ERROR_TEMP_2165",
                "Malformed records are detected in schema inference. Parse Mode: FAILFAST.",
                {"failFastMode": "FAILFAST"},
                sql_state="22023",
            )
        if how.mode == "PERMISSIVE":
            fields.append(t.StructField(how.corrupt_column, t.STRING))
    return t.StructType(tuple(sorted(fields, key=lambda f: f.name)))


_STRUCTURES: dict[str, t.DataType] = {
    "NULL": t.NULL,
    "BOOLEAN": t.BOOLEAN,
    "UBIGINT": t.LONG,
    "BIGINT": t.LONG,
    "HUGEINT": t.DecimalType(38, 0),
    "UHUGEINT": t.DecimalType(38, 0),
    "DOUBLE": t.DOUBLE,
}


def _type(structure: Any, in_array: bool = False) -> t.DataType:
    """The type of the kernel's description of one value.

    What the kernel calls JSON is an empty object, or in arrays elements of several kinds, which then are text.
    """
    if isinstance(structure, dict):
        fields = (t.StructField(name, _type(value, in_array)) for name, value in structure.items())
        return t.StructType(tuple(sorted(fields, key=lambda f: f.name)))
    if isinstance(structure, list):
        return t.ArrayType(_type(structure[0], True) if structure else t.NULL)
    if structure == "JSON":
        return t.STRING if in_array else t.StructType()
    return _STRUCTURES.get(structure, t.STRING)


def _without_empty(dtype: t.DataType) -> t.DataType | None:
    """The type without fields that are objects of no fields; None when nothing is left."""
    match dtype:
        case t.StructType(fields):
            kept = ((f.name, _without_empty(f.dtype)) for f in fields)
            left = tuple(t.StructField(name, inner) for name, inner in kept if inner is not None)
            return t.StructType(left) if left else None
        case t.ArrayType(element):
            inner = _without_empty(element)
            return None if inner is None else t.ArrayType(inner)
    return dtype
