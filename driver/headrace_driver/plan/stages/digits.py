"""How large a query's decimals really are, as the files' statistics tell.

Decimal columns are declared wide and filled narrow. Where minima and maxima prove that sums and products fit 64 bits,
the kernel computes them there, several times faster than in 128 bits.
"""

from __future__ import annotations

from decimal import Decimal

from headrace_driver.plan import logical as lp
from headrace_driver.plan import types as t


def digit_bounds(plan: lp.LogicalPlan) -> dict[int, int]:
    """The largest absolute unscaled value of each decimal column that files tell it of, by attribute id."""
    found: dict[int, int] = {}
    stack = [plan]
    entered: set[int] = set()
    while stack:
        for op in lp.walk(stack.pop()):
            if isinstance(op, lp.CTEReference) and op.definition.id not in entered:
                entered.add(op.definition.id)
                stack.append(op.definition.plan)
            elif isinstance(op, lp.Scan):
                found |= _of_scan(op)
            elif isinstance(op, lp.InMemoryRelation):
                inner = digit_bounds(op.cached.plan)
                pairs = zip(op.attributes, op.positions, strict=True)
                bounds = ((a.id, inner.get(op.cached.output[position].id)) for a, position in pairs)
                found |= {attribute_id: bound for attribute_id, bound in bounds if bound is not None}
    return found


def _of_scan(scan: lp.Scan) -> dict[int, int]:
    positions = {f.name: i for i, f in enumerate(scan.source.schema.fields)}
    found: dict[int, int] = {}
    for attribute in scan.attributes:
        if not isinstance(attribute.type, t.DecimalType):
            continue
        known = scan.source.statistics(positions[attribute.name])
        if isinstance(known.minimum, Decimal) and isinstance(known.maximum, Decimal):
            largest = max(abs(known.minimum), abs(known.maximum))
            found[attribute.id] = int(largest.scaleb(attribute.type.scale))
    return found
