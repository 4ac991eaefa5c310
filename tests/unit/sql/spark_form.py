"""Prints our unresolved trees the way Spark prints its own (`LogicalPlan.toString`), to compare the two as text.

Only what Spark's parser makes is covered. Spark's ids (`#12`) and marks of the unresolved (`'a`) are left out.
"""

from datetime import date, datetime, timedelta
from typing import Any

from headrace_driver.plan import expressions as e
from headrace_driver.plan import logical as p
from headrace_driver.plan import types as t

_INFIX = {"+", "-", "*", "/", "%", "=", "<", "<=", ">", ">=", "<=>", "&", "|", "^", "<<", ">>", ">>>", "div"}
_BOUNDS = {
    e.Bound.UNBOUNDED_PRECEDING: "unboundedpreceding$()",
    e.Bound.CURRENT_ROW: "currentrow$()",
    e.Bound.UNBOUNDED_FOLLOWING: "unboundedfollowing$()",
}


def expression(x: e.Expression) -> str:
    """An expression in Spark's form."""
    match x:
        case e.UnresolvedAttribute():
            return ".".join(f"`{part}`" if "." in part else part for part in x.parts)
        case e.UnresolvedStar():
            return ".".join((*x.target, "*"))
        case e.Literal():
            return literal(x)
        case e.Alias():
            return f"{expression(x.child)} AS {x.name}"
        case e.MultiAlias():
            return f"{expression(x.child)} AS ({', '.join(x.names)})"
        case e.Cast(implicit=True):
            return expression(x.child)
        case e.Cast():
            return f"{x.mode.value}({expression(x.child)} as {x.type.name})"
        case e.UnresolvedExtract():
            return f"{expression(x.child)}[{expression(x.key)}]"
        case e.UnresolvedLambda():
            names = ", ".join(x.names)
            return f"lambdafunction({expression(x.body)}, {names}, false)"
        case e.NamedArgument():
            return f"{x.name} => {expression(x.value)}"
        case e.ScalarSubquery():
            return "scalar-subquery"
        case e.Exists():
            return "exists"
        case e.InSubquery():
            values = [expression(v) for v in x.values]
            return f"{_row(x.values) if len(values) > 1 else values[0]} IN (list)"
        case e.SortOrder():
            nulls_first = x.ascending if x.nulls_first is None else x.nulls_first
            direction = "ASC" if x.ascending else "DESC"
            return f"{expression(x.child)} {direction} NULLS {'FIRST' if nulls_first else 'LAST'}"
        case e.WindowExpression():
            return f"{expression(x.function)} windowspecdefinition({_window(x)})"
        case e.UnresolvedFunction():
            return _call(x)
    raise TypeError(f"no Spark form for {type(x).__name__}")


def _window(x: e.WindowExpression) -> str:
    parts = [expression(part) for part in (*x.partition_by, *x.order_by)]
    frame = "unspecifiedframe$()"
    if x.frame is not None:
        bounds = ", ".join(_bound(b) for b in (x.frame.lower, x.frame.upper))
        frame = f"specifiedwindowframe({x.frame.unit.value.capitalize().rstrip('s')}Frame, {bounds})"
    return ", ".join([*parts, frame])


def _bound(bound: e.Bound | e.Expression) -> str:
    return _BOUNDS[bound] if isinstance(bound, e.Bound) else expression(bound)


def _row(args: tuple[e.Expression, ...]) -> str:
    fields = []
    for position, arg in enumerate(args, 1):
        name = f"col{position}"
        if isinstance(arg, e.Alias):
            name = arg.name
        elif isinstance(arg, e.UnresolvedAttribute):
            name = arg.parts[-1]
        fields.append(f"{name}, {expression(arg)}")
    return f"named_struct({', '.join(fields)})"


def _call(x: e.UnresolvedFunction) -> str:
    name = ".".join(x.name)
    args = [expression(arg) for arg in x.args]
    if name in _INFIX:
        return f"({args[0]} {name} {args[1]})"
    if name in ("and", "or"):
        return f"({args[0]} {name.upper()} {args[1]})"
    if name == "not":
        return f"NOT {args[0]}"
    if name in ("~", "negative") and len(args) == 1:
        return f"{'~' if name == '~' else '-'}{args[0]}"
    if name == "in":
        return f"{args[0]} IN ({','.join(args[1:])})"
    if name in ("like", "ilike") and len(args) > 1:
        operator = name.upper()
        escape = f" ESCAPE {args[2]}" if len(args) > 2 else ""
        return f"{args[0]} {operator} {args[1]}{escape}"
    if name == "rlike":
        return f"RLIKE({', '.join(args)})"
    if name == "when":
        pairs = "".join(f" WHEN {args[i]} THEN {args[i + 1]}" for i in range(0, len(args) - 1, 2))
        otherwise = f" ELSE {args[-1]}" if len(args) % 2 else ""
        return f"CASE{pairs}{otherwise} END"
    if name == "struct" and x.origin.fragment[:1] != "s":
        return _row(x.args)
    parts = [*args, *(expression(order) for order in x.order_by)]
    if x.where is not None:
        parts.append(expression(x.where))
    text = ("distinct " if x.distinct else "") + ", ".join(parts)
    return f"{name}({text})"


