"""Options of writers: codecs, file extensions, and text formats, completed by Spark's defaults."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from headrace_driver.catalog.option_values import (
    check_csv_flags,
    check_csv_number,
    check_utf8,
    csv_flag,
    delimiter,
    flag,
    line_separator,
    one_character,
    whole_number,
)
from headrace_driver.catalog.output_text import DATE_FORMAT, TIMESTAMP_FORMAT, TIMESTAMP_NTZ_FORMAT
from headrace_driver.errors import ErrorKind, SparkError, unsupported

_PARQUET_CODECS = {
    "none": ("uncompressed", ".parquet"),
    "uncompressed": ("uncompressed", ".parquet"),
    "snappy": ("snappy", ".snappy.parquet"),
    "gzip": ("gzip", ".gz.parquet"),
    "zstd": ("zstd", ".zstd.parquet"),
    "lz4_raw": ("lz4_raw", ".lz4raw.parquet"),
    # Spark's lz4 is Hadoop's framing, which only Hadoop reads well; the raw form is what the standard now has.
    "lz4": ("lz4_raw", ".lz4raw.parquet"),
    "brotli": ("brotli", ".br.parquet"),
}
_TEXT_CODECS = {"none": "", "uncompressed": "", "gzip": "gzip", "zstd": "zstd"}
_TEXT_EXTENSIONS = {"": "", "gzip": ".gz", "zstd": ".zst"}
_EVERYWHERE = frozenset(("maxrecordsperfile", "partitionoverwritemode", "compression", "path", "timezone"))

# Spark looks at the values of these and reads files by them; when it writes they do nothing.
_CSV_READ_FLAGS = (
    *("inferschema", "multiline", "enforceschema", "preferdate", "columnpruning", "enabledatetimeparsingfallback"),
)
_CSV_READ_NUMBERS = ("maxcolumns", "maxcharspercolumn")
_CSV_READ_TEXTS = ("nanvalue", "positiveinf", "negativeinf", "mode", "columnnameofcorruptrecord", "samplingratio")
_JSON_READ_FLAGS = (
    *("primitivesasstring", "prefersdecimal", "allowcomments", "allowunquotedfieldnames", "allowsinglequotes"),
    *("allownumericleadingzeros", "allownonnumericnumbers", "allowbackslashescapinganycharacter"),
    *("allowunquotedcontrolchars", "dropfieldifallnull", "infertimestamp", "multiline"),
)
_JSON_READ_TEXTS = ("mode", "columnnameofcorruptrecord", "samplingratio", "locale")
_PARQUET_SECRETS = ("parquet.encryption.", "parquet.crypto.")


@dataclass(frozen=True, slots=True)
class TextFormat:
    """How lines are made and written."""

    options: Mapping[str, str]
    extension: str
    copy_options: str
    header: bool = False
    line_end: str = ""
    """What stands at the end of every line before the line feed."""


def parquet_codec(options: Mapping[str, str], conf: Mapping[str, str]) -> tuple[str, str]:
    """The kernel's name of the codec, and the files' extension. Options of any name are taken, as by Spark: those of
    Parquet's writer set sizes of pages, dictionaries and filters, which readers do not see."""
    flag(options, "mergeschema")
    for option in options:
        if option.startswith(_PARQUET_SECRETS):
            raise unsupported(f"the option {option} when writing Parquet (encryption)")
    default = conf.get("spark.sql.parquet.compression.codec", "snappy")
    name = options.get("compression", options.get("parquet.compression", default)).lower()
    found = _PARQUET_CODECS.get(name)
    if found is None and name == "lzo":
        raise unsupported("the codec lzo for Parquet files")
    if found is None:
        raise _no_codec(name, ("brotli", "uncompressed", "lzo", "snappy", "lz4_raw", "none", "zstd", "lz4", "gzip"))
    return found


def rows_per_file(options: Mapping[str, str], conf: Mapping[str, str]) -> int:
    """Most rows of one file; 0: any number."""
    default = conf.get("spark.sql.files.maxRecordsPerFile", "0")
    return max(0, whole_number(options.get("maxrecordsperfile", default)))


def overwrites_partitions(options: Mapping[str, str], conf: Mapping[str, str]) -> bool:
    """Whether an overwrite replaces the partitions it writes and no others."""
    default = conf.get("spark.sql.sources.partitionOverwriteMode", "STATIC")
    mode = options.get("partitionoverwritemode", default).upper()
    if mode not in ("STATIC", "DYNAMIC"):
        message = f"No value found for '{mode}'"
        raise SparkError("", message, {}, sql_state="", kind=ErrorKind.NO_SUCH_ELEMENT)
    return mode == "DYNAMIC"


