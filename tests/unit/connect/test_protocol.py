"""The messages come without PySpark, nest deeply, and every kind of them is handled or refused."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest
from google.protobuf.message import DecodeError

from headrace_driver.connect import execute_plan, protocol, relations
from headrace_driver.connect.expressions import _KINDS, _UNSUPPORTED
from headrace_driver.connect.planning_threads import PlanningThreads
from headrace_driver.connect.protocol import commands_pb2, expressions_pb2, relations_pb2


def _run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.strip()


def test_the_daemon_does_not_import_pyspark_or_pandas() -> None:
    code = """
import sys
from headrace_driver.connect import service
print([name for name in ("pyspark", "pyspark.sql", "pandas") if name in sys.modules])
"""
    assert _run(code) == "[]"


def test_pyspark_can_be_imported_afterwards_and_shares_the_messages() -> None:
    code = """
import sys
from headrace_driver.connect import protocol
sys.modules["__main__"].__file__ = "x"  # or PySpark takes this program for its doctests
from pyspark.sql.connect import proto
import pyspark.sql.types
print(proto.Plan is protocol.base_pb2.Plan)
"""
    assert _run(code) == "True"


def _nested(levels: int) -> bytes:
    """A range below that many limits."""
    octets: bytes = relations_pb2.Relation(range=relations_pb2.Range(end=1, step=1)).SerializeToString()
    for _ in range(levels):
        for tag in (b"\x0a", b"\x42"):
            size, length = b"", len(octets)
            while length > 127:
                size += bytes([length & 127 | 128])
                length >>= 7
            octets = tag + size + bytes([length]) + octets
    return octets


async def _parse_deep(levels: int) -> int:
    threads = PlanningThreads(1)
    try:
        relation = await threads.run(protocol.parse, relations_pb2.Relation, _nested(levels))
    finally:
        threads.stop()
    depth = 0
    while relation.WhichOneof("rel_type") == "limit":
        relation = relation.limit.input
        depth += 1
    return depth


def test_deep_messages_are_parsed_on_a_planning_thread() -> None:
    assert asyncio.run(_parse_deep(5_000)) == 5_000


def test_messages_deeper_than_protobuf_can_follow_are_refused() -> None:
    with pytest.raises(DecodeError):
        asyncio.run(_parse_deep(40_000))


def test_every_relation_is_handled_or_refused() -> None:
    kinds = {f.name for f in relations_pb2.Relation.DESCRIPTOR.oneofs_by_name["rel_type"].fields}
    assert kinds == set(relations.RELATIONS) | set(relations._UNSUPPORTED)
    assert not set(relations.RELATIONS) & set(relations._UNSUPPORTED)


def test_every_expression_is_handled_or_refused() -> None:
    kinds = {f.name for f in expressions_pb2.Expression.DESCRIPTOR.oneofs_by_name["expr_type"].fields}
    assert kinds == set(_KINDS) | set(_UNSUPPORTED)


def test_every_command_is_handled_or_refused() -> None:
    kinds = {f.name for f in commands_pb2.Command.DESCRIPTOR.oneofs_by_name["command_type"].fields}
    assert kinds == set(execute_plan._COMMANDS) | set(execute_plan._UNSUPPORTED)
