"""Kernel text of a stage: one SELECT for everything between two exchanges.

Every column is called by its attribute id (`c17`), so no two columns of a stage share a name and no table needs an
alias. A leaf becomes an input, named `{in_0}`, `{in_1}`, ... in the text; all other braces are doubled.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from headrace_driver.catalog.source import ScanRequest
from headrace_driver.errors import unsupported
from headrace_driver.functions.drawn import ROW_NUMBER
from headrace_driver.plan.conditions import conjuncts
from headrace_driver.plan.expressions import AggregateCall, Alias, Attribute, Call, Expression, Literal, SortOrder
from headrace_driver.plan.logical import JoinType
from headrace_driver.plan.physical.exchange import Exchange, ReadBroadcast, ReadExchange
from headrace_driver.plan.physical.operator import Operator, Spread
from headrace_driver.plan.physical.operators import (
    AggregateMerge,
    AggregatePartial,
    AggregateWhole,
    BufferedAggregate,
    EmptyRows,
    ExpandRows,
    FilterRows,
    GenerateRows,
    JoinRows,
    LimitRows,
    OneRowScan,
    ProjectRows,
    SampleRows,
    ScanFiles,
    ScanRange,
    ScanRows,
    SetRows,
    SortRows,
    TailRows,
    UnionRows,
    WindowRows,
)
from headrace_driver.render.expressions import Renderer, column_name
from headrace_driver.render.generators import generated_rows
from headrace_driver.render.types import kernel_type
from headrace_proto.v1 import common_pb2, task_pb2

_JOIN_WORDS = {
    JoinType.INNER: "JOIN",
    JoinType.LEFT: "LEFT JOIN",
    JoinType.RIGHT: "RIGHT JOIN",
    JoinType.FULL: "FULL JOIN",
    JoinType.SEMI: "SEMI JOIN",
    JoinType.ANTI: "ANTI JOIN",
}


@dataclass(slots=True)
class Block:
    """A SELECT under construction: `columns` None stands for `*`; `tail` is what follows WHERE."""

    source: str
    columns: str | None = None
    where: list[str] = field(default_factory=list)
    tail: str = ""

    def text(self) -> str:
        if self.source:
            parts = ["SELECT ", self.columns or "*", " FROM ", self.source]
        else:
            parts = ["SELECT ", self.columns or "1"]
        if self.where:
            parts += [" WHERE ", " AND ".join(self.where)]
        return "".join(parts) + self.tail

    def as_source(self) -> str:
        """As it stands behind FROM."""
        if self.columns is None and not self.where and not self.tail and self.source:
            return self.source
        return f"({self.text()})"

    @property
    def open(self) -> bool:
        """Whether columns can still be chosen and rows filtered in this very SELECT."""
        return self.columns is None and not self.tail and bool(self.source)


def columns_of(op: Operator) -> list[task_pb2.Column]:
    """Names and kernel types of what an operator yields, aggregation buffers included.

    Rows without columns have the one called `_`, since no kernel and no block knows such rows.
    """
    found = [task_pb2.Column(name=column_name(a), kernel_type=kernel_type(a.type)) for a in op.output]
    for aggregate in _unfinished(op):
        for name, buffer in zip(aggregate.buffers, aggregate.split.buffers, strict=True):
            found.append(task_pb2.Column(name=name, kernel_type=buffer.kernel_type))
    return found or [task_pb2.Column(name="_", kernel_type="INTEGER")]


def _unfinished(op: Operator) -> Sequence[BufferedAggregate]:
    """Aggregates whose state columns an operator yields."""
    if isinstance(op, AggregatePartial):
        return op.aggregates
    if isinstance(op, AggregateMerge) and not op.finish:
        return (*op.aggregates, *op.fresh)
    return op.carried if isinstance(op, ExpandRows) else ()


def doubled(text: str) -> str:
    """Text in which braces stand for themselves."""
    return text.replace("{", "{{").replace("}", "}}") if "{" in text or "}" in text else text


class StageText:
    """Writes the kernel text of one stage and collects its inputs; `leaves[i]` is the operator of input i."""

    def __init__(self, job_id: int, renderer: Renderer) -> None:
        self.leaves: list[Operator] = []
        self.inputs: list[task_pb2.StageInput] = []
        self.keeps_order = False
        self._job_id = job_id
        self._renderer = renderer

    def select(self, op: Operator, extra: str = "") -> str:
        """The whole program: the operator's columns in order, then `extra` (a partitioning column)."""
        names = [c.name for c in columns_of(op)] if op.output or _unfinished(op) else ["1 AS _"]
        if extra:
            names.append(extra)
        block = self.block(op)
        if block.columns is not None and not extra and isinstance(op, ProjectRows):
            return block.text()
        if block.columns is not None or (block.tail and extra):
            block = Block(f"({block.text()})")
        block.columns = ", ".join(names)
        return block.text()

    def expression(self, expression: Expression) -> str:
        return doubled(self._renderer.expression(expression))

    def block(self, op: Operator) -> Block:
        return _WRITERS[type(op)](self, op)

    def _input(self, op: Operator, message: task_pb2.StageInput) -> str:
        self.leaves.append(op)
        self.inputs.append(message)
        return f"{{in_{len(self.inputs) - 1}}}"

    def _scan_files(self, op: ScanFiles) -> Block:
        request = ScanRequest(tuple((c, column_name(a)) for c, a in zip(op.columns, op.output, strict=True)))
        return Block(self._input(op, task_pb2.StageInput(scan=op.source.scan_input(request))))

    def _scan_rows(self, op: ScanRows) -> Block:
        names = [column_name(a) for a in op.output]
        table = task_pb2.TableInput(arrow_stream=op.data.arrow_stream)
        for position, attribute in enumerate(op.output):
            table.columns.add(name=f"_{position}", kernel_type=kernel_type(attribute.type))
        source = self._input(op, task_pb2.StageInput(table=table))
        parts = [
            f"CAST(_{i} AS {kernel_type(a.type)}) AS {name}"
            for i, (a, name) in enumerate(zip(op.output, names, strict=True))
        ]
        return Block(source, ", ".join(parts) or None)

    def _empty(self, op: EmptyRows) -> Block:
        columns = [doubled(f"CAST(NULL AS {kernel_type(a.type)}) AS {column_name(a)}") for a in op.output]
        return Block(f"(SELECT {', '.join(columns) or '1 AS _'} WHERE false)")

    def _scan_range(self, op: ScanRange) -> Block:
        name = column_name(op.output[0])
        message = task_pb2.RangeInput(start=op.start, step=op.step, column=name)
        return Block(self._input(op, task_pb2.StageInput(range=message)))

    def _one_row(self, op: OneRowScan) -> Block:
        return Block("")

    def _read(self, op: ReadExchange | ReadBroadcast) -> Block:
        if op.exchange.job_id and isinstance(op, ReadExchange):
            return self._read_kept(op)
        output = output_id(self._job_id, op.exchange)
        columns = columns_of(op.exchange.origin.child)
        if isinstance(op, ReadBroadcast):
            message = task_pb2.StageInput(broadcast=task_pb2.BroadcastInput(output=output, columns=columns))
        else:
            message = task_pb2.StageInput(shuffle=task_pb2.ShuffleInput(output=output, columns=columns))
        block = Block(self._input(op, message))
        wanted = columns_of(op.exchange.child)
        known = {column.name: origin.name for column, origin in zip(wanted, columns, strict=True)}
        if op.output is not op.source_columns:
            pairs = [(known[column_name(a)], column_name(b)) for a, b in zip(op.source_columns, op.output, strict=True)]
        elif op.exchange.same_as is not None:
            pairs = [(origin, name) for name, origin in known.items()]
        else:
            return block
        block.columns = ", ".join(f"{source} AS {name}" for source, name in pairs) or "1 AS _"
        return block

    def _read_kept(self, op: ReadExchange) -> Block:
        """Cached rows: only the columns wanted are taken out of the blocks."""
        columns = columns_of(op.exchange.child)
        position = {a.id: at for at, a in enumerate(op.exchange.child.output)}
        # A row count alone needs one column too: kernels and blocks know no rows without columns.
        selected = sorted({position[a.id] for a in op.source_columns}) or [0]
        message = task_pb2.ShuffleInput(
            output=output_id(self._job_id, op.exchange),
            columns=[columns[at] for at in selected],
            selected=selected if len(selected) < len(columns) else (),
        )
        self.keeps_order |= op.placement.spread in (Spread.ORDERED, Spread.ONE_TASK)
        block = Block(self._input(op, task_pb2.StageInput(shuffle=message)))
        pairs = zip(op.source_columns, op.output, strict=True)
        names = [f"{column_name(source)} AS {column_name(mine)}" for source, mine in pairs]
        block.columns = ", ".join(names) or "1 AS _"
        return block

    def _project(self, op: ProjectRows) -> Block:
        columns = ", ".join(self._column(c) for c in op.columns)
        if isinstance(op.child, SortRows) and ROW_NUMBER in columns:
            return self._numbered_project(op.child, columns)
        block = self.block(op.child)
        if isinstance(op.child, SortRows) and block.columns is None:
            # ORDER BY stays in the outermost SELECT, where alone the kernel promises to keep it.
            block.columns = columns or "1 AS _"
            return block
        if not block.open and (block.source or block.columns is not None):
            block = Block(f"({block.text()})")
        block.columns = columns or "1 AS _"
        return block

    def _numbered_project(self, op: SortRows, columns: str) -> Block:
        """Values that count rows count them as sorted: the kernel numbers rows before it sorts those of its SELECT."""
        order = self._order(op.order).strip()
        source = f"(SELECT *, row_number() OVER ({order}) AS _row FROM {self.block(op.child).as_source()})"
        tail = " ORDER BY _row" + _bounds(op.count, op.offset)
        return Block(source, columns.replace(ROW_NUMBER, f"(_row - {op.offset})"), tail=tail)

    def _column(self, column: Alias | Attribute) -> str:
        if isinstance(column, Attribute):
            return column_name(column)
        return f"{self.expression(column.child)} AS {column_name(column.attribute())}"

    def _filter(self, op: FilterRows) -> Block:
        block = self._open(op.child)
        block.where.extend(self.expression(term) for term in conjuncts(op.condition))
        return block

    def _condition(self, condition: Expression) -> str:
        """Terms apart, so that the kernel finds the equalities it can hash by."""
        return " AND ".join(self.expression(term) for term in conjuncts(condition))

    def _open(self, op: Operator) -> Block:
        block = self.block(op)
        return block if block.open else Block(f"({block.text()})")

    def _expand(self, op: ExpandRows) -> Block:
        """Every row is read once and unnested into its projections."""
        block = self._open(op.child)
        rows = []
        for projection in op.projections:
            fields = [
                f"{column_name(a)} := CAST({self.expression(e)} AS {kernel_type(a.type)})"
                for a, e in zip(op.output, projection, strict=True)
            ]
            # Where only the number of rows is asked for, a field nobody reads: a struct must have one.
            rows.append(f"struct_pack({', '.join(fields) or '_ := 1'})")
        carried = [name for aggregate in op.carried for name in aggregate.buffers]
        block.columns = ", ".join([*carried, f"UNNEST([{', '.join(rows)}]) AS _row"])
        return Block(f"({block.text()})", ", ".join([*carried, "UNNEST(_row)"]))

    def _generate(self, op: GenerateRows) -> Block:
        block = self._open(op.child)
        rows = doubled(generated_rows(op.generator, op.outer, op.attributes, self._renderer))
        block.columns = f"*, UNNEST({rows}) AS _row"
        kept = [column_name(a) for a in op.child.output]
        made = [f"_row.{column_name(a)} AS {column_name(a)}" for a in op.attributes]
        return Block(f"({block.text()})", ", ".join([*kept, *made]))

    def _sample(self, op: SampleRows) -> Block:
        if op.with_replacement:
            raise unsupported("sampling with replacement")
        # Not the kernel's random(): tasks that make the same rows must choose the same of them, and so must the parts
        # of a randomSplit, which are queries of their own. What a row gets depends on the seed and on its place; for
        # a randomSplit, on its values and on which of its equals it is, as rows may come in another order each time.
        everywhere = op.placement.spread is Spread.EVERYWHERE
        values = [column_name(a) for a in op.child.output] if op.deterministic_order else []
        equals = f"PARTITION BY {', '.join(values)}" if values else ""
        source = f"(SELECT *, row_number() OVER ({equals}) AS _row FROM {self.block(op.child).as_source()})"
        partition = "0" if everywhere else "CAST(getvariable('hr_partition') AS INTEGER)"
        seeds = ", ".join([f"CAST({op.seed} AS BIGINT)", partition, "_row", *values])
        # Twice, as the kernel mixes the hashes of several values too little for their upper bits to be even.
        number = f"CAST(hash(hash({seeds})) >> 11 AS DOUBLE) / 9007199254740992.0"
        bounds = [f"{number} >= {op.lower!r}", f"{number} < {op.upper!r}"]
        return Block(source, "* EXCLUDE (_row)", bounds)

    def _grouped(self, block: Block, grouping: Sequence[Attribute], columns: list[str]) -> Block:
        keys = [column_name(k) for k in grouping]
        block.columns = ", ".join([*keys, *columns]) or "1 AS _"
        if keys:
            block.tail = f" GROUP BY {', '.join(keys)}"
        return block

    def _aggregate_whole(self, op: AggregateWhole) -> Block:
        columns: list[str] = []
        results = [column_name(k) for k in op.grouping]
        in_steps = False
        for alias in op.aggregates:
            call, result = alias.child, column_name(alias.attribute())
            assert isinstance(call, AggregateCall)
            split = self._renderer.in_steps(call)
            if split is None:
                columns.append(self._column(alias))
                results.append(result)
                continue
            in_steps = True
            names = tuple(f"b{alias.id}_{i}" for i in range(len(split.buffers)))
            columns += self._updates([BufferedAggregate(call, alias.attribute(), split, names)])
            results.append(f"{doubled(self._renderer.finish(split, names))} AS {result}")
        block = self._grouped(self._open(op.child), op.grouping, columns)
        return Block(f"({block.text()})", ", ".join(results)) if in_steps else block

    def _updates(self, aggregates: Sequence[BufferedAggregate]) -> list[str]:
        return [
            f"{doubled(text)} AS {name}"
            for a in aggregates
            for name, text in zip(a.buffers, self._renderer.partial(a.call, a.split), strict=True)
        ]

    def _aggregate_partial(self, op: AggregatePartial) -> Block:
        return self._grouped(self._open(op.child), op.grouping, self._updates(op.aggregates))

    def _aggregate_merge(self, op: AggregateMerge) -> Block:
        columns = [
            f"{doubled(text)} AS {name}"
            for a in op.aggregates
            for name, text in zip(a.buffers, self._renderer.merge(a.split, a.buffers), strict=True)
        ]
        columns += self._updates(op.fresh)
        columns += [self._column(alias) for alias in op.distinct]
        merged = self._grouped(self._open(op.child), op.grouping, columns)
        if not op.finish:
            return merged
        results = [column_name(k) for k in op.grouping]
        for aggregate in op.aggregates:
            finished = doubled(self._renderer.finish(aggregate.split, aggregate.buffers))
            results.append(f"{finished} AS {column_name(aggregate.result)}")
        results += [column_name(alias.attribute()) for alias in op.distinct]
        return Block(f"({merged.text()})", ", ".join(results) or "1 AS _")

    def _window(self, op: WindowRows) -> Block:
        block = self._open(op.child)
        block.columns = ", ".join(["*", *(self._column(c) for c in op.columns)])
        return block

    def _order(self, order: Sequence[SortOrder]) -> str:
        self.keeps_order = True
        # Constants order nothing, and the kernel takes integers for positions.
        keys = [self.expression(key) for key in order if not isinstance(key.child, Literal)]
        return f" ORDER BY {', '.join(keys)}" if keys else ""

    def _sort(self, op: SortRows) -> Block:
        block = self._open(op.child)
        block.tail = self._order(op.order) + _bounds(op.count, op.offset)
        return block

    def _limit(self, op: LimitRows) -> Block:
        self.keeps_order = True
        block = self._open(op.child)
        block.tail = _bounds(op.count, op.offset)
        return block

    def _tail(self, op: TailRows) -> Block:
        self.keeps_order = True
        block = self._open(op.child)
        block.columns = "*, row_number() OVER () AS _row, count(*) OVER () AS _rows"
        names = ", ".join(column_name(a) for a in op.output) or "1"
        return Block(f"({block.text()})", names, [f"_row > _rows - {op.count}"], " ORDER BY _row")

    def _join(self, op: JoinRows) -> Block:
        left = self.block(op.left).as_source()
        right_block = self.block(op.right)
        right = right_block.as_source()
        if isinstance(op.right, JoinRows) and not right.startswith("("):
            right = f"({right})"
        if op.mark is not None:
            return self._mark(op, left, right)
        if op.null_aware:
            return self._null_aware(op, left, right)
        if op.condition is None and op.type in (JoinType.SEMI, JoinType.ANTI):
            word = "EXISTS" if op.type is JoinType.SEMI else "NOT EXISTS"
            return Block(f"(SELECT * FROM {left} WHERE {word} (SELECT 1 FROM {right}))")
        if op.type is JoinType.CROSS or (op.condition is None and op.type is JoinType.INNER):
            condition = f" WHERE {self._condition(op.condition)}" if op.condition is not None else ""
            joined = f"{left} CROSS JOIN {right}"
            return Block(joined) if not condition else Block(f"(SELECT * FROM {joined}{condition})")
        condition = self._condition(op.condition) if op.condition is not None else "true"
        return Block(f"{left} {_JOIN_WORDS[op.type]} {right} ON {condition}")

    def _mark(self, op: JoinRows, left: str, right: str) -> Block:
        assert op.mark is not None
        if op.null_aware:
            return Block(left, f"*, {self._membership(op, 'IN', right)} AS {column_name(op.mark)}")
        where = f" WHERE {self._condition(op.condition)}" if op.condition is not None else ""
        return Block(left, f"*, EXISTS (SELECT 1 FROM {right}{where}) AS {column_name(op.mark)}")

    def _null_aware(self, op: JoinRows, left: str, right: str) -> Block:
        return Block(f"(SELECT * FROM {left} WHERE {self._membership(op, 'NOT IN', right)})")

    def _membership(self, op: JoinRows, word: str, right: str) -> str:
        """IN or NOT IN of the condition `value = column`: the kernel's own know about nulls."""
        assert isinstance(op.condition, Call)
        value, column = op.condition.args
        ids = {a.id for a in op.left.output}
        if isinstance(column, Attribute) and column.id in ids:
            value, column = column, value
        return f"({self.expression(value)} {word} (SELECT {self.expression(column)} FROM {right}))"

    def _union(self, op: UnionRows) -> Block:
        parts = []
        for child in op.children:
            block = self._open(child)
            pairs = zip(child.output, op.output, strict=True)
            block.columns = ", ".join(f"{column_name(a)} AS {column_name(b)}" for a, b in pairs) or "1 AS _"
            parts.append(block.text())
        return Block(f"({' UNION ALL '.join(parts)})")

    def _set(self, op: SetRows) -> Block:
        sides = []
        for child in (op.left, op.right):
            block = self._open(child)
            pairs = zip(child.output, op.output, strict=True)
            block.columns = ", ".join(f"{column_name(a)} AS {column_name(b)}" for a, b in pairs)
            sides.append(f"({block.text()})")
        word = f"{op.kind.value}{' ALL' if op.all else ''}"
        return Block(f"({sides[0]} {word} {sides[1]})")


