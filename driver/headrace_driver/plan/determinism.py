"""Which expressions give the same value for the same arguments."""

from __future__ import annotations

from headrace_driver.functions.registry import REGISTRY
from headrace_driver.plan.expressions import AggregateCall, Attribute, Call, Expression, Literal


def is_deterministic(expression: Expression) -> bool:
    """Whether an expression, with all below it, gives the same value whenever it is computed on the same row."""
    stack = [expression]
    while stack:
        part = stack.pop()
        if type(part) is Attribute or type(part) is Literal:
            continue
        if isinstance(part, Call | AggregateCall):
            function = REGISTRY.find(part.name)
            if function is not None and not function.deterministic:
                return False
        stack.extend(part.children())
    return True
