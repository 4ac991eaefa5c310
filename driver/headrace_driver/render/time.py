"""Instants and wall clocks in kernel text.

Instants are TIMESTAMPTZ in a kernel whose own time zone is UTC; the session's zone is applied here, by name.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from headrace_driver.errors import SparkError
from headrace_driver.render.text import let, let_all, quote

MICROS_PER_SECOND = 1_000_000
MICROS_PER_DAY = 86_400 * MICROS_PER_SECOND
_UTC = frozenset({"UTC", "Z", "GMT", "Etc/UTC", "UCT", "Zulu", "Etc/GMT", "GMT0", "UT", "+00:00", "+00", "0"})
_OFFSET = re.compile(r"(?:UTC|GMT|UT)?([+-])(\d{1,2})(?::?(\d{2}))?(?::?(\d{2}))?")
# Java's short names that ICU reads otherwise or not at all.
_SHORT = {
    "PST": "America/Los_Angeles",
    "CST": "America/Chicago",
    "IST": "Asia/Kolkata",
    "JST": "Asia/Tokyo",
    "CTT": "Asia/Shanghai",
    "PNT": "America/Phoenix",
    "EST": "-05:00",
    "MST": "-07:00",
    "HST": "-10:00",
    "AET": "Australia/Sydney",
    "ECT": "Europe/Paris",
    "BST": "Asia/Dhaka",
    "NET": "Asia/Yerevan",
}


def fixed_offset_us(zone: str) -> int | None:
    """Microseconds east of UTC of a zone without rules, or None."""
    zone = _SHORT.get(zone, zone)
    if zone in _UTC:
        return 0
    found = _OFFSET.fullmatch(zone)
    if not found:
        return None
    sign, hours, minutes, seconds = found.groups()
    total = int(hours) * 3600 + int(minutes or 0) * 60 + int(seconds or 0)
    if total > 18 * 3600:
        raise SparkError(
            "INVALID_TIMEZONE",
            f"The timezone: {zone} is invalid. The timezone must be either a region-based zone ID or a zone offset.",
            {"timeZone": zone},
            sql_state="22009",
        )
    return (-total if sign == "-" else total) * MICROS_PER_SECOND


def local(instant: str, zone: str) -> str:
    """TIMESTAMPTZ to the wall clock of `zone` (TIMESTAMP)."""
    offset = fixed_offset_us(zone)
    if offset is None:
        return f"timezone({quote(_SHORT.get(zone, zone))}, {instant})"
    return f"make_timestamp(epoch_us({instant}){_plus(offset)})"


def instant(clock: str, zone: str) -> str:
    """A wall clock of `zone` (TIMESTAMP) to TIMESTAMPTZ. Java moves times in a gap forward by its length, and takes the
    earlier of two instants that show the same time."""
    offset = fixed_offset_us(zone)
    if offset is None:
        return region_instant(clock, quote(_SHORT.get(zone, zone)))
    return f"make_timestamptz(epoch_us({clock}){_plus(-offset)})"


def region_instant(clock: str, zone: str) -> str:
    """`instant` in a zone with rules, given as kernel text."""

    # The kernel takes the later instant. The earlier has the offset that held a day before. Parts are written out where
    # they are used, as naming them costs more than computing them again.
    def build(names: list[str]) -> str:
        shown, region = names
        late = f"timezone({region}, {shown})"
        before = f"({late} - to_microseconds({MICROS_PER_DAY}))"
        early = f"make_timestamptz(epoch_us({shown}) - epoch_us(timezone({region}, {before})) + epoch_us({before}))"
        return f"CASE WHEN {early} < {late} AND timezone({region}, {early}) = {shown} THEN {early} ELSE {late} END"

    return let_all([clock, zone], build)


def moved_instant(before: str, move: Callable[[str], str], zone: str) -> str:
    """An instant whose wall clock is moved. Java keeps the offset that held before where the new time allows it."""
    offset = fixed_offset_us(zone)
    if offset is not None:
        return instant(move(local(before, zone)), zone)

    def build(stamp: str) -> str:
        def keep(names: list[str]) -> str:
            old, new = names
            kept = f"make_timestamptz(epoch_us({new}) - epoch_us({old}) + epoch_us({stamp}))"
            return let(kept, lambda k: f"CASE WHEN {local(k, zone)} = {new} THEN {k} ELSE {instant(new, zone)} END")

        return let(local(stamp, zone), lambda old: let(move(old), lambda new: keep([old, new])))

    return let(before, build)


def _plus(offset: int) -> str:
    return "" if offset == 0 else f" + ({offset})"


def floor_div(value: str, divisor: int) -> str:
    """Integer division rounding down; the kernel's own rounds towards zero."""
    return let(value, lambda v: f"(({v} - (({v} % {divisor}) + {divisor}) % {divisor}) // {divisor})")