def output_id(job_id: int, exchange: Exchange) -> common_pb2.OutputId:
    """How workers know an exchange."""
    return common_pb2.OutputId(job_id=exchange.job_id or job_id, stage_id=exchange.stage_id)


def _bounds(count: int | None, offset: int) -> str:
    return (f" LIMIT {count}" if count is not None else "") + (f" OFFSET {offset}" if offset else "")


_WRITERS: dict[type[Operator], Callable[..., Block]] = {
    ScanFiles: StageText._scan_files,
    ScanRows: StageText._scan_rows,
    ScanRange: StageText._scan_range,
    EmptyRows: StageText._empty,
    OneRowScan: StageText._one_row,
    ReadExchange: StageText._read,
    ReadBroadcast: StageText._read,
    ProjectRows: StageText._project,
    FilterRows: StageText._filter,
    ExpandRows: StageText._expand,
    GenerateRows: StageText._generate,
    SampleRows: StageText._sample,
    AggregateWhole: StageText._aggregate_whole,
    AggregatePartial: StageText._aggregate_partial,
    AggregateMerge: StageText._aggregate_merge,
    WindowRows: StageText._window,
    SortRows: StageText._sort,
    LimitRows: StageText._limit,
    TailRows: StageText._tail,
    JoinRows: StageText._join,
    UnionRows: StageText._union,
    SetRows: StageText._set,
}
