"""Driver addresses: every form people write, and back to PySpark's URL."""

from __future__ import annotations

import pytest

from headrace.address import DriverAddress
from headrace.errors import SettingError
from headrace.security import Security


@pytest.mark.parametrize(
    ("text", "target", "url"),
    [
        ("10.0.0.1:1234", "10.0.0.1:1234", "sc://10.0.0.1:1234"),
        ("driver", "driver:15002", "sc://driver:15002"),
        ("sc://driver:1", "driver:1", "sc://driver:1"),
        ("sc://driver:1/", "driver:1", "sc://driver:1"),
        ("[::1]:1", "[::1]:1", "sc://[::1]:1"),
        ("sc://h:1/;use_ssl=true;token=a%20b", "h:1", "sc://h:1/;use_ssl=true;token=a%20b"),
    ],
)
def test_forms(text: str, target: str, url: str) -> None:
    address = DriverAddress.parse(text)
    assert (address.target, address.url) == (target, url)
    assert DriverAddress.parse(url) == address


@pytest.mark.parametrize("text", ["", "sc://", "host:port", "host:99999", "sc://h:1/;token", ":15002"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(SettingError):
        DriverAddress.parse(text)


def test_the_token_of_the_url_is_the_nearer_one() -> None:
    security = Security(token="general")
    assert DriverAddress.parse("sc://h:1/;token=own").with_credentials(security).token == "own"
    assert DriverAddress.parse("sc://h:1").with_credentials(security) is security