def literal(x: e.Literal) -> str:
    """A literal as Spark prints its value."""
    value: Any = x.value
    if value is None or isinstance(value, bool):
        return str(value).lower() if value is not None else "null"
    match x.type:
        case t.DateType():
            return _day(value)
        case t.TimestampType() | t.TimestampNTZType():
            days, rest = divmod(value, 86_400_000_000)
            clock = str(datetime(1970, 1, 1) + timedelta(microseconds=rest))[11:]
            return f"{_day(days)} {clock.rstrip('0') if '.' in clock else clock}"
        case t.BinaryType():
            return f"0x{value.hex().upper()}"
        case t.FloatType() | t.DoubleType():
            return repr(value)
        case t.DayTimeIntervalType() | t.YearMonthIntervalType():
            return _interval(value, x.type)
    return str(f"{value:f}" if isinstance(x.type, t.DecimalType) else value)


def _day(days: int) -> str:
    # Python has no years before 1 or after 9999; the calendar repeats every 400 years.
    cycles = days // 146_097
    day = date(1970, 1, 1) + timedelta(days=days - cycles * 146_097)
    year = day.year + 400 * cycles
    sign = "-" if year < 0 else "+" if year > 9999 else ""
    return f"{sign}{abs(year):04}-{day:%m-%d}"