def csv_format(options: Mapping[str, str], time_zone: str) -> TextFormat:
    """CSV by Spark's options."""
    flags = {
        name: "true" if csv_flag(options, name, default) else "false"
        for name, default in (
            ("quoteall", False),
            ("escapequotes", True),
            ("ignoreleadingwhitespace", True),
            ("ignoretrailingwhitespace", True),
        )
    }
    known = {
        "sep": delimiter(options),
        # Without a mark Spark writes the character 0 in its place.
        "quote": one_character(options, "quote", '"') or "\0",
        "escape": one_character(options, "escape", "\\") or "\0",
        "nullvalue": options.get("nullvalue", ""),
        "emptyvalue": options.get("emptyvalue", '""'),
        **flags,
        **_times(options, time_zone),
    }
    check_csv_flags(options, _CSV_READ_FLAGS)
    for name in _CSV_READ_NUMBERS:
        check_csv_number(options, name)
    read_only = {*_CSV_READ_FLAGS, *_CSV_READ_NUMBERS, *_CSV_READ_TEXTS}
    written = {"delimiter", "header", "encoding", "charset", "linesep", "lineseparator", "extension", "codec"}
    _refuse_unknown("CSV", options, {*known, *read_only, *written})
    check_utf8(options, "CSVOptions", "writing files in")
    extension = "." + options.get("extension", "csv")
    return _text(known, options, extension, csv_flag(options, "header"), line_separator(options, 2))


def json_format(options: Mapping[str, str], conf: Mapping[str, str], time_zone: str) -> TextFormat:
    """JSON lines by Spark's options."""
    if "timestampntzformat" in options:
        raise unsupported("the option timestampNTZFormat when writing JSON")
    ignored = conf.get("spark.sql.jsonGenerator.ignoreNullFields", "true") == "true"
    ignores_nulls = flag(options, "ignorenullfields", ignored)
    known = {"ignorenullfields": "true" if ignores_nulls else "false", **_times(options, time_zone)}
    for name in _JSON_READ_FLAGS:
        flag(options, name)
    for name in ("pretty", "writenonasciicharacterascodepoint"):
        if flag(options, name):
            raise unsupported(f"the option {name} when writing JSON")
    built = {*known, *_JSON_READ_FLAGS, *_JSON_READ_TEXTS, "pretty", "writenonasciicharacterascodepoint"}
    _refuse_unknown("JSON", options, {*built, "encoding", "charset", "linesep"})
    check_utf8(options, "JSONOptions", "writing files in")
    return _text(known, options, ".json", False, line_separator(options))


def text_codec(options: Mapping[str, str]) -> TextFormat:
    """Plain text, one column. Spark writes UTF-8 whatever the option encoding says."""
    flag(options, "wholetext")
    _refuse_unknown("text", options, {"encoding", "linesep", "wholetext"})
    return _text({}, options, ".txt", False, line_separator(options))


def _times(options: Mapping[str, str], time_zone: str) -> dict[str, str]:
    return {
        "dateformat": options.get("dateformat", DATE_FORMAT),
        "timestampformat": options.get("timestampformat", TIMESTAMP_FORMAT),
        "timestampntzformat": options.get("timestampntzformat", TIMESTAMP_NTZ_FORMAT),
        "timezone": options.get("timezone", time_zone),
    }


def _text(
    known: Mapping[str, str], options: Mapping[str, str], extension: str, header: bool, separator: str | None
) -> TextFormat:
    end = "\n" if separator is None else separator
    if not end.endswith("\n"):
        raise unsupported(f"the option lineSep = {end!r} when writing", "Lines have to end with a line feed.")
    name = options.get("compression", options.get("codec", "none")).lower()
    codec = _TEXT_CODECS.get(name)
    if codec is None:
        if name in ("bzip2", "deflate", "snappy", "lz4"):
            raise unsupported(f"the codec {name} for text files")
        raise _no_codec(name, ("bzip2", "deflate", "uncompressed", "snappy", "none", "lz4", "gzip"))
    # The lines are complete: no quotes, and a delimiter that is never looked for as there is one column only.
    parts = ["QUOTE ''", "ESCAPE ''", "NULLSTR ''", f"HEADER {'true' if header else 'false'}"]
    parts.append(f"COMPRESSION {codec or 'none'}")
    return TextFormat(known, extension + _TEXT_EXTENSIONS[codec], ", ".join(parts), header, end[:-1])


def _refuse_unknown(name: str, options: Mapping[str, str], known: set[str]) -> None:
    for option in options:
        if option not in known and option not in _EVERYWHERE:
            raise unsupported(f"the option {option} when writing {name}")


def _no_codec(name: str, codecs: Sequence[str]) -> SparkError:
    available = ", ".join(codecs)
    return SparkError(
        "CODEC_NOT_AVAILABLE.WITH_AVAILABLE_CODECS_SUGGESTION",
        f"The codec {name} is not available. Available codecs are {available}.",
        {"codecName": name, "availableCodecs": available},
        sql_state="56038",
        kind=ErrorKind.ILLEGAL_ARGUMENT,
    )
