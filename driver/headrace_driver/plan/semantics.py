"""Whether two plans mean the same: `sameSemantics` and `semanticHash`.

As in Spark, resolved plans are compared, with column names and ids taken out: what counts is which column of which
operator is meant.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from enum import Enum
from typing import Any

from headrace_driver.plan import expressions as e
from headrace_driver.plan import logical as p


def fingerprint(plan: p.LogicalPlan) -> bytes:
    """Equal for plans that mean the same."""
    digest = hashlib.blake2b(digest_size=16)
    ids: dict[int, int] = {}
    for part in _parts(plan, ids):
        digest.update(part.encode("utf-8", "surrogatepass"))
        digest.update(b"\0")
    return digest.digest()


def semantic_hash(plan: p.LogicalPlan) -> int:
    """The fingerprint as Spark's 32-bit signed number."""
    return int.from_bytes(fingerprint(plan)[:4], "big", signed=True)


_COSMETIC = {"origin", "display", "qualifier", "metadata", "implicit", "call_site"}


def _parts(root: Any, ids: dict[int, int]) -> list[str]:
    """A flat rendering. Without recursion: plans can be thousands of levels deep."""
    parts: list[str] = []
    stack: list[Any] = [root]
    entered: set[int] = set()
    while stack:
        value = stack.pop()
        match value:
            case e.Attribute():
                parts.append(f"column {_number(value.id, ids)} {value.type.name}")
            case e.Alias():
                parts.append("alias")
                stack.append(value.child)
                # Numbered where it is made, so that references agree in both plans.
                parts.append(str(_number(value.id, ids)))
            case p.Identified() | p.SubqueryAlias():
                stack.append(value.child)
            case p.Scan():
                # Names are the source's here, and tell which of its columns are meant.
                parts.append(f"scan {_request(value)} {[a.name for a in value.attributes]}")
                stack.extend(reversed([*value.attributes, value.predicate]))
            case p.CTEDefinition():
                # A definition is told where it is met first.
                parts.append(f"common table {_number(-value.id, ids)}")
                if value.id not in entered:
                    entered.add(value.id)
                    stack.append(value.plan)
            case p.LogicalPlan() | e.Expression():
                parts.append(type(value).__name__)
                fields = [name for name in type(value).__match_args__ if name not in _COSMETIC]
                stack.extend(getattr(value, name) for name in reversed(fields))
            case tuple() | list():
                parts.append(f"({len(value)}")
                stack.extend(reversed(value))
            case Mapping():
                parts.append(f"{{{len(value)}")
                stack.extend(item for key in sorted(value) for item in (value[key], key))
            case Enum():
                parts.append(value.name)
            case bytes():
                parts.append(hashlib.blake2b(value).hexdigest())
            case _:
                parts.append(f"{type(value).__name__} {value}")
    return parts


def _request(scan: p.Scan) -> str:
    """What was asked for, as in Spark whatever files there were; worker-held data by its name."""
    read = scan.read
    if read is None:
        return str(scan.source.description)
    return f"{read.format} {read.paths} {sorted(read.options.items())} {scan.source.schema}"


def _number(attribute_id: int, ids: dict[int, int]) -> int:
    return ids.setdefault(attribute_id, len(ids))
