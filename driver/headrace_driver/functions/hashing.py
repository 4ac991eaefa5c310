"""Hashes. md5, sha and crc32 of bytes; hash() and xxhash64() bit for bit as Spark's."""

from __future__ import annotations

from collections.abc import Sequence

from headrace_driver.errors import SparkError, unsupported
from headrace_driver.functions.declare import BINARY, INT, scalar
from headrace_driver.functions.mismatch import call_sql, wrong_count
from headrace_driver.functions.registry import REGISTRY, BindContext, Function, FunctionKind
from headrace_driver.plan import types as t
from headrace_driver.plan.expressions import Call, Expression, Literal
from headrace_driver.render.text import let
from headrace_driver.render.types import kernel_type

_SEED = 42


def _check(dtype: t.DataType) -> None:
    """Refuses what has no hash."""
    match dtype:
        case t.ArrayType(element):
            _check(element)
        case t.StructType(fields):
            for field in fields:
                _check(field.dtype)
        case t.CalendarIntervalType() | t.VariantType() | t.MapType():
            raise unsupported(f"hash of {dtype.name}")


def _bind_hash(name: str, dtype: t.DataType) -> None:
    kernel_name = {"hash": "__hr_murmur3"}.get(name, f"__hr_{name}")

    def bind(args: Sequence[Expression], ctx: BindContext) -> Expression:
        if not args:
            raise wrong_count(name, "> 0", 0, ctx)
        if any(isinstance(a.dtype, t.MapType) for a in args):
            raise SparkError(
                "DATATYPE_MISMATCH.HASH_MAP_TYPE",
                f'Cannot resolve "{call_sql(name, args)}" due to data type mismatch: Input to the '
                f"function `{name}` cannot "
                'contain elements of the "MAP" type.',
                {"sqlExpr": f'"{call_sql(name, args)}"', "functionName": f"`{name}`"},
                sql_state="42K09",
                origins=(ctx.origin,),
            )
        for arg in args:
            _check(arg.dtype)
        return Call(name, tuple(args), dtype, False, ctx.display or name, ctx.origin)

    def render(c: Call, args: Sequence[str]) -> str:
        """By a function of the executor's (`headrace_worker.spark_hash`), seeded with the hash of what came before."""
        text = f"{_SEED}::{kernel_type(dtype)}"
        for arg, value in zip(c.args, args, strict=True):
            # Hashes depend on the type, and the kernel computes some decimals in narrower ones.
            text = f"{kernel_name}(CAST({value} AS {kernel_type(arg.dtype)}), {text})"
        return text

    REGISTRY.add(Function(name, FunctionKind.SCALAR, bind, render))


def _crc_table() -> str:
    table: list[int] = []
    for n in range(256):
        value = n
        for _ in range(8):
            value = (value >> 1) ^ 0xEDB88320 if value & 1 else value >> 1
        table.append(value)
    return f"[{', '.join(map(str, table))}]::BIGINT[]"


def _crc32(c: Call, args: Sequence[str]) -> str:
    def build(h: str) -> str:
        codes = f"list_transform(range(length({h}) // 2), lambda i: ('0x' || substring({h}, i * 2 + 1, 2))::BIGINT)"
        step = f"xor(({_crc_table()})[CAST(xor(a, x) & 255 AS INTEGER) + 1], a >> 8)"
        return f"xor(list_reduce({codes}, lambda a, x: {step}, 4294967295::BIGINT), 4294967295::BIGINT)"

    return let(f"hex({args[0]})", lambda h: f"CASE WHEN {h} = '' THEN 0::BIGINT ELSE {build(h)} END")


def _sha2(c: Call, args: Sequence[str]) -> str:
    bits = c.args[1]
    if isinstance(bits, Literal) and bits.value in (0, 256):
        return f"sha256({args[0]})"
    raise unsupported("sha2 of other lengths than 256 bits")


def _register() -> None:
    _bind_hash("hash", t.INTEGER)
    _bind_hash("xxhash64", t.LONG)
    scalar("md5", [BINARY], t.STRING, "md5({0})")
    scalar("sha1", [BINARY], t.STRING, "sha1({0})", aliases=("sha",))
    scalar("sha2", [BINARY, INT], t.STRING, _sha2)
    scalar("crc32", [BINARY], t.LONG, _crc32)


_register()
