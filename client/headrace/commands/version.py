"""`headrace version`: the versions that have to match in a cluster."""

from __future__ import annotations

import json
import platform
from importlib.metadata import PackageNotFoundError, version

import click

_PACKAGES = ("headrace", "duckdb", "pyarrow", "grpcio", "pyspark-client")


@click.command("version")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def show_version(as_json: bool) -> None:
    """Print the versions that have to match in a cluster.

    Workers whose duckdb differs from the driver's are refused: both must hash keys alike.
    """
    versions = {name: _version(name) for name in _PACKAGES} | {"python": platform.python_version()}
    if as_json:
        click.echo(json.dumps(versions))
        return
    for name, text in versions.items():
        click.echo(f"{name} {text}")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
