"""CSV files as a source: Spark's rules for quotes, escapes, comments, nulls and malformed records."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from headrace_driver.catalog.csv_inference import header_names, inferred_types
from headrace_driver.catalog.lines import LineReader, LinesSource, check_codecs
from headrace_driver.catalog.listing import ListedFile
from headrace_driver.catalog.option_values import check_csv_flags, csv_flag, delimiter, one_character
from headrace_driver.catalog.parquet import cannot_infer
from headrace_driver.catalog.partitions import Partitions
from headrace_driver.catalog.probing import ask, remembered
from headrace_driver.errors import SparkError, unsupported
from headrace_driver.functions.datetime_patterns import read_text
from headrace_driver.plan import types as t
from headrace_driver.plan.expressions import CastMode
from headrace_driver.render.parsing import string_to
from headrace_driver.render.text import let, quote, raising
from headrace_driver.render.time import instant
from headrace_driver.render.types import kernel_type

_KNOWN = frozenset(
    (
        *("sep", "delimiter", "quote", "escape", "comment", "header", "inferschema", "samplingratio", "mode"),
        *("nullvalue", "emptyvalue", "nanvalue", "positiveinf", "negativeinf", "dateformat", "timestampformat"),
        *("timestampntzformat", "multiline", "encoding", "charset", "linesep", "columnnameofcorruptrecord"),
        *("ignoreleadingwhitespace", "ignoretrailingwhitespace", "enforceschema", "preferdate", "locale", "timezone"),
        *("maxcolumns", "maxcharspercolumn", "recursivefilelookup", "pathglobfilter", "modifiedbefore"),
        *("modifiedafter", "basepath", "mergeschema", "path", "compression"),
    )
)
_MODES = ("PERMISSIVE", "DROPMALFORMED", "FAILFAST")
_BLANKS = "E' \\t\\n\\r\\x0b\\x0c'"


@dataclass(frozen=True, slots=True)
class CsvOptions:
    """The options of a read, completed by Spark's defaults."""

    sep: str
    quote: str
    escape: str
    comment: str
    header: bool
    mode: str
    null_value: str
    empty_value: str
    nan_value: str
    positive_inf: str
    negative_inf: str
    date_format: str | None
    timestamp_format: str | None
    ntz_format: str | None
    multi_line: bool
    corrupt_column: str
    trim_left: bool
    trim_right: bool
    zone: str


def csv_options(options: Mapping[str, str], conf: Mapping[str, str], time_zone: str) -> CsvOptions:
    """Raises for options that would change the result and are not built."""
    for option in options:
        if option not in _KNOWN:
            raise unsupported(f"the option {option} when reading CSV")
    if options.get("locale", "en-US").lower() not in ("en-us", "en"):
        raise unsupported("the option locale when reading CSV")
    mode = options.get("mode", "PERMISSIVE").upper()
    corrupt = conf.get("spark.sql.columnNameOfCorruptRecord", "_corrupt_record")
    check_csv_flags(options, ("inferschema", "enforceschema", "preferdate"))
    return CsvOptions(
        sep=delimiter(options),
        quote=one_character(options, "quote", '"').replace("\0", ""),
        escape=one_character(options, "escape", "\\"),
        comment=options.get("comment", "").replace("\0", ""),
        header=csv_flag(options, "header"),
        mode=mode if mode in _MODES else "PERMISSIVE",
        null_value=options.get("nullvalue", ""),
        empty_value=options.get("emptyvalue", ""),
        nan_value=options.get("nanvalue", "NaN"),
        positive_inf=options.get("positiveinf", "Inf"),
        negative_inf=options.get("negativeinf", "-Inf"),
        date_format=options.get("dateformat"),
        timestamp_format=options.get("timestampformat"),
        ntz_format=options.get("timestampntzformat"),
        multi_line=csv_flag(options, "multiline"),
        corrupt_column=options.get("columnnameofcorruptrecord", corrupt),
        trim_left=csv_flag(options, "ignoreleadingwhitespace"),
        trim_right=csv_flag(options, "ignoretrailingwhitespace"),
        zone=options.get("timezone", time_zone),
    )


