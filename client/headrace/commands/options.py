"""Turns settings of the registry into command line options, and the options given into resolved settings."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from headrace.settings import Setting, Settings, resolve
from headrace.settings.kinds import SWITCH
from headrace.settings.page import default_text

if TYPE_CHECKING:
    from headrace.jobs import JobsClient

F = TypeVar("F", bound=Callable[..., Any])


def with_settings(*settings: Setting[Any]) -> Callable[[F], Callable[..., Any]]:
    """Gives a command the flags of `settings` and `--config`, and passes it `settings: Settings`."""

    def decorate(command: F) -> Callable[..., Any]:
        @functools.wraps(command)
        def wrapped(config: str | None, **arguments: Any) -> Any:
            flags = {setting.name: arguments.pop(_parameter(setting)) for setting in settings}
            resolved = resolve(flags, config=Path(config) if config else None)
            return command(settings=resolved, **arguments)

        decorated: Callable[..., Any] = click.option(
            "--config", metavar="FILE", help="TOML file with settings. [env: HEADRACE_CONFIG]"
        )(wrapped)
        for setting in reversed(settings):
            decorated = _option(setting)(decorated)
        return decorated

    return decorate


def _option(setting: Setting[Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Values stay text here: `resolve` parses them as it parses variables, with the same messages."""
    default = default_text(setting)
    notes = f"env: {setting.variable}" + (f"; default: {default}" if default else "")
    help_text = f"{setting.doc} [{notes}]"
    if setting.kind is SWITCH:
        return click.option(
            setting.flag + "/--no-" + setting.flag.removeprefix("--"), _parameter(setting), default=None, help=help_text
        )
    return click.option(
        setting.flag,
        _parameter(setting),
        metavar=_metavar(setting),
        multiple=setting.kind.item is not None,
        help=help_text,
    )


def _parameter(setting: Setting[Any]) -> str:
    return setting.name.replace(".", "_")


def _metavar(setting: Setting[Any]) -> str:
    kind = setting.kind.item or setting.kind
    name = kind.name.partition(" from")[0]
    return name if "=" in name else name.upper().replace(" OR ", "|").replace("ADDRESS", "HOST:PORT")


def client_of(settings: Settings) -> JobsClient:
    """A `JobsClient` for the driver the settings name."""
    from headrace.jobs import JobsClient
    from headrace.security import from_settings
    from headrace.settings import registry

    return JobsClient(settings.get(registry.CLUSTER_DRIVER), security=from_settings(settings))
