"""What the client says where its TLS and the driver's do not fit, against servers that answer nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
import trustme

from headrace.errors import RefusedError, SettingError
from headrace.jobs import JobsClient
from headrace.security import Security, from_settings
from headrace.settings import resolve
from headrace.transport import server_credentials


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """own.pem and own.key are of the authority in ca.pem, other.pem and other.key of the one in other-ca.pem."""
    directory = tmp_path_factory.mktemp("tls")
    for name, authority_name in (("own", "ca"), ("other", "other-ca")):
        authority = trustme.CA()
        authority.cert_pem.write_to_path(directory / f"{authority_name}.pem")
        issued = authority.issue_cert("127.0.0.1")
        issued.private_key_pem.write_to_path(directory / f"{name}.key")
        for blob in issued.cert_chain_pems:
            blob.write_to_path(directory / f"{name}.pem", append=True)
    return directory


def security(files: Path, own: str = "", ca: str = "", mutual: bool = False, name: str = "") -> Security:
    return Security(
        tls_cert=files / f"{own}.pem" if own else None,
        tls_key=files / f"{own}.key" if own else None,
        tls_ca=files / f"{ca}.pem" if ca else None,
        tls_server_name=name,
        require_client_cert=mutual,
    )


@contextmanager
def serving(offered: Security) -> Iterator[str]:
    server = grpc.server(ThreadPoolExecutor(1))
    credentials = server_credentials(offered)
    address = "127.0.0.1:0"
    port = server.add_secure_port(address, credentials) if credentials else server.add_insecure_port(address)
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None)


def refusal(address: str, shown: Security) -> str:
    with JobsClient(address, security=shown) as client, pytest.raises(RefusedError) as caught:
        client.list_jobs()
    return str(caught.value)


def test_one_of_both_does_not_speak_tls(files: Path) -> None:
    with serving(security(files, "own")) as address:
        assert "it speaks TLS, and this process does not" in refusal(address, Security())
    with serving(Security()) as address:
        assert "it does not speak TLS, and this process does" in refusal(address, security(files, ca="ca"))
        url = f"sc://{address}/;use_ssl=true"
        assert "it does not speak TLS, and this process does" in refusal(url, Security())


def test_certificates_that_are_not_trusted(files: Path) -> None:
    with serving(security(files, "own")) as address:
        assert "is not trusted (unable to get local issuer" in refusal(address, security(files, ca="other-ca"))
        assert "not valid for 'elsewhere'" in refusal(address, security(files, ca="ca", name="elsewhere"))


def test_mutual_tls_wants_a_certificate(files: Path) -> None:
    with serving(security(files, "own", "ca", mutual=True)) as address:
        for shown in (security(files, ca="ca"), security(files, "other", "ca")):
            assert "it wants a client certificate of its authority" in refusal(address, shown)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"tls_cert": "own.pem", "tls_key": "other.key"}, "are not a certificate and its private key"),
        ({"tls_cert": "own.key", "tls_key": "own.key"}, "are not a certificate and its private key"),
        ({"tls_ca": "own.key"}, "holds no certificates"),
    ],
)
def test_files_that_are_no_credentials_are_named(files: Path, flags: dict[str, str], message: str) -> None:
    given = {f"security.{name}": str(files / file) for name, file in flags.items()}
    with pytest.raises(SettingError, match=message):
        from_settings(resolve(given, {}))
