"""How the text of a setting becomes a value: sizes, durations, switches, lists, and what each accepts."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

T = TypeVar("T")

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?", re.IGNORECASE)
_SIZE_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|min|h|d)?", re.IGNORECASE)
_DURATION_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """One type of value: `parse` takes the text of a flag, a variable or a TOML scalar and raises ValueError."""

    name: str
    """What the reference page calls it."""
    parse: Callable[[str], T]
    example: str
    """Empty where the name says enough."""
    item: Kind[Any] | None = None
    """Set for lists: the flag may be given several times, the variable is comma-separated, TOML has an array."""


def parse_size(text: str) -> int:
    """Bytes from `512m`, `8g`, `1.5GiB` or a plain number; units are powers of 1024."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a size; write bytes or a number with k, m, g or t, for example 512m or 8g")
    return int(float(match[1]) * _SIZE_UNITS[match[2].lower()])


def format_size(size_bytes: int) -> str:
    """The shortest text `parse_size` reads back: 8589934592 is `8g`; sizes that no unit divides keep one decimal."""
    for unit in ("t", "g", "m", "k"):
        scale = _SIZE_UNITS[unit]
        if size_bytes >= scale:
            whole, rest = divmod(size_bytes, scale)
            return f"{whole}{unit}" if rest == 0 else f"{size_bytes / scale:.1f}{unit}"
    return str(size_bytes)


def parse_duration(text: str) -> float:
    """Seconds from `250ms`, `10s`, `5m`, `2h`, `1d` or a plain number of seconds."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError(
            f"{text!r} is not a duration; write seconds or a number with ms, s, m, h or d, for example 10s"
        )
    return float(match[1]) * _DURATION_UNITS[(match[2] or "s").lower()]


def format_duration(duration_s: float) -> str:
    """The text `parse_duration` reads back: 0.25 is `250ms`, 10 is `10s`, 3600 is `1h`."""
    if duration_s and duration_s < 1:
        return f"{duration_s * 1000:g}ms"
    for unit in ("d", "h", "m"):
        if duration_s >= _DURATION_UNITS[unit] and duration_s % _DURATION_UNITS[unit] == 0:
            return f"{duration_s / _DURATION_UNITS[unit]:g}{unit}"
    return f"{duration_s:g}s"


def parse_switch(text: str) -> bool:
    """True or false from true/false, yes/no, on/off, 1/0 in any case."""
    lowered = text.strip().lower()
    if lowered in _TRUE:
        return True
    if lowered in _FALSE:
        return False
    raise ValueError(f"{text!r} is neither true nor false")


def parse_named_directory(text: str) -> tuple[str, Path]:
    """The two halves of `NAME=DIR`; the name is what SQL calls the table, so it has to be an identifier."""
    name, separator, directory = text.partition("=")
    if not separator or not directory or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise ValueError(f"{text!r} is not NAME=DIR with a name of letters, digits and underscores, like logs=/var/log")
    return name, _path(directory)


def parse_address(text: str) -> str:
    """`host:port` of a driver. A Spark Connect URL (`sc://host:port/;token=…`) passes as it is."""
    stripped = text.strip()
    if stripped.startswith("sc://"):
        return stripped
    host, separator, port = stripped.rpartition(":")
    if not separator or not host or not port.isdigit() or int(port) > 65535:
        raise ValueError(f"{text!r} is not HOST:PORT, like 10.0.0.1:15002 or [::1]:15002")
    return stripped


def integer(minimum: int, maximum: int) -> Kind[int]:
    """Whole numbers from `minimum` to `maximum`, both allowed."""

    def parse(text: str) -> int:
        try:
            value = int(text.strip())
        except ValueError:
            raise ValueError(f"{text!r} is not a whole number") from None
        if not minimum <= value <= maximum:
            raise ValueError(f"{value} is not between {minimum} and {maximum}")
        return value

    return Kind(f"integer from {minimum} to {maximum}", parse, "")


def duration(minimum_s: float, maximum_s: float) -> Kind[float]:
    """Durations from `minimum_s` to `maximum_s`, both allowed."""

    def parse(text: str) -> float:
        value = parse_duration(text)
        if not minimum_s <= value <= maximum_s:
            raise ValueError(
                f"{text.strip()} is not between {format_duration(minimum_s)} and {format_duration(maximum_s)}"
            )
        return value

    return Kind(f"duration from {format_duration(minimum_s)} to {format_duration(maximum_s)}", parse, "10m")


def choice(*allowed: str) -> Kind[str]:
    """One of a few words."""

    def parse(text: str) -> str:
        value = text.strip().lower()
        if value not in allowed:
            raise ValueError(f"{text!r} is not one of {', '.join(allowed)}")
        return value

    return Kind(" or ".join(allowed), parse, "")


def many(kind: Kind[T]) -> Kind[tuple[T, ...]]:
    """A list of values of one kind, comma-separated as text."""

    def parse(text: str) -> tuple[T, ...]:
        return tuple(kind.parse(part) for part in text.split(",") if part.strip())

    return Kind(f"list of {kind.name}", parse, kind.example, kind)


def optional(kind: Kind[T]) -> Kind[T | None]:
    """The same kind where the default is no value at all."""

    def parse(text: str) -> T | None:
        return kind.parse(text)

    return Kind(kind.name, parse, kind.example, kind.item)


def _path(text: str) -> Path:
    try:
        return Path(text.strip()).expanduser()
    except RuntimeError as error:
        raise ValueError(f"{text!r}: {str(error).rstrip('.').lower()}") from None


def _text(text: str) -> str:
    return text


TEXT = Kind("text", _text, "")
SIZE = Kind("size", parse_size, "8g")
DURATION = Kind("duration", parse_duration, "10s")
SWITCH = Kind("switch", parse_switch, "true")
PATH = Kind("path", _path, "/data/headrace")
ADDRESS = Kind("address", parse_address, "10.0.0.1:15002")
NAMED_DIRECTORY = Kind("NAME=DIR", parse_named_directory, "logs=/var/log/app")
PORT = Kind("port", integer(0, 65535).parse, "15002")
