"""Settings: one registry, and the values of this process from flags, variables, a TOML file and defaults."""

from headrace.settings.kinds import format_duration, format_size, parse_size
from headrace.settings.registry import REGISTRY, Setting
from headrace.settings.resolve import Settings, resolve

__all__ = ["REGISTRY", "Setting", "Settings", "format_duration", "format_size", "parse_size", "resolve"]
