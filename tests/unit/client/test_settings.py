"""Settings: what texts mean, which source wins, what is told of a wrong value, and the page written from them."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace.errors import SettingError
from headrace.settings import format_duration, format_size, page, parse_size, registry, resolve
from headrace.settings.kinds import parse_duration, parse_named_directory

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def no_files_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def elsewhere(tmp_path: Path, **more: str) -> dict[str, str]:
    return {"XDG_CONFIG_HOME": str(tmp_path / "none"), **more}


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [("0", 0), ("512m", 512 << 20), ("8g", 8 << 30), ("1.5GiB", 3 << 29), ("10 kb", 10240), ("2T", 2 << 40)],
)
def test_sizes(text: str, size_bytes: int) -> None:
    assert parse_size(text) == size_bytes
    assert parse_size(format_size(size_bytes)) == size_bytes


@pytest.mark.parametrize("text", ["", "g", "8x", "-1g", "8 gigs", "1e3"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ValueError, match="for example 512m or 8g"):
        parse_size(text)


@pytest.mark.parametrize(("text", "duration_s"), [("250ms", 0.25), ("10", 10), ("90s", 90), ("5m", 300), ("2h", 7200)])
def test_durations(text: str, duration_s: float) -> None:
    assert parse_duration(text) == duration_s
    assert parse_duration(format_duration(duration_s)) == duration_s


@pytest.mark.parametrize("text", ["500ms", "0", "366d"])
def test_a_duration_out_of_bounds_is_refused_with_the_bounds(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingError, match="is not between 1s and 365d"):
        resolve({"driver.session_timeout": text}, elsewhere(tmp_path))


@pytest.mark.parametrize("text", ["logs", "=x", "logs=", "my logs=/x", "1a=/x"])
def test_a_data_directory_needs_a_table_name(text: str) -> None:
    with pytest.raises(ValueError, match="NAME=DIR"):
        parse_named_directory(text)


def test_flag_beats_variable_beats_file_beats_default(tmp_path: Path) -> None:
    file = tmp_path / "headrace.toml"
    file.write_text('[driver]\nlisten_port = 1\nhttp_port = 1\nstop_grace = "7s"\n')
    environment = elsewhere(tmp_path, HEADRACE_DRIVER_LISTEN_PORT="2", HEADRACE_DRIVER_HTTP_PORT="2")
    settings = resolve({"driver.listen_port": "3"}, environment)
    assert settings.get(registry.DRIVER_LISTEN_PORT) == 3
    assert settings.get(registry.DRIVER_HTTP_PORT) == 2
    assert settings.get(registry.DRIVER_STOP_GRACE) == 7
    assert settings.get(registry.DRIVER_LISTEN_HOST) == "127.0.0.1"
    assert [settings.source(setting) for setting in (registry.DRIVER_LISTEN_PORT, registry.DRIVER_HTTP_PORT)] == [
        "--port",
        "HEADRACE_DRIVER_HTTP_PORT",
    ]


def test_the_named_file_beats_the_one_in_the_folder_beats_the_one_at_home(tmp_path: Path) -> None:
    home = tmp_path / "home" / "headrace"
    home.mkdir(parents=True)
    (home / "config.toml").write_text("[local]\nworkers = 1\n")
    environment = {"XDG_CONFIG_HOME": str(home.parent)}
    assert resolve({}, environment).get(registry.LOCAL_WORKERS) == 1
    (tmp_path / "headrace.toml").write_text("[local]\nworkers = 2\n")
    assert resolve({}, environment).get(registry.LOCAL_WORKERS) == 2
    (tmp_path / "other.toml").write_text("[local]\nworkers = 3\n")
    environment["HEADRACE_CONFIG"] = str(tmp_path / "other.toml")
    assert resolve({}, environment).get(registry.LOCAL_WORKERS) == 3
    (tmp_path / "flag.toml").write_text("[local]\nworkers = 4\n")
    assert resolve({}, environment, tmp_path / "flag.toml").get(registry.LOCAL_WORKERS) == 4


def test_lists_from_flags_variables_and_files(tmp_path: Path) -> None:
    expected = (("a", Path("/x")), ("b", Path("/y")))
    assert resolve({"worker.data": ("a=/x", "b=/y")}, elsewhere(tmp_path)).get(registry.WORKER_DATA) == expected
    variable = elsewhere(tmp_path, HEADRACE_WORKER_DATA="a=/x,b=/y")
    assert resolve({}, variable).get(registry.WORKER_DATA) == expected
    (tmp_path / "headrace.toml").write_text('[worker]\ndata = ["a=/x", "b=/y"]\ndirectories = ["/with,comma"]\n')
    settings = resolve({}, elsewhere(tmp_path))
    assert settings.get(registry.WORKER_DATA) == expected
    assert settings.get(registry.WORKER_DIRECTORIES) == (Path("/with,comma"),)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[driver]\nlisten_prot = 1\n", "there is no setting driver.listen_prot. Did you mean driver.listen_port?"),
        ("port = 1\n", "port stands outside a table"),
        ("[driver]\nlisten_port = 70000\n", "70000 is not between 0 and 65535"),
        ('[worker]\nmemory = "lots"\n', "'lots' is not a size"),
        ('[worker]\ndata = "a=/x"\n', "write an array"),
        ("[driver\n", "cannot be read"),
    ],
)
def test_a_wrong_file_is_an_error_that_names_it(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "headrace.toml").write_text(content)
    with pytest.raises(SettingError, match=r"headrace\.toml") as caught:
        resolve({}, elsewhere(tmp_path))
    assert message in str(caught.value)


def test_a_wrong_value_names_its_source_and_secrets_are_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"worker.memory \(from HEADRACE_WORKER_MEMORY\): '8x' is not a size"):
        resolve({}, elsewhere(tmp_path, HEADRACE_WORKER_MEMORY="8x"))
    with pytest.raises(SettingError, match=r"worker.cores \(from --cores\)"):
        resolve({"worker.cores": "none"}, elsewhere(tmp_path))


def test_the_reference_page_is_the_one_the_registry_writes() -> None:
    """Run `python -m headrace.settings.page docs/reference-settings.md` after a change of the registry."""
    assert (ROOT / "docs" / "reference-settings.md").read_text(encoding="utf-8") == page.render()


def test_no_variable_is_one_that_kubernetes_makes_for_a_service() -> None:
    made = ("_SERVICE_HOST", "_SERVICE_PORT")
    names = [setting.variable for setting in registry.REGISTRY.values()]
    services = {f"HEADRACE_{service}_PORT" for service in ("DRIVER", "WORKER", "LOCAL")} | {"HEADRACE_PORT"}
    assert not [name for name in names if name in services or name.endswith(made)]


def test_a_user_without_a_home_has_no_file_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def homeless(_: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Path, "expanduser", homeless)
    assert not resolve({}, {}).sources
    with pytest.raises(SettingError, match="could not determine home directory"):
        resolve({"driver.directory": "~nobody/headrace"}, {})