def records(how: CsvOptions, column: str, source: str) -> str:
    """A relation with the lines that are records, as `line`: no blank ones, no comments, of a file or of lines."""
    if how.multi_line:
        return _multi_line_records(how, column, source)
    tests = [_not_blank(column)]
    if how.comment:
        tests.append(f"NOT starts_with({column}, {quote(how.comment)})")
    return f"(SELECT * FROM {source} WHERE {' AND '.join(tests)})"


def _not_blank(text: str) -> str:
    # Most lines start with something that can be seen, which is quick to tell.
    return f"({text}[1] > ' ' OR trim({text}, {_BLANKS}) <> '')"


def _multi_line_records(how: CsvOptions, column: str, source: str) -> str:
    """Records of whole files: a quoted field may go over lines."""
    record = "[^\\r\\n]*"
    if how.quote:
        mark = re.escape(how.quote)
        quoted = f"{mark}{_quoted_body(how)}"
        record = f"(?:[^{mark}\\r\\n]|{quoted}{mark})*(?:{quoted}$)?"
    listed = f"regexp_extract_all({column}, {quote(f'(?s){record}')})"
    kept = [_not_blank("x")]
    if how.comment:
        kept.append(f"NOT starts_with(x, {quote(how.comment)})")
    lines = f"list_filter({listed}, lambda x: {' AND '.join(kept)})"
    if how.header:
        lines = f"({lines})[2:]"
    return f"(SELECT * EXCLUDE ({column}), unnest({lines}) AS line FROM {source})"


# Stands for a separator of several characters, which patterns can't exclude; no text file holds it.
_SEPARATOR_MARK = "\x1e"


def fields_of(how: CsvOptions, line: str) -> str:
    """The list of a line's fields as they stand: quotes kept where a field has them."""
    sep = how.sep
    if len(sep) > 1:
        line, sep = f"replace({line}, {quote(sep)}, {quote(_SEPARATOR_MARK)})", _SEPARATOR_MARK
    split = f"string_split({line}, {quote(sep)})"
    if not how.quote:
        return split
    blank = "[ \\t]*" if how.trim_left else ""
    until = f"[^{re.escape(sep)}]*"
    opened = f"{blank}{re.escape(how.quote)}{_quoted_body(how)}"
    # A closed quote with what follows it up to the separator; a quote that never closes; plain text.
    token = f"(?s){re.escape(sep)}({opened}{re.escape(how.quote)}{until}|{opened}|{until})"
    extracted = f"regexp_extract_all({quote(sep)} || {line}, {quote(token)}, 1)"
    return f"CASE WHEN contains({line}, {quote(how.quote)}) THEN {extracted} ELSE {split} END"


def _quoted_body(how: CsvOptions) -> str:
    """A pattern for what may stand between quotes."""
    mark = re.escape(how.quote)
    if not how.escape or how.escape == how.quote:
        return f"(?:[^{mark}]|{mark}{mark})*"
    escape = re.escape(how.escape)
    return f"(?:[^{mark}{escape}]|{escape}.)*"


def fields_relation(how: CsvOptions, lines: str, places: Sequence[int]) -> str:
    """The lines with the fields at some places as columns `__v<place>`, and their number as `__count`.

    Step by step in selects of their own: each step uses the one before several times, and naming an intermediate value
    within an expression costs far more.
    """
    split = f"(SELECT *, {fields_of(how, 'line')} AS __fields FROM {lines})"
    cut = "".join(f", {_trimmed(how, f'__fields[{i + 1}]')} AS __f{i}" for i in places)
    named = f"(SELECT * EXCLUDE (__fields), len(__fields) AS __count{cut} FROM {split})"
    if not places:
        return named
    values = ", ".join(f"{value_of(how, f'__f{i}')} AS __v{i}" for i in places)
    gone = ", ".join(f"__f{i}" for i in places)
    return f"(SELECT * EXCLUDE ({gone}), {values} FROM {named})"


