"""The command line without a cluster: helps, wrong use, exit codes."""

from __future__ import annotations

import socket
from pathlib import Path

import click
import pytest

from headrace import cli
from headrace.commands.tables import show, table
from headrace.errors import ExitCode
from headrace.quantities import byte_text, duration_text


def commands() -> list[str]:
    return list(cli._COMMANDS)


@pytest.mark.parametrize("command", [[], *[[name] for name in commands()]])
def test_help_of_everything(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run([*command, "--help"]) == ExitCode.OK
    assert "Usage: headrace" in capsys.readouterr().out


def test_the_groups_help_says_of_each_command_what_its_own_help_says() -> None:
    for name, (place, text) in cli._COMMANDS.items():
        command = cli.headrace.get_command(click.Context(cli.headrace), name)
        assert command is not None, place
        assert (command.help or "").startswith(text.split(",")[0].split(":")[0].rstrip(".")), name


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing"], "No such command"),
        (["driver", "--port", "many"], "'many' is not a whole number"),
        (["driver", "--config", "/nonexistent.toml"], "does not exist"),
        (["driver", "--tls-cert", "/nonexistent.pem", "--tls-key", "/k"], "there is no file /nonexistent.pem"),
        (["job", "x"], "not a valid integer"),
        (["jobs", "--driver", "nowhere"], "is not HOST:PORT"),
        (["sql", "SELECT 1", "--conf", "x"], "is not NAME=VALUE"),
        (["sql", "SELECT 1", "--json", "--csv"], "exclude each other"),
        (["sql", "SELECT '\udcff'"], "not UTF-8"),
        (["job", "-1"], "No such option"),
        (["job", "--", "-1"], "-1 is not in the range"),
        (["cancel", "99999999999999999999"], "not in the range"),
        (["jobs", "--limit", "-3"], "-3 is not in the range"),
    ],
)
def test_wrong_use_ends_with_two_and_says_why(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(arguments) == ExitCode.USAGE
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["submit", "/nonexistent.py"], ["sql", "@/nonexistent.sql"]])
def test_a_file_that_is_not_there(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(arguments) == ExitCode.NOT_FOUND
    assert f"{arguments[1].lstrip('@')} cannot be read: No such file or directory." in capsys.readouterr().err


def test_a_fault_of_our_own_says_so(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("out of order")

    monkeypatch.setattr("headrace.jobs.JobsClient.list_jobs", broken)
    assert cli.run(["jobs"]) == ExitCode.INTERNAL
    shown = capsys.readouterr().err
    assert "RuntimeError: out of order" in shown
    assert "a fault of Headrace itself" in shown


@pytest.mark.parametrize("arguments", [["jobs"], ["job", "1"], ["cancel", "1"], ["workers"], ["sql", "SELECT 1"]])
def test_no_driver_there(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
        assert cli.run([*arguments, "--driver", address]) == ExitCode.UNREACHABLE
    assert f"No driver answers at {address}" in capsys.readouterr().err


def test_listening_to_everybody_is_refused(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HEADRACE_TOKEN", "HEADRACE_JOIN_SECRET"):
        monkeypatch.delenv(name, raising=False)
    assert cli.run(["driver", "--host", "0.0.0.0", "--port", "0", "--http-port", "0"]) == ExitCode.REFUSED
    assert "HEADRACE_TOKEN" in capsys.readouterr().err


def test_a_port_in_use_names_the_fix(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert cli.run(["driver", "--port", port, "--http-port", "0"]) == ExitCode.CANNOT_LISTEN
        error = capsys.readouterr().err
        assert f"Port {port} on 127.0.0.1 is in use" in error
        assert "--port 0" in error
        assert cli.run(["driver", "--port", "0", "--http-port", port]) == ExitCode.CANNOT_LISTEN
        assert "--http-port 0" in capsys.readouterr().err


def test_an_address_of_another_machine(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["driver", "--host", "192.0.2.1", "--insecure", "--port", "0"]) == ExitCode.CANNOT_LISTEN
    assert "192.0.2.1 is no address of this machine" in capsys.readouterr().err


def test_a_narrow_terminal_gets_the_columns_that_fit_whole(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [("w1", "10.0.0.1:15002", "7"), ("w2", "10.0.0.2:15002", "12")]
    for width, spare, shown in (
        (0, ("address",), ["worker   address          done"]),
        (30, ("address",), ["worker   address          done"]),
        (29, ("address",), ["worker   done", "No room for: address. A wider terminal and --json show them."]),
        (3, (), ["worker   address          done"]),
    ):
        show(table(("worker", "address", ">done"), rows, width, spare))
        lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
        assert [lines[0], *lines[4:]] == shown
        assert lines[3].split()[-1] == "12"


def test_a_long_value_is_not_cut(capsys: pytest.CaptureFixture[str]) -> None:
    show(table(("text",), [("x" * 30_000,)]))
    assert "x" * 30_000 in capsys.readouterr().out


def test_numbers_for_people() -> None:
    assert [byte_text(size) for size in (0, 1023, 1536, 5 << 30, 3 << 50)] == [
        "0 B",
        "1023 B",
        "1.5 KiB",
        "5.0 GiB",
        "3072.0 TiB",
    ]
    assert [duration_text(us) for us in (900, 1_500, 2_500_000, 150_000_000)] == [
        "900 µs",
        "1.5 ms",
        "2.50 s",
        "2 min 30 s",
    ]


@pytest.mark.parametrize("flag", ["--dir", "--journal"])
def test_a_directory_that_cannot_be_made(flag: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    wanted = str(tmp_path / "file" / "below")
    assert cli.run(["driver", "--port", "0", "--http-port", "0", flag, wanted]) == ExitCode.FAILED
    shown = capsys.readouterr().err
    assert f"{wanted}" in shown
    assert "cannot be used: Not a directory." in shown
    assert "Traceback" not in shown
