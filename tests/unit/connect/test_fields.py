"""No field of the protocol is accepted and ignored: each is read, refused by name, or written down as without effect.

`data/fields.json` says of every field that a client may set what becomes of it, and these tests find out whether it is
so, by setting it. A newer pyspark-client brings fields that are not in the file: read or refuse them, give them a case
in `field_cases` where need be, then write the file anew and give reasons for those without effect:

    python -m tests.unit.connect.test_fields
"""

from __future__ import annotations

import ast
import functools
import json
from collections.abc import Iterator
from pathlib import Path

from headrace_driver import connect
from headrace_driver.connect.protocol import base_pb2, commands_pb2, relations_pb2
from tests.unit.connect import fields
from tests.unit.connect.fields import IGNORED, READ, REFUSED, Key

_FILE = Path(__file__).parent / "data/fields.json"
_WHY = "no effect: "

_PLANS = (relations_pb2.Relation, commands_pb2.Command, base_pb2.AnalyzePlanRequest, base_pb2.ConfigRequest.Operation)
_REQUESTS = [method.input_type for method in base_pb2.DESCRIPTOR.services_by_name["SparkConnectService"].methods]
_SESSION_FIELDS = ("session_id", "client_observed_server_side_session_id", "user_context", "client_type")
"""What every request has, for the service rather than for what it asks."""


@functools.cache
def _table() -> dict[Key, str]:
    content = json.loads(_FILE.read_text("utf-8"))
    return {(message, field): fate for message, fates in content.items() for field, fate in fates.items()}


@functools.cache
def _found() -> dict[Key, str]:
    return {key: fate for key, fate in fields.found().items() if key[1] not in _SESSION_FIELDS}


@functools.cache
def _of_plans() -> frozenset[Key]:
    found = _found()
    keys = fields.reachable([kind.DESCRIPTOR for kind in _PLANS], lambda key: found.get(key) != READ)
    return frozenset(key for key in keys if key[1] not in _SESSION_FIELDS)


@functools.cache
def _of_requests() -> frozenset[Key]:
    """Fields of requests that are not below a plan, an analysis or a setting."""

    def is_below_others(key: Key) -> bool:
        message, field = key
        return message == "Plan" or key == ("ConfigRequest", "operation") or field in asked

    asked = {field.name for field in base_pb2.AnalyzePlanRequest.DESCRIPTOR.oneofs_by_name["analyze"].fields}
    keys = fields.reachable(_REQUESTS, is_below_others)
    return frozenset(key for key in keys if key[0] != "Plan" and key[1] not in asked)


def test_every_field_is_decided_on() -> None:
    assert set(_table()) == _of_plans() | _of_requests()


def test_plans_do_with_their_fields_what_is_written() -> None:
    found = _found()
    assert not _of_plans() - set(found), "no case in field_cases reaches these"
    written = {key: IGNORED if _table()[key].startswith(_WHY) else _table()[key] for key in _of_plans()}
    assert {key: found[key] for key in _of_plans()} == written


def test_requests_are_read_where_it_is_written() -> None:
    names = {*_names_read(), "release_all"}  # the other of two is asked for
    assert {key for key in _of_requests() if _table()[key] == READ and key[1] not in names} == set()


def test_what_has_no_effect_has_a_reason() -> None:
    for key, fate in _table().items():
        assert fate in (READ, REFUSED) or len(fate) > len(_WHY) + 10, key


def _names_read() -> Iterator[str]:
    """Attributes that the service's code asks for, by name or by text."""
    for path in Path(next(iter(connect.__path__))).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Attribute):
                yield node.attr
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def _write() -> None:
    """Writes the file: reasons stay, new fields without effect get an empty one."""
    before = _table() if _FILE.exists() else {}
    content: dict[str, dict[str, str]] = {}
    read = {*_names_read(), "release_all"}
    for key in sorted(_of_plans() | _of_requests()):
        found = _found().get(key) if key in _of_plans() else READ if key[1] in read else IGNORED
        kept = before.get(key, "") if before.get(key, "").startswith(_WHY) else _WHY
        content.setdefault(key[0], {})[key[1]] = kept if found == IGNORED or found is None else found
    _FILE.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    _write()