def _trimmed(how: CsvOptions, field: str) -> str:
    if len(how.sep) > 1:
        field = f"replace({field}, {quote(_SEPARATOR_MARK)}, {quote(how.sep)})"
    if how.trim_left and how.trim_right:
        return f"trim({field}, {_BLANKS})"
    if how.trim_left:
        return f"ltrim({field}, {_BLANKS})"
    return f"rtrim({field}, {_BLANKS})" if how.trim_right else field


def value_of(how: CsvOptions, v: str) -> str:
    """The text of a field (`v` is a name): quotes and escapes undone, null for the null value."""
    plain = f"nullif({v}, {quote(how.null_value)})"
    if how.null_value != "":
        # Nothing between separators is read as the null value.
        plain = f"CASE WHEN {v} <> '' THEN {plain} END"
    if not how.quote:
        return plain
    return f"CASE WHEN starts_with({v}, {quote(how.quote)}) THEN {_unquoted(how, v)} ELSE {plain} END"


def _unquoted(how: CsvOptions, v: str) -> str:
    """A field that starts with a quote: without it if that closes at the field's end, or never; else as it stands."""
    mark, body = re.escape(how.quote), _quoted_body(how)
    blank = "[ \\t]*"
    closed = f"regexp_full_match({v}, {quote(f'(?s){mark}{body}{mark}{blank}')})"
    unclosed = f"regexp_full_match({v}, {quote(f'(?s){mark}{body}')})"

    def unescaped(text: str) -> str:
        if not how.escape or how.escape == how.quote:
            return f"replace({text}, {quote(how.quote * 2)}, {quote(how.quote)})"
        pattern = f"{re.escape(how.escape)}([{mark}{re.escape(how.escape)}])"
        return f"regexp_replace({text}, {quote(pattern)}, {quote(chr(92) + '1')}, 'g')"

    inner = unescaped(f"rtrim({v}, E' \\t')[2:-2]")
    rest = unescaped(f"{v}[2:]")
    value = f"CASE WHEN {closed} THEN {inner} WHEN {unclosed} THEN {rest} ELSE {v} END"
    if how.empty_value:
        value = f"coalesce(nullif({value}, ''), {quote(how.empty_value)})"
    return f"nullif({value}, {quote(how.null_value)})"


def typed(how: CsvOptions, text: str, dtype: t.DataType) -> str:
    """A field's text as a type; null where it does not fit."""
    match dtype:
        case t.StringType():
            return text
        case t.IntegralType():
            return let(
                text,
                lambda v: (
                    f"CASE WHEN regexp_full_match({v}, '[+-]?[0-9]+') THEN TRY_CAST({v} AS {kernel_type(dtype)}) END"
                ),
            )
        case t.BooleanType():
            return let(text, lambda v: f"CASE lower({v}) WHEN 'true' THEN true WHEN 'false' THEN false END")
        case t.FloatType() | t.DoubleType():
            return let(text, lambda v: floating(how, v, dtype))
        case t.DateType():
            return _moment(how, text, dtype, how.date_format)
        case t.TimestampType():
            return _moment(how, text, dtype, how.timestamp_format)
        case t.TimestampNTZType():
            return _moment(how, text, dtype, how.ntz_format)
        case t.ArrayType() | t.MapType() | t.StructType() | t.VariantType():
            raise SparkError(
                "UNSUPPORTED_DATA_TYPE_FOR_DATASOURCE",
                f'The CSV datasource doesn\'t support the column of the type "{dtype.sql}".',
                {"columnName": "", "columnType": f'"{dtype.sql}"', "format": "CSV"},
                sql_state="0A000",
            )
        case t.NullType():
            return f"CASE WHEN {text} IS NULL THEN NULL::INTEGER END"
    return string_to(text, dtype, CastMode.TRY, how.zone)


