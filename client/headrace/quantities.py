"""Bytes, durations and moments as people read them."""

from __future__ import annotations

from datetime import datetime


def byte_text(size_bytes: float) -> str:
    """1536 is `1.5 KiB`."""
    if size_bytes < 1024:
        return f"{size_bytes:.0f} B"
    for unit in ("KiB", "MiB", "GiB", "TiB"):
        size_bytes /= 1024
        if size_bytes < 1024 or unit == "TiB":
            break
    return f"{size_bytes:.1f} {unit}"


def duration_text(duration_us: int) -> str:
    """1500000 is `1.50 s`."""
    if duration_us < 1_000:
        return f"{duration_us} µs"
    if duration_us < 1_000_000:
        return f"{duration_us / 1_000:.1f} ms"
    if duration_us < 120_000_000:
        return f"{duration_us / 1_000_000:.2f} s"
    minutes, rest = divmod(duration_us // 1_000_000, 60)
    return f"{minutes} min {rest} s"


def time_text(moment_us: int) -> str:
    """Local time of microseconds since the epoch; empty for 0."""
    return datetime.fromtimestamp(moment_us / 1e6).strftime("%Y-%m-%d %H:%M:%S") if moment_us else ""
