"""Who may call, and where a daemon may listen: the rules without any socket."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from headrace.errors import RefusedError, SettingError
from headrace.security import (
    Role,
    Security,
    check_may_listen,
    from_settings,
    is_authorized,
    is_loopback,
    required_role,
)
from headrace.settings import resolve

NOWHERE = {"XDG_CONFIG_HOME": "/nonexistent"}


@pytest.mark.parametrize(
    ("method", "role"),
    [
        ("/spark.connect.SparkConnectService/ExecutePlan", Role.CLIENT),
        ("/headrace.v1.Jobs/ListJobs", Role.CLIENT),
        ("/headrace.v1.Cluster/Attach", Role.WORKER),
        ("/headrace.v1.Blocks/Fetch", Role.WORKER),
        ("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", Role.CLIENT),
        ("/no.such.Service/Method", Role.CLIENT),
        ("/grpc.health.v1.Health/Check", None),
        ("/grpc.health.v1.Healthy/Check", Role.CLIENT),
        ("", Role.CLIENT),
    ],
)
def test_every_method_needs_a_role_but_health(method: str, role: Role | None) -> None:
    assert required_role(method) is role


def test_one_secret_alone_serves_both_roles_and_two_do_not_mix() -> None:
    alone = Security(token="t")
    assert [alone.secret_of(role) for role in Role] == ["t", "t"]
    joined = Security(join_secret="j")
    assert [joined.secret_of(role) for role in Role] == ["j", "j"]
    both = Security(token="t", join_secret="j")
    assert is_authorized(both, Role.CLIENT, ["Bearer t"])
    assert not is_authorized(both, Role.WORKER, ["Bearer t"])
    assert is_authorized(both, Role.WORKER, ["Bearer j"])
    assert not is_authorized(both, Role.CLIENT, ["Bearer j"])


@pytest.mark.parametrize(
    "shown", [[], [""], ["t"], ["Bearer"], ["Bearer "], ["Bearer tt"], ["Basic t"], ["Bearer T"], [b"Bearer \xff"]]
)
def test_what_does_not_authorize(shown: list[str | bytes]) -> None:
    assert not is_authorized(Security(token="t"), Role.CLIENT, shown)


def test_what_authorizes() -> None:
    assert is_authorized(Security(token="t"), Role.CLIENT, ["Bearer t"])
    assert is_authorized(Security(token="t"), Role.CLIENT, [b"bearer t"])
    assert is_authorized(Security(token="t"), Role.CLIENT, ["Bearer x", "Bearer t"])
    assert is_authorized(Security(), Role.CLIENT, [])


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.0.1", True),
        ("::1", True),
        ("[::1]", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("no such host", False),
    ],
)
def test_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


@pytest.mark.parametrize("role", Role)
def test_an_open_address_needs_credentials(role: Role, tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="--insecure") as caught:
        check_may_listen("0.0.0.0", Security(), role)
    assert "HEADRACE_JOIN_SECRET" in str(caught.value)
    certificate: dict[str, Any] = {"tls_cert": tmp_path, "tls_key": tmp_path}
    with pytest.raises(RefusedError):
        check_may_listen("0.0.0.0", Security(**certificate), role)
    check_may_listen("127.0.0.1", Security(), role)
    check_may_listen("0.0.0.0", Security(insecure=True), role)
    check_may_listen("0.0.0.0", Security(token="t"), role)
    check_may_listen("0.0.0.0", Security(tls_ca=tmp_path, require_client_cert=True, **certificate), role)


def test_secrets_are_not_in_the_repr() -> None:
    assert "hush" not in repr(Security(token="hush", join_secret="hush"))


def test_half_of_tls_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="--tls-key"):
        Security(tls_cert=tmp_path)
    with pytest.raises(SettingError, match="--tls-ca"):
        Security(tls_cert=tmp_path, tls_key=tmp_path, require_client_cert=True)


def test_secrets_come_from_files_and_the_value_beats_the_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("from-file\n")
    environment = {**NOWHERE, "HEADRACE_TOKEN_FILE": str(file)}
    assert from_settings(resolve({}, environment)).token == "from-file"
    assert from_settings(resolve({"security.token": "given"}, environment)).token == "given"
    file.write_text("\n")
    with pytest.raises(SettingError, match="is empty"):
        from_settings(resolve({}, environment))
    with pytest.raises(SettingError, match="cannot be read"):
        from_settings(resolve({"security.token_file": str(tmp_path / "none")}, NOWHERE))
    with pytest.raises(SettingError, match="visible ASCII"):
        from_settings(resolve({"security.join_secret": "two words"}, NOWHERE))