# What Java's parseDouble reads.
_JAVA_DOUBLE = r"[\x00-\x20]*[+-]?(([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?[dDfF]?|NaN|Infinity)[\x00-\x20]*"


def floating(how: CsvOptions, v: str, dtype: t.DataType) -> str:
    """A text as a FLOAT or DOUBLE; null where it is none."""
    kind = kernel_type(dtype)
    return (
        f"CASE WHEN {v} = {quote(how.nan_value)} THEN 'NaN'::{kind} "
        f"WHEN {v} = {quote(how.positive_inf)} THEN 'Infinity'::{kind} "
        f"WHEN {v} = {quote(how.negative_inf)} THEN '-Infinity'::{kind} "
        f"WHEN regexp_full_match({v}, {quote(_JAVA_DOUBLE)}) THEN {string_to(v, dtype, CastMode.TRY, how.zone)} END"
    )


_PLAIN_DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_PLAIN_TIME = _PLAIN_DATE + r"[ T][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?"
# A zone at the end of a time makes it no wall clock.
_ZONED_TIME = r"(?i)[^:]*:.*(Z|UTC|GMT|[+-][0-9]{1,2}(:?[0-9]{2})?|[a-z]+/[a-z_]+)\s*"


def _moment(how: CsvOptions, text: str, dtype: t.DataType, pattern: str | None) -> str:
    """A date or timestamp by a pattern, or as a cast reads it; the usual form is read the quick way."""
    if pattern is not None:
        return let(text, lambda v: read_text(v, pattern, dtype, how.zone))

    def build(v: str) -> str:
        plain = _PLAIN_DATE if isinstance(dtype, t.DateType) else _PLAIN_TIME
        quick = f"TRY_CAST({v} AS {'DATE' if isinstance(dtype, t.DateType) else 'TIMESTAMP'})"
        if isinstance(dtype, t.TimestampType):
            quick = instant(quick, how.zone)
        general = string_to(v, dtype, CastMode.TRY, how.zone)
        if isinstance(dtype, t.TimestampNTZType):
            general = f"CASE WHEN NOT regexp_full_match({v}, {quote(_ZONED_TIME)}) THEN {general} END"
        return f"CASE WHEN regexp_full_match({v}, {quote(plain)}) THEN {quick} ELSE {general} END"

    return let(text, build)


