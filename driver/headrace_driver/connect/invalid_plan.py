"""Errors about messages that no correct client sends, under the names Spark Connect has for them."""

from __future__ import annotations

from headrace_driver.errors import ErrorKind, SparkError


def invalid_plan(subclass: str, message: str, parameters: dict[str, str] | None = None) -> SparkError:
    """CONNECT_INVALID_PLAN.`subclass`."""
    return SparkError(
        f"CONNECT_INVALID_PLAN.{subclass}",
        f"The Spark Connect plan is invalid. {message}",
        parameters or {},
        sql_state="56K00",
        kind=ErrorKind.INVALID_PLAN,
    )


def oneof_not_set(message: str, name: str) -> SparkError:
    """A oneof without any field: the client sent nothing, or something newer than this protocol."""
    return invalid_plan(
        "INVALID_ONE_OF_FIELD_NOT_SET",
        f"This oneOf field in {message} is not set: {name}",
        {"fullName": message, "name": name},
    )


def field_not_set(message: str, name: str) -> SparkError:
    """A message that is required is missing."""
    return invalid_plan(
        "FIELD_NOT_SET",
        f"The field {name} of {message} is required and not set.",
        {"fullName": message, "name": name},
    )


def unknown_enum(message: str, name: str, value: int | str) -> SparkError:
    """An enum's value is unspecified or newer than this protocol."""
    return invalid_plan(
        "UNKNOWN_ENUM_VALUE",
        f"The field {name} of {message} has the unknown value {value}.",
        {"fullName": message, "name": name, "value": str(value)},
    )


def cannot_parse(detail: str) -> SparkError:
    """The octets of a request or plan are no message of the protocol."""
    return invalid_plan("CANNOT_PARSE", f"Cannot decompress or parse the input plan ({detail})", {"errorMsg": detail})


def too_deep() -> SparkError:
    """A plan that nests further than the driver's threads can follow."""
    return SparkError(
        "FAILED_TO_PARSE_TOO_COMPLEX",
        "The statement, including potential SQL functions and referenced views, was too complex to parse.\nTo mitigate "
        "this error divide the statement into multiple, less complex chunks.",
        {},
        sql_state="54001",
    )
