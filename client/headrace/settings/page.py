"""Writes the reference page from the registry: `python -m headrace.settings.page docs/reference-settings.md`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from headrace.settings.kinds import format_duration, format_size
from headrace.settings.registry import REGISTRY, Setting

_INTRODUCTION = """\
# Settings

Written by `python -m headrace.settings.page docs/reference-settings.md` from the registry in
`client/headrace/settings/registry.py`; a test fails when the two differ.

A value comes from the first of these that has one:

1. the flag on the command line,
2. the environment variable,
3. the TOML file: the one named by `--config` or `HEADRACE_CONFIG`, else `./headrace.toml`, else
   `~/.config/headrace/config.toml`; a setting `driver.listen_port` is the key `listen_port` in the table `[driver]`,
4. the default.

Sizes are bytes or a number with `k`, `m`, `g`, `t` (powers of 1024); durations are seconds or a number with `ms`, `s`,
`m`, `h`, `d`; switches are `true` or `false`. Lists repeat the flag, are comma-separated in a variable and arrays in
TOML. An unknown key in the file is an error.
"""

_SECTIONS = {
    "cluster": ("Cluster", "Read by `headrace worker` and by every command that talks to a driver."),
    "driver": ("Driver", "Read by `headrace driver`."),
    "worker": ("Worker", "Read by `headrace worker`."),
    "local": ("Local cluster", "Read by `headrace local`, `headrace.connect()` and `headrace.LocalCluster`."),
    "security": (
        "Security",
        (
            "Read by the daemons and, as far as they apply, by clients. On loopback addresses none is needed. Once a "
            "token or a secret is set, every call of every service needs one; only health checks are answered without."
        ),
    ),
    "log": ("Log", "Read by the daemons."),
}


def render() -> str:
    """The whole page."""
    parts = [_INTRODUCTION]
    for section, (title, introduction) in _SECTIONS.items():
        parts.append(f"\n## {title}\n\n{introduction}\n")
        parts += [_entry(setting) for setting in REGISTRY.values() if setting.section == section]
    return "".join(parts)


def default_text(setting: Setting[Any]) -> str:
    """The default as the page and `--help` show it; empty where there is none worth showing."""
    if setting.default_doc:
        return setting.default_doc
    value = setting.default
    if value is None or value in ("", ()):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if setting.kind.name == "size":
        return format_size(int(value))
    if setting.kind.name.startswith("duration"):
        return format_duration(float(value))
    return str(value)


def _entry(setting: Setting[Any]) -> str:
    default = default_text(setting) or "none"
    shown = default if setting.default_doc or default == "none" else f"`{default}`"
    example = f", for example `{setting.kind.example}`" if setting.kind.example else ""
    return (
        f"\n### `{setting.name}`\n\n{setting.doc}\n\n"
        f"- Flag `{setting.flag}`, variable `{setting.variable}`\n"
        f"- Type: {setting.kind.name}{example}\n"
        f"- Default: {shown}\n"
    )


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(render(), encoding="utf-8")