class CsvSource(LinesSource):
    """Implements `Source`."""

    def __init__(self, partitions: Partitions, schema: t.StructType, how: CsvOptions, reader: LineReader) -> None:
        super().__init__("csv", partitions, schema, reader, how.zone)
        self._how = how
        names = [f.name.lower() for f in self.schema.fields[: self.data_columns]]
        corrupt = how.corrupt_column.lower()
        self.corrupt_column = names.index(corrupt) if corrupt in names else None
        if self.corrupt_column is not None and not isinstance(
            self.schema.fields[self.corrupt_column].dtype, t.StringType
        ):
            raise SparkError(
                "INVALID_CORRUPT_RECORD_TYPE",
                f"The column `{how.corrupt_column}` for corrupt records must have the nullable STRING type, but got "
                f'"{self.schema.fields[self.corrupt_column].dtype.sql}".',
                {
                    "columnName": f"`{how.corrupt_column}`",
                    "actualType": self.schema.fields[self.corrupt_column].dtype.sql,
                },
                sql_state="42804",
            )
        # Positions in the line of the data columns: the column of corrupt records is not in it.
        self._places = {c: i for i, c in enumerate(c for c in range(self.data_columns) if c != self.corrupt_column)}

    def record_text(self, columns: Sequence[int]) -> str:
        how = self._how
        lines = records(how, self._reader.column, "$source$")
        text = fields_relation(how, lines, [self._places[c] for c in self._read(columns)])
        if how.mode == "DROPMALFORMED":
            text = f"(SELECT * FROM {text} WHERE NOT {self._malformed(columns)})"
        elif how.mode == "FAILFAST":
            # The test stands in a filter that keeps all rows, so that it is made whatever columns are used.
            failure = raising(
                "MALFORMED_RECORD_IN_PARSING.WITHOUT_SUGGESTION", {"failFastMode": "FAILFAST"}, badRecord="line"
            )
            text = (
                f"(SELECT * FROM {text} WHERE CASE WHEN {self._malformed(columns)} "
                f"THEN CAST({failure} AS BOOLEAN) ELSE true END)"
            )
        return text

    def field_text(self, column: int, columns: Sequence[int]) -> str:
        if column == self.corrupt_column:
            return f"CASE WHEN {self._malformed(columns)} THEN line END"
        return typed(self._how, f"__v{self._places[column]}", self.schema.fields[column].dtype)

    def _read(self, columns: Sequence[int]) -> list[int]:
        """The columns whose fields are looked at: for the column of corrupt records that is all of them."""
        if self.corrupt_column in columns:
            return sorted(self._places)
        return sorted(set(columns))

    def _malformed(self, columns: Sequence[int]) -> str:
        """Whether a record has another number of fields than the schema, or a field that does not fit its type.

        As in Spark, fields are counted only where all are read, and only those that are read are converted.
        """
        read = self._read(columns)
        tests = [f"__count <> {len(self._places)}"] if len(read) == len(self._places) else []
        for column in read:
            dtype = self.schema.fields[column].dtype
            if not isinstance(dtype, t.StringType):
                value = f"__v{self._places[column]}"
                tests.append(f"({value} IS NOT NULL AND {typed(self._how, value, dtype)} IS NULL)")
        return f"({' OR '.join(tests)})" if tests else "false"


def open_csv(
    partitions: Partitions,
    declared: t.StructType | None,
    options: Mapping[str, str],
    conf: Mapping[str, str],
    time_zone: str,
) -> CsvSource:
    """The CSV files of a listing. Without a schema the first file tells the names, and all rows the types if asked."""
    how = csv_options(options, conf, time_zone)
    check_codecs(partitions.files)
    reader = LineReader(options, how.multi_line, how.header and not how.multi_line)
    if declared is None:
        files = partitions.files
        if not files:
            raise cannot_infer("CSV")
        infer = csv_flag(options, "inferschema")
        prefer_date = options.get("preferdate", "true").lower() == "true"
        declared = remembered(
            files, ("csv", how, infer, prefer_date), lambda: _inferred(files, how, options, infer, prefer_date)
        )
    return CsvSource(partitions, declared, how, reader)


def _inferred(
    files: Sequence[ListedFile], how: CsvOptions, options: Mapping[str, str], infer: bool, prefer_date: bool
) -> t.StructType:
    unheaded = LineReader(options, how.multi_line, False)
    first: list[str | None] = []
    for file in files:
        rows = ask(_first_record(how, unheaded, file), [file])
        if rows:
            first = list(rows[0][0])
            break
    names = header_names(first, how.header)
    if not infer:
        return t.StructType(tuple(t.StructField(name, t.STRING) for name in names))
    reader = LineReader(options, how.multi_line, how.header and not how.multi_line)
    lines = records(how, reader.column, reader.relation(files))
    values = fields_relation(how, lines, range(len(names)))
    columns = [f"__v{i}" for i in range(len(names))]
    types = inferred_types(values, columns, how, prefer_date, lambda v: floating(how, v, t.DOUBLE))
    return t.StructType(tuple(t.StructField(n, d) for n, d in zip(names, types, strict=True)))


def _first_record(how: CsvOptions, reader: LineReader, file: ListedFile) -> str:
    lines = records(dataclasses.replace(how, header=False), reader.column, reader.relation([file]))
    values = f"list_transform({fields_of(how, 'line')}, lambda f: {value_of(how, _trimmed(how, 'f'))})"
    return f"SELECT {values} FROM {lines} LIMIT 1"
