"""Where a setting's value comes from: flag, else variable, else TOML file, else default."""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from headrace.errors import SettingError
from headrace.settings.kinds import Kind
from headrace.settings.registry import REGISTRY, Setting

T = TypeVar("T")

CONFIG_VARIABLE = "HEADRACE_CONFIG"


@dataclass(frozen=True, slots=True)
class Settings:
    """The values of one process; `get` is typed by the setting asked for. Sources are texts for people."""

    values: Mapping[str, Any]
    sources: Mapping[str, str]

    def get(self, setting: Setting[T]) -> T:
        """The value of `setting`, its default where nobody has set it."""
        value: T = self.values.get(setting.name, setting.default)
        return value

    def is_set(self, setting: Setting[Any]) -> bool:
        """Whether somebody has set it, be it to the default."""
        return setting.name in self.values

    def source(self, setting: Setting[Any]) -> str:
        """Who has set it, as an error message would say: `--port`, `HEADRACE_TOKEN`, `headrace.toml`, `default`."""
        return self.sources.get(setting.name, "default")


def resolve(
    flags: Mapping[str, Any],
    environment: Mapping[str, str] = os.environ,
    config: Path | None = None,
) -> Settings:
    """The settings of this process.

    `flags` maps setting names to the texts of the command line (a tuple of texts for lists, a bool for switches); None
    and () mean not given. `config` is the file of `--config`; without one the first of `$HEADRACE_CONFIG`,
    `./headrace.toml` and `~/.config/headrace/config.toml` that exists is read.
    """
    for name in flags:
        _check_name(name, "")
    path = _config_path(config, environment)
    table = _read_config(path) if path is not None else {}
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for setting in REGISTRY.values():
        given = flags.get(setting.name)
        if given is not None and given != ():
            sources[setting.name] = setting.flag
            values[setting.name] = _from_flag(setting, given)
        elif setting.variable in environment:
            sources[setting.name] = setting.variable
            values[setting.name] = _parse(setting, environment[setting.variable], setting.variable)
        elif setting.name in table:
            sources[setting.name] = str(path)
            values[setting.name] = _from_toml(setting, table[setting.name], str(path))
    return Settings(values, sources)


def from_flags(flags: Mapping[str, Any]) -> Settings:
    """Settings another process has resolved, by name; this one's environment and files do not count."""
    given = {REGISTRY[name]: value for name, value in flags.items()}
    return Settings({setting.name: _from_flag(setting, value) for setting, value in given.items()}, {})


def _config_path(config: Path | None, environment: Mapping[str, str]) -> Path | None:
    named = config or (Path(environment[CONFIG_VARIABLE]) if environment.get(CONFIG_VARIABLE) else None)
    if named is not None:
        if not named.is_file():
            raise SettingError(f"The configuration file {named} does not exist.")
        return named
    candidates = [Path("headrace.toml")]
    # A user whom the system does not know, as in many containers, has no home.
    with suppress(RuntimeError):
        home = Path(environment.get("XDG_CONFIG_HOME") or Path("~/.config").expanduser())
        candidates.append(home / "headrace" / "config.toml")
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    return None


def _read_config(path: Path) -> dict[str, Any]:
    """The file as a flat mapping of setting names. An unknown key is an error: it would be a setting with no effect."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingError(f"The configuration file {path} cannot be read: {error}.") from error
    flat: dict[str, Any] = {}
    for section, content in document.items():
        if not isinstance(content, dict):
            raise SettingError(f"{path}: {section} stands outside a table; settings belong in [driver], [worker], ….")
        for key, value in content.items():
            name = f"{section}.{key}"
            _check_name(name, f"{path}: ")
            flat[name] = value
    return flat


def _check_name(name: str, where: str) -> None:
    if name not in REGISTRY:
        close = difflib.get_close_matches(name, REGISTRY, n=1)
        hint = f"Did you mean {close[0]}?" if close else "docs/reference-settings.md lists them all."
        raise SettingError(f"{where}there is no setting {name}. {hint}")


def _parse(setting: Setting[T], text: str, source: str) -> T:
    return _parse_as(setting.kind, setting, text, source)


def _items(setting: Setting[Any], items: Iterable[Any], source: str) -> tuple[Any, ...]:
    """A list given item by item, where a comma is a part of the value."""
    assert setting.kind.item is not None
    return tuple(_parse_as(setting.kind.item, setting, str(item), source) for item in items)


def _parse_as(kind: Kind[T], setting: Setting[Any], text: str, source: str) -> T:
    try:
        return kind.parse(text)
    except ValueError as error:
        detail = "its value is not valid" if setting.secret else str(error)
        raise SettingError(f"{setting.name} (from {source}): {detail}.") from None


def _from_flag(setting: Setting[Any], given: Any) -> Any:
    if isinstance(given, bool):
        return given
    if isinstance(given, tuple):
        return _items(setting, given, setting.flag)
    return _parse(setting, str(given), setting.flag)


def _from_toml(setting: Setting[Any], value: Any, source: str) -> Any:
    """TOML knows numbers and booleans, so these need not be quoted; sizes and durations may be either."""
    if setting.kind.item is not None:
        if not isinstance(value, list):
            raise SettingError(f"{setting.name} (from {source}): write an array, like [{setting.kind.example!r}].")
        return _items(setting, value, source)
    if isinstance(value, list | dict):
        raise SettingError(f"{setting.name} (from {source}): expected one {setting.kind.name}.")
    return _parse(setting, str(value), source)
