"""Leaves of a plan and what gives them names: tables, views, files, inline rows, common table expressions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from headrace_driver.errors import ErrorKind, Origin, SparkError, unsupported
from headrace_driver.functions.coercion import cast_to, common_type
from headrace_driver.functions.not_built import NOT_BUILT
from headrace_driver.functions.registry import FunctionKind
from headrace_driver.plan import logical as p
from headrace_driver.plan import types as t
from headrace_driver.plan.analysis import recursion
from headrace_driver.plan.analysis.constants import constant
from headrace_driver.plan.analysis.expressions import Binder
from headrace_driver.plan.analysis.inline_rows import arrow_of
from headrace_driver.plan.analysis.messages import error
from headrace_driver.plan.analysis.outer import Outer
from headrace_driver.plan.analysis.partitions import check_partitions
from headrace_driver.plan.analysis.rewrite import fresh_copy
from headrace_driver.plan.analysis.scope import Relation
from headrace_driver.plan.analysis.select import is_generator, make_generator
from headrace_driver.plan.analysis.suggestions import quoted
from headrace_driver.plan.expressions import (
    Alias,
    Attribute,
    Call,
    Expression,
    UnresolvedFunction,
    new_id,
)
from headrace_driver.plan.logical import LogicalPlan

if TYPE_CHECKING:
    from headrace_driver.plan.analysis.analyzer import Analyzer

_FILE_FORMATS = frozenset({"parquet", "csv", "json", "orc", "text", "avro", "binaryfile", "delta", "iceberg"})
_definition_ids = iter(range(1, 1 << 62))


@dataclass(slots=True, eq=False)
class CommonTable:
    """One WITH entry. It is resolved when first used, in the scope it was written in, and shared from then on."""

    name: str
    columns: tuple[str, ...]
    plan: LogicalPlan
    scope: dict[str, CommonTable]
    outer: Outer | None
    shared: bool = True
    definition: p.CTEDefinition | None = None
    inline: LogicalPlan | None = None
    names: tuple[str, ...] = field(default=())
    recursive: bool = False
    """It reads itself."""
    levels_max: int | None = None
    level: p.RecursionReference | None = None
    """While the step of a recursion is resolved: what its own name stands for."""


def leaf(analyzer: Analyzer, node: LogicalPlan, outer: Outer | None) -> Relation:
    """A node without columns."""
    return Relation(node, (), case_sensitive=analyzer.case_sensitive)


def resolved(analyzer: Analyzer, node: LogicalPlan, outer: Outer | None) -> Relation:
    """A plan analysed before: a copy with column ids of its own."""
    return analyzer.relation(fresh_copy(node))


def identified(analyzer: Analyzer, node: LogicalPlan, outer: Outer | None) -> Relation:
    """Remembers the columns of a DataFrame for `df["name"]` above it."""
    assert isinstance(node, p.Identified)
    relation = analyzer.resolve(node.child, outer)
    # Relations one above the other share the mapping: an entry more does not hurt those below, and copying it at
    # every step would make long programs quadratic.
    relation.frames[node.plan_id] = (relation.columns,)
    return relation


def attributes_of(schema: t.StructType, qualifier: tuple[str, ...] = ()) -> tuple[Attribute, ...]:
    """Fresh columns for the fields of a schema; CHAR and VARCHAR are read as STRING."""
    return tuple(
        [Attribute(f.name, _read_type(f.dtype), f.nullable, new_id(), qualifier, f.metadata) for f in schema.fields]
    )


def _read_type(dtype: t.DataType) -> t.DataType:
    return t.STRING if isinstance(dtype, t.StringType) and dtype.length is not None else dtype


def local_data(analyzer: Analyzer, node: LogicalPlan, outer: Outer | None) -> Relation:
    """Rows that came with the plan."""
    assert isinstance(node, p.LocalData)
    return analyzer.relation(p.LocalData(node.arrow_stream, node.schema, node.rows, attributes_of(node.schema)))


def range_of(analyzer: Analyzer, node: LogicalPlan, outer: Outer | None) -> Relation:
    """`spark.range`: one column `id`."""
    assert isinstance(node, p.Range)
    if node.partitions is not None and node.partitions <= 0:
        raise SparkError(
            "", "Positive number of partitions required", sql_state="", kind=ErrorKind.JAVA_ILLEGAL_ARGUMENT
        )
    check_partitions(node.partitions)
    column = Attribute("id", t.LONG, False, new_id())
    return analyzer.relation(p.Range(node.start, node.end, node.step, node.partitions, (column,)))


def read_files(analyzer: Analyzer, node: LogicalPlan, outer: Outer | None) -> Relation:
    """`spark.read`: lists the files and learns their schema."""
    assert isinstance(node, p.ReadFiles)
    if node.is_streaming:
        raise unsupported("streaming reads")
    source = analyzer.context.open(node)
    return analyzer.relation(p.Scan(source, attributes_of(source.schema), read=node))


def in_memory(analyzer: Analyzer, node: LogicalPlan, outer: Outer | None) -> Relation:
    """Rows that a checkpoint left; they may stand twice in one query."""
    assert isinstance(node, p.InMemoryRelation)
    return analyzer.relation(fresh_copy(node))


def named(analyzer: Analyzer, node: LogicalPlan, outer: Outer | None) -> Relation:
    """FROM name: a common table expression, a view or table of the session, or files (parquet.`/path`)."""
    assert isinstance(node, p.UnresolvedRelation)
    parts = node.parts
    if len(parts) == 1:
        table = analyzer.tables.get(analyzer.fold(parts[0]))
        if table is not None:
            return _hinted(analyzer, _common_table(analyzer, table, outer), parts)
    if node.is_streaming:
        raise unsupported("streaming tables")
    if len(parts) == 2 and parts[0].lower() in _FILE_FORMATS:
        return read_files(analyzer, p.ReadFiles(parts[0].lower(), (parts[1],), None, dict(node.options)), outer)
    plan = analyzer.context.relation(parts, node.options, node.origin)
    relation = _view(analyzer, plan)
    qualifier = tuple(analyzer.fold(part) for part in parts)
    return _hinted(analyzer, _qualified(relation, qualifier), parts)


def _view(analyzer: Analyzer, plan: LogicalPlan) -> Relation:
    """A view's plan, which sees neither the query's common tables nor its hints."""
    tables, hinted = analyzer.tables, analyzer.hinted
    analyzer.tables, analyzer.hinted = {}, {}
    try:
        if is_resolved(plan):
            return analyzer.relation(fresh_copy(plan))
        return analyzer.resolve(plan, None)
    finally:
        analyzer.tables, analyzer.hinted = tables, hinted


def is_resolved(plan: LogicalPlan) -> bool:
    """Whether a plan has been analysed: told from its leftmost branch."""
    current = plan
    while True:
        if isinstance(current, _ANALYSED):
            return True
        if isinstance(current, p.LocalData | p.Range):
            return bool(current.attributes)
        if not isinstance(current, _SHARED):
            return False
        current = current.inputs()[0]


_ANALYSED = (
    *(p.Scan, p.Project, p.Aggregate, p.Expand, p.Window, p.Generate, p.Join, p.LateralJoin, p.Union),
    *(p.SetOperation, p.CTEReference, p.Recursion),
)
_SHARED = (p.SubqueryAlias, p.Filter, p.Sort, p.Limit, p.Tail, p.Distinct, p.Sample, p.Repartition)


def _qualified(relation: Relation, qualifier: tuple[str, ...]) -> Relation:
    """The relation under a name: its columns answer to it, and what its select list dropped is gone."""
    columns = tuple([Attribute(a.name, a.type, a.null, a.id, qualifier, a.metadata) for a in relation.columns])
    return Relation(
        relation.plan,
        columns,
        frames=relation.frames,
        case_sensitive=relation.case_sensitive,
        hint=relation.hint,
    )


def _hinted(analyzer: Analyzer, relation: Relation, parts: tuple[str, ...]) -> Relation:
    if analyzer.hinted:
        relation.hint = analyzer.hinted.get(analyzer.fold(parts[-1]), relation.hint)
    return relation


def subquery_alias(analyzer: Analyzer, node: LogicalPlan, outer: Outer | None) -> Relation:
    """`(query) AS name`: columns are found under that name only."""
    assert isinstance(node, p.SubqueryAlias)
    relation = _qualified(analyzer.resolve(node.child, outer), (node.name,))
    return _hinted(analyzer, relation, (node.name,))


def with_cte(analyzer: Analyzer, node: LogicalPlan, outer: Outer | None) -> Relation:
    """`WITH name AS (query) …`: a query sees the names before it, in RECURSIVE also its own."""
    assert isinstance(node, p.WithCTE)
    before = analyzer.tables
    levels = {analyzer.fold(name): level for name, level in node.levels_max}
    scope = dict(before)
    met: set[str] = set()
    for name, columns, plan in node.definitions:
        folded = analyzer.fold(name)
        if folded in met:
            raise error("DUPLICATED_CTE_NAMES", duplicateNames=quoted((name,)))
        met.add(folded)
        table = CommonTable(name, columns, plan, dict(scope), outer)
        if node.recursive and recursion.reads_itself(analyzer, table):
            table.recursive, table.levels_max = True, levels.get(folded)
        scope[folded] = table
    analyzer.tables = scope
    try:
        for folded in met:
            _prepare(analyzer, scope[folded])
        return analyzer.resolve(node.child, outer)
    finally:
        analyzer.tables = before


def _prepare(analyzer: Analyzer, table: CommonTable) -> None:
    """Resolves a common table once."""
    if table.definition is not None or table.inline is not None:
        return
    tables = analyzer.tables
    analyzer.tables = table.scope
    used_before = len(table.outer.used) if table.outer is not None else 0
    try:
        if table.recursive:
            plan: LogicalPlan = recursion.resolve(analyzer, table)
        else:
            plan = analyzer.resolve(table.plan, table.outer).exact()
    finally:
        analyzer.tables = tables
    output = plan.output
    if table.columns and len(table.columns) != len(output):
        raise error("ASSIGNMENT_ARITY_MISMATCH", numExpr=str(len(table.columns)), numTarget=str(len(output)))
    table.names = table.columns or tuple(a.name for a in output)
    if table.outer is not None and len(table.outer.used) > used_before:
        # It depends on the row around it, so every use has a copy of its own.
        table.inline = plan
    else:
        table.definition = p.CTEDefinition(next(_definition_ids), plan)


def _common_table(analyzer: Analyzer, table: CommonTable, outer: Outer | None) -> Relation:
    qualifier = (table.name,)
    if table.level is not None:
        columns = tuple([Attribute(a.name, a.type, True, new_id(), qualifier) for a in table.level.attributes])
        return analyzer.relation(p.replace(table.level, attributes=columns))
    _prepare(analyzer, table)
    if table.definition is None:
        assert table.inline is not None
        plan = fresh_copy(table.inline, keep_outer=True)
    else:
        output = table.definition.plan.output
        attributes = tuple(
            [
                Attribute(n, a.type, a.null, new_id(), qualifier, a.metadata)
                for n, a in zip(table.names, output, strict=True)
            ]
        )
        return analyzer.relation(p.CTEReference(table.definition, attributes))
    columns = tuple(
        [
            Attribute(n, a.type, a.null, a.id, qualifier, a.metadata)
            for n, a in zip(table.names, plan.output, strict=True)
        ]
    )
    return analyzer.relation(plan, columns)


def inline_table(analyzer: Analyzer, node: LogicalPlan, outer: Outer | None) -> Relation:
    """VALUES: the rows as data when all are constants, else a union of one-row projections."""
    assert isinstance(node, p.InlineTable)
    nothing = Relation(p.OneRow(), (), case_sensitive=analyzer.case_sensitive)
    binder = Binder(analyzer, nothing, outer)
    rows = [binder.bind_all([v.child if isinstance(v, Alias) else v for v in row]) for row in node.rows]
    width = len(rows[0])
    for number, row in enumerate(rows):
        if len(row) != width:
            raise error(
                "INVALID_INLINE_TABLE.NUM_COLUMNS_MISMATCH",
                node.origin,
                expectedNumCols=str(width),
                actualNumCols=str(len(row)),
                rowIndex=str(number),
            )
    types = [_column_type([row[i] for row in rows], i, node.origin) for i in range(width)]
    cast_rows = [tuple([cast_to(v, d) for v, d in zip(row, types, strict=True)]) for row in rows]
    fields = tuple(
        t.StructField(f"col{i + 1}", d, any(row[i].nullable for row in cast_rows)) for i, d in enumerate(types)
    )
    return analyzer.relation(rows_plan(t.StructType(fields), cast_rows))


def _column_type(values: Sequence[Expression], index: int, origin: Origin) -> t.DataType:
    dtype = values[0].dtype
    for value in values[1:]:
        wider = common_type(dtype, value.dtype)
        text = isinstance(dtype, t.StringType) != isinstance(value.dtype, t.StringType)
        if wider is None or (text and not isinstance(dtype, t.NullType) and not isinstance(value.dtype, t.NullType)):
            raise error("INVALID_INLINE_TABLE.INCOMPATIBLE_TYPES_IN_INLINE_TABLE", origin, colName=f"`col{index + 1}`")
        dtype = wider
    return dtype


def rows_plan(schema: t.StructType, rows: Sequence[tuple[Expression, ...]]) -> LogicalPlan:
    """Rows of expressions without columns, as a plan of that schema."""
    stream = arrow_of(schema, rows)
    if stream is not None:
        return p.LocalData(stream, schema, len(rows), attributes_of(schema))
    branches = [
        p.Project(p.OneRow(), tuple(Alias(v, f.name, new_id()) for v, f in zip(row, schema.fields, strict=True)))
        for row in rows
    ]
    if len(branches) == 1:
        return branches[0]
    return p.Union(tuple(branches), attributes_of(schema))


def table_function(analyzer: Analyzer, node: LogicalPlan, outer: Outer | None) -> Relation:
    """`FROM function(…)`: range, and every generator."""
    assert isinstance(node, p.UnresolvedTableFunction)
    name = node.name[-1].lower()
    nothing = Relation(p.OneRow(), (), case_sensitive=analyzer.case_sensitive)
    binder = Binder(analyzer, nothing, outer)
    if name == "range":
        return _range_function(analyzer, binder, node)
    function = analyzer.registry.find(name)
    if function is None or function.kind is not FunctionKind.GENERATOR:
        if function is None and name in NOT_BUILT and len(node.name) == 1:
            raise unsupported(f"the table function {name}")
        raise error("UNRESOLVABLE_TABLE_VALUED_FUNCTION", node.origin, name=quoted(node.name))
    call = binder.bind(UnresolvedFunction(node.name, node.args, origin=node.origin))
    assert isinstance(call, Call)
    generator = make_generator(call, ())
    plan = p.Generate(p.OneRow(), generator.call, generator.outer, generator.attributes)
    return analyzer.relation(plan, generator.attributes)


def _range_function(analyzer: Analyzer, binder: Binder, node: p.UnresolvedTableFunction) -> Relation:
    """range(end), range(start, end[, step[, partitions]])."""
    values = [constant(binder.bind(a)) for a in node.args]
    if not 1 <= len(values) <= 4 or not all(isinstance(v, int) for v in values):
        raise error(
            "WRONG_NUM_ARGS.WITHOUT_SUGGESTION",
            node.origin,
            functionName="`range`",
            expectedNum="[1, 2, 3, 4]",
            actualNum=str(len(values)),
            docroot="https://spark.apache.org/docs/latest",
        )
    numbers = [int(v) for v in values if isinstance(v, int)]
    start, end = (0, numbers[0]) if len(numbers) == 1 else (numbers[0], numbers[1])
    step = numbers[2] if len(numbers) > 2 else 1
    partitions = numbers[3] if len(numbers) > 3 else None
    return range_of(analyzer, p.Range(start, end, step, partitions), None)


def lateral_view(analyzer: Analyzer, node: LogicalPlan, outer: Outer | None) -> Relation:
    """LATERAL VIEW [OUTER] generator(...) name AS columns."""
    assert isinstance(node, p.LateralView)
    child = analyzer.resolve(node.child, outer)
    binder = Binder(analyzer, child, outer)
    call = binder.bind(node.generator)
    if not isinstance(call, Call) or not is_generator(binder, call):
        name = node.generator.name if isinstance(node.generator, UnresolvedFunction) else ("expression",)
        raise error(
            "UNSUPPORTED_GENERATOR.NOT_GENERATOR",
            functionName=quoted(name),
            classCanonicalName="org.apache.spark.sql.catalyst.expressions.Expression",
        )
    generator = make_generator(call, node.columns, (node.table,))
    plan = p.Generate(child.plan, generator.call, node.outer or generator.outer, generator.attributes)
    made = generator.attributes
    if node.outer:
        made = tuple(Attribute(a.name, a.type, True, a.id, a.qualifier) for a in made)
        plan = p.Generate(child.plan, generator.call, True, made)
    relation = child.on(plan)
    relation.columns = (*child.columns, *made)
    relation.forget_names()
    return relation
