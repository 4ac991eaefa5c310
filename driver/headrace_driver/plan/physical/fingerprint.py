"""Recognises operator trees that compute the same rows, whatever their columns are numbered.

Two exchanges of equal trees are one stage: a table scanned, filtered and hashed alike in two places of a query (or a
subquery repeated) is read once (Spark's ReuseExchange).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import fields
from typing import Any

from headrace_driver.functions.registry import REGISTRY
from headrace_driver.plan.expressions import AggregateCall, Alias, Attribute, Call, Expression
from headrace_driver.plan.logical import LocalData
from headrace_driver.plan.physical.exchange import Exchange
from headrace_driver.plan.physical.operator import Operator
from headrace_driver.plan.physical.operators import BufferedAggregate, SampleRows

Fingerprint = Hashable

_IGNORED = frozenset(("placement", "estimate", "strategy"))


class _VariesError(Exception):
    """The tree yields other rows each time it runs."""


def fingerprint(root: Operator, keys: tuple[Expression, ...]) -> Fingerprint | None:
    """Equal for trees that yield the same rows in the same column order; None where rows differ each time."""
    numbering = _Numbering()
    try:
        return numbering.of(root), numbering.of(keys)
    except _VariesError:
        return None


class _Numbering:
    """Numbers columns in the order they are met, leaves first, so that ids do not matter."""

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}

    def _number(self, attribute_id: int) -> int:
        return self._numbers.setdefault(attribute_id, len(self._numbers))

    def of(self, value: Any) -> Hashable:
        cls = type(value)
        writer = _WRITERS.get(cls)
        if writer is None:
            writer = _WRITERS[cls] = _writer_for(value)
        return writer(self, value)

    def _attribute(self, value: Attribute) -> Hashable:
        return self._number(value.id), Attribute

    def _alias(self, value: Alias) -> Hashable:
        inner = self.of(value.child)
        return Alias, inner, self._number(value.id)

    def _call(self, value: Call | AggregateCall) -> Hashable:
        function = REGISTRY.find(value.name)
        if function is not None and not function.deterministic:
            raise _VariesError
        return self._expression(value)

    def _expression(self, value: Any) -> Hashable:
        of = self.of
        cls: Any = type(value)
        return (cls, *[of(getattr(value, name)) for name in _compared(cls)])

    def _tuple(self, value: tuple[Any, ...]) -> Hashable:
        of = self.of
        return tuple([of(item) for item in value])

    def _operator(self, op: Operator) -> Hashable:
        of = self.of
        inputs = tuple([of(child) for child in op.inputs()])
        cls: Any = type(op)
        return (cls, inputs, *[of(getattr(op, name)) for name in _compared(cls)])

    def _sample(self, op: SampleRows) -> Hashable:
        raise _VariesError

    def _buffered(self, value: BufferedAggregate) -> Hashable:
        return self.of(value.call), self._number(value.result.id)

    def _exchange(self, value: Exchange) -> Hashable:
        return Exchange, value.origin.job_id, value.origin.stage_id

    def _rows(self, value: LocalData) -> Hashable:
        return LocalData, value.arrow_stream

    def _source(self, value: Any) -> Hashable:
        return (value.format, value.schema, tuple((f.path, f.modified_us, f.bytes) for f in value.files()))

    def _plain(self, value: Any) -> Hashable:
        return type(value), value


_WRITERS: dict[type, Callable[[_Numbering, Any], Hashable]] = {
    Attribute: _Numbering._attribute,
    Alias: _Numbering._alias,
    Call: _Numbering._call,
    AggregateCall: _Numbering._call,
    tuple: _Numbering._tuple,
    BufferedAggregate: _Numbering._buffered,
    Exchange: _Numbering._exchange,
    LocalData: _Numbering._rows,
    SampleRows: _Numbering._sample,
}


def _writer_for(value: Any) -> Callable[[_Numbering, Any], Hashable]:
    if isinstance(value, Operator):
        return _Numbering._operator
    if isinstance(value, Expression):
        return _Numbering._expression
    if hasattr(value, "scan_input") and hasattr(value, "files"):
        return _Numbering._source
    return _Numbering._plain


_FIELDS: dict[type, tuple[str, ...]] = {}


def _compared(cls: Any) -> tuple[str, ...]:
    """Fields that decide which rows come out: not names for display, positions in the text, places or sizes."""
    known = _FIELDS.get(cls)
    if known is None:
        inputs = cls.INPUTS if issubclass(cls, Operator) else ()
        names = [f.name for f in fields(cls) if f.compare and f.name not in _IGNORED and f.name not in inputs]
        known = _FIELDS[cls] = tuple(names)
    return known
