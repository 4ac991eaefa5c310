"""Values of options of readers and writers, checked as Spark checks them. Names of options are in lower case here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from headrace_driver.errors import ErrorKind, SparkError, unsupported

_SPELLED = {
    name.lower(): name
    for name in (
        *(
            "quoteAll",
            "escapeQuotes",
            "ignoreLeadingWhiteSpace",
            "ignoreTrailingWhiteSpace",
            "inferSchema",
            "multiLine",
        ),
        *("enforceSchema", "preferDate", "enableDateTimeParsingFallback", "columnPruning", "maxColumns"),
        *("maxCharsPerColumn",),
    )
}
_CHARSETS = ("iso-8859-1", "us-ascii", "utf-16", "utf-16be", "utf-16le", "utf-32", "utf-8")
_ESCAPES = {"\\t": "\t", "\\r": "\r", "\\b": "\b", "\\f": "\f", '\\"': '"', "\\'": "'", "\\\\": "\\", "\\u0000": "\0"}


def csv_flag(options: Mapping[str, str], name: str, default: bool = False) -> bool:
    """A boolean of a CSV option; raises for other words."""
    text = options.get(name, str(default)).lower()
    if text not in ("true", "false"):
        shown = _SPELLED.get(name, name)
        message = f"{shown} flag can be true or false."
        raise SparkError("_LEGACY_ERROR_TEMP_2147", message, {"paramName": shown}, sql_state="", kind=ErrorKind.SPARK)
    return text == "true"


def check_csv_flags(options: Mapping[str, str], names: Iterable[str]) -> None:
    """Raises for options that are no booleans."""
    for name in names:
        csv_flag(options, name)


def flag(options: Mapping[str, str], name: str, default: bool = False) -> bool:
    """A boolean of any other option, by Scala's rule."""
    text = options.get(name, str(default)).lower()
    if text not in ("true", "false"):
        raise _no_number(options[name])
    return text == "true"


def whole_number(text: str) -> int:
    """A whole number; raises what Java raises for others."""
    try:
        return int(text)
    except ValueError:
        raise _no_number(text) from None


def check_csv_number(options: Mapping[str, str], name: str) -> None:
    """Raises for an option that is no whole number."""
    text = options.get(name, "0")
    if not text.lstrip("-+").isdecimal():
        shown = _SPELLED.get(name, name)
        raise SparkError(
            "_LEGACY_ERROR_TEMP_2146",
            f"{shown} should be an integer. Found {text}.",
            {"paramName": shown, "value": text},
            sql_state="",
            kind=ErrorKind.RUNTIME,
        )


def one_character(options: Mapping[str, str], name: str, default: str) -> str:
    """At most one character."""
    text = options.get(name, default)
    if len(text) > 1:
        raise SparkError(
            "OPTION_VALUE_EXCEEDS_ONE_CHARACTER",
            f"The value of {name} cannot be more than one character, but got {text}.",
            {"optionName": name, "value": text},
            sql_state="22023",
            kind=ErrorKind.RUNTIME,
        )
    return text


def delimiter(options: Mapping[str, str]) -> str:
    """What stands between fields: characters, of which a backslash begins one that cannot be written."""
    text = options.get("sep", options.get("delimiter", ","))
    if not text:
        raise _requirement("Delimiter cannot be empty")
    found = ""
    while text:
        if not text.startswith("\\"):
            found, text = found + text[0], text[1:]
            continue
        if text == "\\":
            raise _bad_delimiter(
                "SINGLE_BACKSLASH",
                "Single backslash is prohibited. It has special meaning as "
                "beginning of an escape sequence. To get the backslash character, pass a string with "
                "two backslashes as the delimiter.",
                {},
            )
        escape = next((each for each in _ESCAPES if text.startswith(each)), None)
        if escape is None:
            sequence = text[:2]
            said = f"Unsupported special character for delimiter: {sequence}."
            raise _bad_delimiter("UNSUPPORTED_SPECIAL_CHARACTER", said, {"str": sequence})
        found, text = found + _ESCAPES[escape], text[len(escape) :]
    return found


def line_separator(options: Mapping[str, str], most: int | None = None) -> str | None:
    """What ends lines; None where nobody says. At most `most` characters, where there is a limit."""
    text = options.get("linesep", options.get("lineseparator"))
    if text == "":
        raise _requirement("requirement failed: 'lineSep' cannot be an empty string.")
    if text is not None and most is not None and len(text) > most:
        raise _requirement("requirement failed: 'lineSep' can contain only 1 character.")
    return text


def check_utf8(options: Mapping[str, str], what: str, doing: str) -> None:
    """Raises for an encoding that Spark does not know, or that is not built. `what` is Spark's CSVOptions or so."""
    name = options.get("encoding", options.get("charset", "UTF-8"))
    if name.lower() not in (*_CHARSETS, "utf8"):
        charsets = ", ".join(_CHARSETS)
        raise SparkError(
            "INVALID_PARAMETER_VALUE.CHARSET",
            f"The value of parameter(s) `charset` in `{what}` is invalid: expects one of the {charsets}, but got "
            f"{name}.",
            {"parameter": "`charset`", "functionName": f"`{what}`", "charset": name, "charsets": charsets},
            sql_state="22023",
            kind=ErrorKind.ILLEGAL_ARGUMENT,
        )
    if name.lower() not in ("utf-8", "utf8"):
        raise unsupported(f"{doing} the encoding {name}")


def _no_number(text: str) -> SparkError:
    return _requirement(f'For input string: "{text}"')


def _requirement(message: str) -> SparkError:
    return SparkError("", message, {}, sql_state="", kind=ErrorKind.JAVA_ILLEGAL_ARGUMENT)


def _bad_delimiter(subclass: str, said: str, parameters: dict[str, str]) -> SparkError:
    return SparkError(
        f"INVALID_DELIMITER_VALUE.{subclass}",
        f"Invalid value for delimiter. {said}",
        parameters,
        sql_state="42602",
        kind=ErrorKind.ILLEGAL_ARGUMENT,
    )
