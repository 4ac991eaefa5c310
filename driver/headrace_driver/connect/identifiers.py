"""Names as clients send them: one text with dots and backquotes, to parts."""

from __future__ import annotations

from headrace_driver.errors import ErrorKind, SparkError


def attribute_parts(name: str) -> tuple[str, ...]:
    """The parts of a column name: ``a.b``, `` `a.b`.c ``, with doubled backquotes inside quotes.

    Anything may stand unquoted between dots, blanks included, as in Spark's DataFrame API.
    """
    if "`" not in name:
        parts = name.split(".")
        if all(parts):
            return tuple(parts)
        # Only the name "" itself may be empty.
        if name == "":
            return ("",)
        raise _attribute_error(name)
    return _quoted_parts(name)


def _quoted_parts(name: str) -> tuple[str, ...]:
    parts: list[str] = []
    current: list[str] = []
    position, end = 0, len(name)
    while position < end:
        char = name[position]
        if char == "`":
            if current:
                raise _attribute_error(name)
            position = _read_quoted(name, position, current)
            if position < end and name[position] != ".":
                raise _attribute_error(name)
            parts.append("".join(current))
            current = []
            if position < end:
                position += 1
                if position == end:
                    raise _attribute_error(name)
            continue
        if char == ".":
            if not current:
                raise _attribute_error(name)
            parts.append("".join(current))
            current = []
            if position + 1 == end:
                raise _attribute_error(name)
        else:
            current.append(char)
        position += 1
    if current:
        parts.append("".join(current))
    return tuple(parts)


def _read_quoted(name: str, position: int, into: list[str]) -> int:
    """Reads from the opening backquote; returns the position after the closing one."""
    end = len(name)
    position += 1
    while position < end:
        if name[position] == "`":
            if position + 1 < end and name[position + 1] == "`":
                into.append("`")
                position += 2
                continue
            return position + 1
        into.append(name[position])
        position += 1
    raise _attribute_error(name)


def _attribute_error(name: str) -> SparkError:
    return SparkError(
        "INVALID_ATTRIBUTE_NAME_SYNTAX",
        f"Syntax error in the attribute name: {name}. Check that backticks appear in pairs, a quoted string is a "
        "complete name part and use a backtick only inside quoted name parts.",
        {"name": name},
        sql_state="42601",
        kind=ErrorKind.ANALYSIS,
    )


def sql_id(*parts: str) -> str:
    """Parts as error messages show them: `` `a`.`b` ``."""
    return ".".join("`" + part.replace("`", "``") + "`" for part in parts)


def sql_conf(key: str) -> str:
    """A setting's name as error messages show it."""
    return f'"{key}"'
