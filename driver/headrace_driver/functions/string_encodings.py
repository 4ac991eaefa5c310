"""Strings as bytes and codes: character sets, validity as UTF-8, base64, URLs, code points."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from headrace_driver.errors import ErrorKind, SparkError, unsupported
from headrace_driver.functions.declare import (
    BINARY,
    LONG,
    STRING,
    TEXT_OR_BINARY,
    constant,
    scalar,
)
from headrace_driver.functions.strings import is_binary
from headrace_driver.plan import types as t
from headrace_driver.plan.expressions import Call, Literal
from headrace_driver.render.text import let, quote, raising


def _chr(c: Call, args: Sequence[str]) -> str:
    return let(args[0], lambda n: f"CASE WHEN {n} < 0 THEN '' ELSE chr(CAST({n} % 256 AS INTEGER)) END")


def _ascii(c: Call, args: Sequence[str]) -> str:
    return let(args[0], lambda s: f"CASE WHEN {s} = '' THEN 0 ELSE CAST(unicode({s}) AS INTEGER) END")


def _charset(c: Call, args: Sequence[str]) -> str:
    charset = c.args[1]
    assert isinstance(charset, Literal)
    name = str(charset.value).upper()
    if name not in _CHARSETS:
        shown = "decode" if c.name == "decode_charset" else "encode"
        raise SparkError(
            "INVALID_PARAMETER_VALUE.CHARSET",
            f"The value of parameter(s) `charset` in `{shown}` is invalid: expects one of the "
            f"{', '.join(_CHARSETS).lower()}, but got {charset.value}.",
            {
                "parameter": "`charset`",
                "functionName": f"`{shown}`",
                "charset": str(charset.value),
                "charsets": ", ".join(_CHARSETS).lower(),
            },
            sql_state="22023",
            kind=ErrorKind.ILLEGAL_ARGUMENT,
        )
    if name not in ("UTF-8", "US-ASCII", "ISO-8859-1"):
        raise unsupported(f"the character set {name}")
    if c.name == "decode_charset":
        return _decoded(args[0], name)
    return _encoded(args[0], name)


_CHARSETS = ("ISO-8859-1", "US-ASCII", "UTF-16", "UTF-16BE", "UTF-16LE", "UTF-32", "UTF-8")


def _malformed(function: str, charset: str) -> str:
    return raising("MALFORMED_CHARACTER_CODING", {"function": f"`{function}`", "charset": charset})


def _encoded(text: str, charset: str) -> str:
    """Bytes of a string; characters the set lacks raise."""
    if charset == "UTF-8":
        return f"encode({text})"
    limit = 128 if charset == "US-ASCII" else 256
    codes = "list_transform(string_split({0}, ''), lambda ch: unicode(ch))"

    def build(s: str) -> str:
        fits = f"len(list_filter({codes.format(s)}, lambda n: n >= {limit})) = 0"
        digits = f"list_transform({codes.format(s)}, lambda n: lpad(to_hex(n), 2, '0'))"
        return (
            f"CASE WHEN {s} = '' THEN ''::BLOB WHEN {fits} THEN from_hex(array_to_string({digits}, '')) "
            f"WHEN {s} IS NOT NULL THEN {_malformed('encode', charset)} END"
        )

    return let(text, build)


def _decoded(binary: str, charset: str) -> str:
    """The string that bytes are; bytes that are none in the set raise."""

    def of_utf8(b: str) -> str:
        return f"CASE WHEN {b} IS NOT NULL THEN coalesce(TRY(decode({b})), {_malformed('decode', charset)}) END"

    def of_bytes(b: str) -> str:
        digits = f"to_hex({b})"
        one = f"CAST('0x' || {digits}[2 * i + 1:2 * i + 2] AS INTEGER)"
        bad = f" WHEN regexp_matches({digits}, '^(..)*[89A-F]') THEN {_malformed('decode', charset)}"
        return (
            f"CASE WHEN octet_length({b}) = 0 THEN ''{bad if charset == 'US-ASCII' else ''} ELSE "
            f"array_to_string(list_transform(range(octet_length({b})), lambda i: chr({one})), '') END"
        )

    return let(binary, of_utf8 if charset == "UTF-8" else of_bytes)


_ESCAPED = "(?s)([^%]|%[0-9A-Fa-f][0-9A-Fa-f])*"


def _url_decode(c: Call, args: Sequence[str]) -> str:
    """The kernel leaves escapes that are none as they are, where Spark fails (or answers null, of try_)."""
    bad = "NULL" if c.name.startswith("try") else raising("CANNOT_DECODE_URL", url=args[0])
    no_text = raising("UNSUPPORTED_FEATURE.HEADRACE", {"feature": f"{c.name} of bytes that are no UTF-8"})

    def build(s: str) -> str:
        # TRY is told the finished text: an argument that raises is neither allowed in it nor may it hide one.
        decoded = let(f"replace({s}, '+', ' ')", lambda plain: f"coalesce(TRY(url_decode({plain})), {no_text})")
        return f"CASE WHEN regexp_full_match({s}, {quote(_ESCAPED)}) THEN {decoded} WHEN {s} IS NOT NULL THEN {bad} END"

    return let(args[0], build)


def _register_utf8() -> None:
    """Strings are always valid in the kernel; only bytes can be otherwise."""

    def utf8(valid: str, otherwise: str, of_string: str) -> Callable[[Call, Sequence[str]], str]:
        def render(c: Call, args: Sequence[str]) -> str:
            if not is_binary(c):
                return of_string.format(args[0])
            return let(
                args[0],
                lambda b: let(
                    f"TRY(decode({b}))",
                    lambda s: (
                        f"CASE WHEN {s} IS NOT NULL THEN {valid.format(s)} WHEN {b} IS NOT NULL THEN {otherwise} END"
                    ),
                ),
            )

        return render

    bad = raising("INVALID_UTF8_STRING", str="''")
    _no_repair = raising("UNSUPPORTED_FEATURE.HEADRACE", {}, feature="'make_valid_utf8 of bytes that are not valid'")
    scalar("is_valid_utf8", [TEXT_OR_BINARY], t.BOOLEAN, utf8("true", "false", "({0} IS NOT NULL OR NULL)"))
    scalar("validate_utf8", [TEXT_OR_BINARY], t.STRING, utf8("{0}", bad, "{0}"), raises=True)
    scalar("try_validate_utf8", [TEXT_OR_BINARY], t.STRING, utf8("{0}", "NULL", "{0}"), null=True)
    scalar("make_valid_utf8", [TEXT_OR_BINARY], t.STRING, utf8("{0}", _no_repair, "{0}"), raises=True)


def _register() -> None:
    scalar("ascii", [STRING], t.INTEGER, _ascii)
    scalar("chr", [LONG], t.STRING, _chr, aliases=("char",))
    scalar("base64", [BINARY], t.STRING, "to_base64({0})")
    scalar("unbase64", [STRING], t.BINARY, "from_base64({0})", raises=True)
    scalar("encode", [STRING, constant(STRING)], t.BINARY, _charset)
    scalar("decode_charset", [BINARY, constant(STRING)], t.STRING, _charset)
    scalar(
        "url_encode",
        [STRING],
        t.STRING,
        "replace(replace(replace(replace(url_encode({0}), '%20', '+'), '%2A', '*'), '~', '%7E'), '%2a', '*')",
    )
    scalar("url_decode", [STRING], t.STRING, _url_decode, raises=True)
    scalar("try_url_decode", [STRING], t.STRING, _url_decode, null=True, raises=True)
    _register_utf8()


_register()
