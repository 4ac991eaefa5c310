"""Config: what `spark.conf` asks and sets."""

from __future__ import annotations

from headrace_driver.connect.conf import SessionConf, is_modifiable, warning
from headrace_driver.connect.protocol import Proto
from headrace_driver.connect.refused_settings import is_refusal
from headrace_driver.errors import ErrorKind, SparkError


def configure(conf: SessionConf, operation: Proto, response: Proto) -> None:
    """Does one operation and adds its answers to the response."""
    kind = operation.WhichOneof("op_type")
    if kind is None:
        raise SparkError("", " not supported.", {}, sql_state="", kind=ErrorKind.UNSUPPORTED_OPERATION)
    message = getattr(operation, kind)
    match kind:
        case "set":
            for pair in message.pairs:
                _set(conf, pair, message.silent, response)
        case "get":
            for key in message.keys:
                _answer(response, key, conf.get(key))
        case "get_option":
            for key in message.keys:
                _answer(response, key, conf.get_option(key))
        case "get_with_default":
            for pair in message.pairs:
                default = pair.value if pair.HasField("value") else None
                _answer(response, pair.key, conf.get_with_default(pair.key, default))
        case "get_all":
            for key, value in conf.all().items():
                if key.startswith(message.prefix):
                    _answer(response, key[len(message.prefix) :], value)
        case "unset":
            for key in message.keys:
                conf.unset(key)
                _warn(response, key)
        case "is_modifiable":
            for key in message.keys:
                _answer(response, key, "true" if is_modifiable(key) else "false")


def _set(conf: SessionConf, pair: Proto, silent: bool, response: Proto) -> None:
    try:
        if not pair.HasField("value"):
            raise SparkError(
                "",
                f"requirement failed: value cannot be null for key: {pair.key}",
                {},
                sql_state="",
                kind=ErrorKind.JAVA_ILLEGAL_ARGUMENT,
            )
        conf.set(pair.key, pair.value)
    except SparkError as error:
        if not silent or is_refusal(error):
            raise
        shown = f"Some({pair.value})" if pair.HasField("value") else "None"
        response.warnings.append(f"Failed to set {pair.key} to {shown} due to {error}")
    _warn(response, pair.key)


def _answer(response: Proto, key: str, value: str | None) -> None:
    pair = response.pairs.add(key=key)
    if value is not None:
        pair.value = value
    _warn(response, key)


def _warn(response: Proto, key: str) -> None:
    text = warning(key)
    if text is not None:
        response.warnings.append(text)
