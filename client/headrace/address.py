"""Driver addresses as people write them: `host:port`, or PySpark's `sc://host:port/;token=…;use_ssl=true`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from urllib.parse import quote, unquote, urlsplit

from headrace.errors import SettingError
from headrace.security import Security

DEFAULT_PORT = 15002
_SCHEME = "sc://"


def host_port(host: str, port: int) -> str:
    """`host:port`, with brackets around an IPv6 address."""
    bare = host.strip("[]")
    return f"[{bare}]:{port}" if ":" in bare else f"{bare}:{port}"


@dataclass(frozen=True, slots=True)
class DriverAddress:
    """Where a driver is, with the parameters of a Spark Connect URL."""

    host: str
    port: int
    parameters: dict[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> DriverAddress:
        """Reads `host:port`, `host` or a Spark Connect URL; raises SettingError."""
        rest = text.strip().removeprefix(_SCHEME)
        location, _, tail = rest.partition("/")
        parameters: dict[str, str] = {}
        for part in filter(None, tail.removeprefix(";").split(";")):
            key, separator, value = part.partition("=")
            if not separator or not key:
                raise SettingError(f"{text!r}: write parameters as ;NAME=VALUE, like sc://host:15002/;token=abc.")
            parameters[key] = unquote(value)
        try:
            split = urlsplit(f"//{location}")
            host, port = split.hostname, split.port
        except ValueError as error:
            raise SettingError(f"{text!r} is no address: {error}.") from error
        if not host:
            raise SettingError(f"{text!r} is no address; write HOST:PORT or sc://HOST:PORT.")
        return cls(host, DEFAULT_PORT if port is None else port, parameters)

    @property
    def target(self) -> str:
        """`host:port` for gRPC."""
        return host_port(self.host, self.port)

    @property
    def url(self) -> str:
        """The Spark Connect URL, as `SparkSession.builder.remote` takes it."""
        tail = "".join(f";{key}={quote(value, safe='')}" for key, value in self.parameters.items())
        return f"{_SCHEME}{self.target}" + (f"/{tail}" if tail else "")

    @property
    def wants_tls(self) -> bool:
        """Whether the URL asks for TLS, be it by the system's authorities."""
        return self.parameters.get("use_ssl", "").lower() == "true"

    def with_credentials(self, security: Security) -> Security:
        """`security` with the token of the URL, which is the nearer one."""
        token = self.parameters.get("token")
        return replace(security, token=token) if token else security
