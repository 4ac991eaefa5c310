"""The `headrace` command. Commands load when they are used, so that `headrace --help` needs none of their libraries."""

from __future__ import annotations

import importlib
import io
import sys
import traceback
from typing import Any

import click

from headrace.errors import ExitCode, HeadraceError

_COMMANDS = {
    "driver": ("daemons:driver", "Start a driver: it takes queries and places tasks."),
    "worker": ("daemons:worker", "Start a worker and join it to a driver."),
    "local": ("local:local", "Start a driver and workers as processes on this machine."),
    "sql": ("queries:sql", "Run SQL and print its rows."),
    "submit": ("queries:submit", "Run a Python application next to the driver."),
    "jobs": ("jobs:jobs", "List jobs."),
    "job": ("jobs:job", "Show one job: stages, tasks, plan."),
    "cancel": ("jobs:cancel", "Cancel a job."),
    "workers": ("workers:workers", "Show the workers, live with --watch."),
    "version": ("version:show_version", "Print the versions that have to match in a cluster."),
}
"""Each command's module below `headrace.commands` and function there, and its one-line help."""

_EPILOG = """\
\b
Exit codes:
    0  done
    1  the query, the job or the cluster failed
    2  a flag, a setting or an argument is wrong
   66  there is no such job or file
   69  no driver answers at the address
   70  a fault of Headrace itself
   73  the address or port cannot be had
   77  credentials are missing or wrong
  130  interrupted
`headrace submit` ends with the application's own exit code.

Every flag is also a HEADRACE_… variable and a key of headrace.toml: docs/reference-settings.md lists them.
"""


class _LazyGroup(click.Group):
    """A group that knows its commands' one-line helps and imports a command's module when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, _, function = _COMMANDS[cmd_name][0].partition(":")
        command = getattr(importlib.import_module(f"headrace.commands.{module}"), function)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write("\n" + _EPILOG.replace("\b\n", ""))


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
def headrace() -> None:
    """Headrace: Spark's engine without the JVM.

    A driver and its workers run unmodified PySpark and SQL. Connect with
    SparkSession.builder.remote("sc://HOST:PORT"), or use the commands below.
    """


def main(arguments: list[str] | None = None) -> None:
    """Runs the command line and ends the process with one of `ExitCode`."""
    sys.exit(run(arguments))


def run(arguments: list[str] | None = None) -> int:
    """Runs the command line and returns its exit code. (A reader that leaves, as in `headrace jobs | head`, ends it
    with 1: click sees to that.)"""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that cannot show a character shows a mark instead.
            stream.reconfigure(errors="replace")
    try:
        result: Any = headrace.main(args=arguments, prog_name="headrace", standalone_mode=False)
    except HeadraceError as error:
        click.echo(f"headrace: {str(error).strip()}", err=True)
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return ExitCode.USAGE if isinstance(error, click.UsageError) else ExitCode.FAILED
    except (click.Abort, KeyboardInterrupt):
        return ExitCode.INTERRUPTED
    except Exception:  # noqa: BLE001 - whatever it is, nobody has foreseen it
        traceback.print_exc()
        click.echo("headrace: This is a fault of Headrace itself; please report it with the lines above.", err=True)
        return ExitCode.INTERNAL
    return result if isinstance(result, int) else ExitCode.OK


if __name__ == "__main__":
    main()