def _interval(value: int, dtype: t.DayTimeIntervalType | t.YearMonthIntervalType) -> str:
    sign, left = ("-" if value < 0 else ""), abs(value)
    if isinstance(dtype, t.YearMonthIntervalType):
        parts = (left // 12, left % 12) if dtype.start == 0 else (0, left)
        shown = "-".join(str(part) for part in parts[dtype.start : dtype.end + 1])
    else:
        sizes = (86_400_000_000, 3_600_000_000, 60_000_000, 1_000_000)
        shown = ""
        for field in range(dtype.start, dtype.end + 1):
            count, left = divmod(left, sizes[field])
            shown += {0: "", 1: " ", 2: ":", 3: ":"}[field] if field > dtype.start else ""
            shown += f"{count:02}" if field else str(count)
        shown += f".{left:06}".rstrip("0") if left else ""
    return f"INTERVAL {sign}{shown} {dtype.name.removeprefix('interval ').upper()}"


def plan(node: p.LogicalPlan) -> str:
    """A plan as an indented tree, one operator a line."""
    return "\n".join(_lines(node))


def _lines(node: p.LogicalPlan) -> list[str]:
    title, children = _operator(node)
    lines = [title]
    for position, child in enumerate(children):
        last = position == len(children) - 1
        first, *rest = _lines(child)
        lines.append(("+- " if last else ":- ") + first)
        lines += [("   " if last else ":  ") + line for line in rest]
    return lines


def _list(items: Any) -> str:
    return ", ".join(_named(item) for item in items)


def _named(item: e.Expression) -> str:
    text = expression(item)
    plain = isinstance(item, e.Alias | e.MultiAlias | e.UnresolvedAttribute | e.UnresolvedStar)
    return text if plain else f"unresolvedalias({text})"


def _operator(node: p.LogicalPlan) -> tuple[str, tuple[p.LogicalPlan, ...]]:
    match node:
        case p.UnresolvedRelation():
            options = ", ".join(f"{k}={v}" for k, v in node.options.items())
            return f"UnresolvedRelation [{', '.join(node.parts)}], [{options}], false", ()
        case p.UnresolvedProject():
            having = f" having {expression(node.having)}" if node.having is not None else ""
            return f"Project [{_list(node.columns)}]{having}", (node.child,)
        case p.OneRow():
            return "OneRowRelation", ()
        case p.Filter():
            return f"Filter {expression(node.condition)}", (node.child,)
        case p.Qualify():
            return f"UnresolvedQualify {expression(node.condition)}", (node.child,)
        case p.SubqueryAlias():
            return f"SubqueryAlias {node.name}", (node.child,)
        case p.ToDF():
            return f"UnresolvedSubqueryColumnAliases [{', '.join(node.names)}]", (node.child,)
        case p.Distinct():
            return "Distinct", (node.child,)
        case p.Sort():
            return f"Sort [{', '.join(map(expression, node.order))}], {str(node.is_global).lower()}", (node.child,)
        case p.Repartition():
            return f"RepartitionByExpression [{', '.join(map(expression, node.keys))}]", (node.child,)
        case p.Hint():
            parameters = f", [{', '.join(map(expression, node.parameters))}]" if node.parameters else ""
            return f"UnresolvedHint {node.name}{parameters}", (node.child,)
        case p.UnresolvedJoin():
            kind = node.type.value
            if node.natural:
                kind = f"NaturalJoin({kind})"
            if node.using:
                kind = f"UsingJoin({kind}, [{', '.join(node.using)}])"
            condition = f", {expression(node.condition)}" if node.condition is not None else ""
            lateral = "Lateral" if node.lateral else ""
            return f"{lateral}Join {kind}{condition}", (node.left, node.right)
        case p.LateralView():
            columns = f", [{', '.join(node.columns)}]" if node.columns else ""
            return f"Generate {expression(node.generator)}, {str(node.outer).lower()}, {node.table}{columns}", (
                node.child,
            )
        case p.UnresolvedTableFunction():
            args = ", ".join(map(expression, node.args))
            return f"UnresolvedTableValuedFunction [{', '.join(node.name)}], [{args}], false", ()
        case p.Sample():
            return f"Sample {node.lower}, {node.upper}, {str(node.with_replacement).lower()}", (node.child,)
    return _headrace_form(node)


def _headrace_form(node: p.LogicalPlan) -> tuple[str, tuple[p.LogicalPlan, ...]]:
    """Operators that Spark cuts differently, in a form of ours."""
    match node:
        case p.Limit():
            parts = [f"{name} {expression(x)}" for name, x in (("limit", node.count), ("offset", node.offset)) if x]
            return f"Limit {' '.join(parts)}", (node.child,)
        case p.GroupingAnalytics():
            sets = "".join(f" ({', '.join(map(expression, one))})" for one in node.sets)
            having = f" having {expression(node.having)}" if node.having is not None else ""
            prepend = " prepended" if node.prepend_grouping else ""
            grouping = ", ".join(map(expression, node.grouping))
            return f"Group {node.kind}[{grouping}]{sets}{prepend} [{_list(node.aggregates)}]{having}", (node.child,)
        case p.UnresolvedSetOperation():
            return f"{node.kind.value}{' ALL' if node.all else ''}", (node.left, node.right)
        case p.InlineTable():
            rows = ", ".join(f"({', '.join(map(expression, row))})" for row in node.rows)
            return f"Values {rows}", ()
        case p.WithCTE():
            names = [f"{name}{list(columns) if columns else ''}" for name, columns, _ in node.definitions]
            recursive = "recursive " if node.recursive else ""
            return f"With {recursive}{', '.join(names)}", (*(d for _, _, d in node.definitions), node.child)
        case p.PivotClause():
            parts = [", ".join(map(expression, x)) for x in (node.aggregates, node.columns, node.values)]
            return f"Pivot [{parts[0]}] for [{parts[1]}] in [{parts[2]}]", (node.child,)
        case p.Unpivot():
            values = [
                f"({', '.join(map(expression, v))}) as {a}"
                for v, a in zip(node.values or (), node.aliases, strict=True)
            ]
            made = ", ".join(node.value_names)
            nulls = " with nulls" if node.include_nulls else ""
            return f"Unpivot [{made}] for {node.variable_name} in [{', '.join(values)}]{nulls}", (node.child,)
        case p.WithColumns():
            return f"WithColumns [{', '.join(map(expression, node.columns))}]", (node.child,)
        case p.DropColumns():
            return f"DropColumns [{', '.join(node.names)}]", (node.child,)
        case p.ReadFiles():
            return f"Read {node.format} {list(node.paths)} {dict(node.options)}", ()
    return _command(node)


def _command(node: p.LogicalPlan) -> tuple[str, tuple[p.LogicalPlan, ...]]:
    match node:
        case p.CreateView():
            what = f"{'replace ' if node.replace else ''}{'global ' if node.is_global else ''}"
            return f"CreateView {what}{'.'.join(node.name)} {list(node.columns)}", (node.child,)
        case p.DropView():
            return f"DropView {'.'.join(node.name)} if_exists={node.if_exists}", ()
        case p.SetCommand():
            return f"{'Reset' if node.reset else 'Set'} {node.key!r} {node.value!r}", ()
        case p.ShowTables():
            return f"Show {'views' if node.views_only else 'tables'} {list(node.namespace)} {node.pattern!r}", ()
        case p.UseDatabase():
            return f"Use {list(node.name)}", ()
        case p.DescribeRelation():
            return "Describe", (node.child,)
        case p.ExplainCommand():
            return f"Explain {node.mode.value}", (node.child,)
        case p.WriteFiles():
            return f"Write {node.format} {node.path} {node.mode.value} {dict(node.options)}", (node.child,)
        case p.CacheTable():
            lazy = str(node.lazy).lower()
            if node.query is not None:
                return f"CacheTableAsSelect {'.'.join(node.name)}, {lazy}, {dict(node.options)}", (node.query,)
            return f"CacheTable [{', '.join(node.name)}], {lazy}, false", (p.UnresolvedRelation(node.name),)
        case p.UncacheTable() | p.RefreshTable() | p.RefreshPath() | p.ClearCache():
            return f"{type(node).__name__} {node.__dict__}", ()
    raise TypeError(f"no form for {type(node).__name__}")
