"""Instants and wall clocks in kernel text.

Instants are TIMESTAMPTZ in a kernel whose own time zone is UTC; the session's zone is applied here, by name.
"""

from __future__ import annotations

import re

from headrace_driver.errors import SparkError
from headrace_driver.render.text import let, quote

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
    """A wall clock of `zone` (TIMESTAMP) to TIMESTAMPTZ. Java moves times in a gap forward by its length."""
    offset = fixed_offset_us(zone)
    if offset is None:
        return f"timezone({quote(_SHORT.get(zone, zone))}, {clock})"
    return f"make_timestamptz(epoch_us({clock}){_plus(-offset)})"


def _plus(offset: int) -> str:
    return "" if offset == 0 else f" + ({offset})"


def floor_div(value: str, divisor: int) -> str:
    """Integer division rounding down; the kernel's own rounds towards zero."""
    return let(value, lambda v: f"(({v} - (({v} % {divisor}) + {divisor}) % {divisor}) // {divisor})")
