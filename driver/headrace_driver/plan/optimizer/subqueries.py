"""Turns subquery expressions and lateral joins into joins.

Filter(EXISTS(S))        -> semi join          Filter(NOT EXISTS(S))   -> anti join
Filter(x IN (S))         -> semi join          Filter(x NOT IN (S))    -> null-aware anti join
elsewhere EXISTS, IN     -> left join with a mark column, true where a partner exists, never null
scalar subquery          -> left join (cross join where it always has one row)
"""

from __future__ import annotations

from collections.abc import Sequence

from headrace_driver.functions.internal import TOO_MANY_ROWS
from headrace_driver.plan import logical as lp
from headrace_driver.plan import types as t
from headrace_driver.plan.conditions import conjuncts
from headrace_driver.plan.expressions import (
    AggregateCall,
    Alias,
    Attribute,
    Call,
    Case,
    Exists,
    Expression,
    InSubquery,
    Literal,
    ScalarSubquery,
    new_id,
    walk,
)
from headrace_driver.plan.optimizer.decorrelation import (
    CannotPull,
    PulledUp,
    empty_value,
    over_domain,
    pull_up,
    rebound,
    renamed_plan,
    unwrap,
)
from headrace_driver.plan.optimizer.long_lists import lists_as_rows
from headrace_driver.plan.optimizer.terms import conjunction, disjunction, equality, has_subquery


def rewrite_subqueries(plan: lp.LogicalPlan) -> lp.LogicalPlan:
    """Applies the rules of this module to a whole plan, common table expressions and subqueries included."""
    return lp.transform_up(plan, _rewrite)


def _rewrite(plan: lp.LogicalPlan) -> lp.LogicalPlan:
    plan = lists_as_rows(plan)
    if isinstance(plan, lp.LateralJoin):
        return _lateral(plan)
    if not any(has_subquery(e) for e in plan.expressions()):
        return plan
    if isinstance(plan, lp.Filter):
        return _filter(plan)
    if isinstance(plan, lp.Aggregate):
        return _aggregate(plan)
    if isinstance(plan, lp.Join):
        return _join(plan)
    child = plan.inputs()[0]
    scope = _Scope(child)
    changed = plan.map_expressions(scope.replace)
    with_joins = lp.replace(changed, child=scope.plan)
    if with_joins.output == plan.output:
        return with_joins
    return lp.Project(with_joins, plan.output)


def _filter(plan: lp.Filter) -> lp.LogicalPlan:
    scope = _Scope(plan.child)
    kept = [scope.replace(term) for term in conjuncts(plan.condition) if not scope.joined_by(term)]
    condition = conjunction(kept)
    result = scope.plan if condition is None else lp.Filter(scope.plan, condition)
    return result if _same(result.output, plan.output) else lp.Project(result, plan.output)


def _same(one: Sequence[Attribute], other: Sequence[Attribute]) -> bool:
    return len(one) == len(other) and all(a.id == b.id for a, b in zip(one, other, strict=True))


def _aggregate(plan: lp.Aggregate) -> lp.LogicalPlan:
    """Subqueries are computed before grouping; they count as columns the query groups by only if they were."""
    scope = _Scope(plan.child)
    grouping = tuple(scope.replace(g) for g in plan.grouping)
    columns = tuple(c for c in (scope.replace(c) for c in plan.columns) if isinstance(c, Alias | Attribute))
    known = set(grouping)
    extra = tuple(v for v in scope.values if v not in known and not _inside_aggregates(columns, v))
    return lp.Aggregate(scope.plan, (*grouping, *extra), columns)


def _inside_aggregates(columns: Sequence[Expression], value: Attribute) -> bool:
    """Whether a column is read by aggregate functions only."""

    def outside(expression: Expression) -> bool:
        if isinstance(expression, AggregateCall):
            return False
        return expression == value or any(outside(child) for child in expression.children())

    return not any(outside(column) for column in columns)


def _join(plan: lp.Join) -> lp.LogicalPlan:
    """Subqueries in a join condition: computed on the side their outer columns come from."""
    left, right = _Scope(plan.left), _Scope(plan.right)
    right_ids = {a.id for a in plan.right.output}

    def change(term: Expression) -> Expression:
        reads_right = any(isinstance(p, Attribute) and p.id in right_ids for p in _reads(term))
        return (right if reads_right else left).replace(term)

    if plan.type is lp.JoinType.INNER and plan.condition is not None:
        joined = lp.Join(plan.left, plan.right, lp.JoinType.INNER, None, plan.hint)
        return _filter(lp.Filter(joined, plan.condition))
    condition = conjunction(change(term) for term in conjuncts(plan.condition))
    return lp.Project(lp.replace(plan, left=left.plan, right=right.plan, condition=condition), plan.output)


def _reads(term: Expression) -> list[Expression]:
    found: list[Expression] = []
    for part in walk(term):
        if isinstance(part, ScalarSubquery | Exists | InSubquery):
            found.extend(part.outer)
    return found


def _lateral(plan: lp.LateralJoin) -> lp.LogicalPlan:
    right = rewrite_subqueries(plan.right)
    kind = lp.JoinType.LEFT if plan.type is lp.JoinType.LEFT else lp.JoinType.INNER
    try:
        pulled = pull_up(right)
        if not pulled.grouped:
            condition = conjunction([*conjuncts(plan.condition), *(unwrap(p) for p in pulled.predicates)])
            joined = lp.Join(plan.left, pulled.plan, kind, condition)
            return lp.Project(joined, plan.output)
    except CannotPull:
        pass
    whole = over_domain(right, plan.left, plan.outer)
    same = [equality(a, b, null_safe=True) for a, b in zip(plan.outer, whole.domain, strict=True)]
    joined = lp.Join(plan.left, whole.plan, kind, conjunction([*conjuncts(plan.condition), *same]))
    return lp.Project(joined, plan.output)


class _Scope:
    """A plan that grows by joins as the subqueries of expressions over it are replaced by columns."""

    def __init__(self, plan: lp.LogicalPlan) -> None:
        self.plan = plan
        self.values: list[Attribute] = []
        self._known: dict[tuple[Expression, bool], Expression] = {}

    def joined_by(self, term: Expression) -> bool:
        """Takes a whole conjunct of a filter as a semi or anti join, where it is one."""
        negated = isinstance(term, Call) and term.name == "not"
        inner = term.args[0] if isinstance(term, Call) and negated else term
        if isinstance(inner, Exists):
            if _always_one_row(inner.plan):
                return False
            self._exists(inner, lp.JoinType.ANTI if negated else lp.JoinType.SEMI)
            return True
        if isinstance(inner, InSubquery) and not any(has_subquery(v) for v in inner.values):
            self._in(inner, negated)
            return True
        return False

    def replace(self, expression: Expression) -> Expression:
        """The expression with its subqueries replaced by columns of `plan`."""

        return self._replaced(expression, False)

    def _replaced(self, part: Expression, negated: bool) -> Expression:
        """`negated`: under an odd number of NOTs, with nothing but AND and OR between."""
        if isinstance(part, ScalarSubquery | Exists | InSubquery):
            key = (part, negated and isinstance(part, InSubquery))
            known = self._known.get(key)
            if known is None:
                known = self._known[key] = self._value(*key)
                self.values.extend(a for a in walk(known) if isinstance(a, Attribute))
            return self._replaced(known, False) if has_subquery(known) else known
        below = False
        if isinstance(part, Call) and part.name in ("not", "and", "or"):
            below = negated != (part.name == "not")
        return part.map_children(lambda child: self._replaced(child, below)) if part.CHILDREN else part

    def _value(self, part: ScalarSubquery | Exists | InSubquery, negated: bool) -> Expression:
        if isinstance(part, ScalarSubquery):
            return self._scalar(part)
        if isinstance(part, Exists) and _always_one_row(part.plan):
            return Literal(True, t.BOOLEAN)
        mark = Attribute("exists", t.BOOLEAN, False, new_id())
        if isinstance(part, Exists):
            self._exists(part, lp.JoinType.LEFT, mark)
            return mark
        return self._member(part, negated, mark)

    def _member(self, part: InSubquery, negated: bool, mark: Attribute) -> Expression:
        """IN as a value, which in Spark is never null: where SQL leaves it open, IN and NOT IN are both false."""
        plan, condition = self._in_condition(part)
        columns = plan.output[: len(part.values)]
        nullable = any(v.nullable or c.null for v, c in zip(part.values, columns, strict=True))
        if not (negated and nullable):
            self.plan = lp.Join(self.plan, plan, lp.JoinType.LEFT, condition, mark=mark)
            return mark
        if len(conjuncts(condition)) == 1:
            mark = Attribute("exists", t.BOOLEAN, True, new_id())
            self.plan = lp.Join(self.plan, plan, lp.JoinType.LEFT, condition, null_aware=True, mark=mark)
            return Call("coalesce", (mark, Literal(True, t.BOOLEAN)), t.BOOLEAN, False)
        self.plan = lp.Join(self.plan, plan, lp.JoinType.LEFT, condition, mark=mark)
        open_mark = Attribute("unknown", t.BOOLEAN, False, new_id())
        again, condition = self._in_condition(part, unknown=True)
        self.plan = lp.Join(self.plan, again, lp.JoinType.LEFT, condition, mark=open_mark)
        return Call("or", (mark, open_mark), t.BOOLEAN, False)

    def _exists(self, part: Exists, kind: lp.JoinType, mark: Attribute | None = None) -> None:
        plan = rewrite_subqueries(_without_limit(part.plan))
        try:
            pulled = pull_up(_only_rows(plan))
            if pulled.grouped:
                raise CannotPull
            condition = conjunction(unwrap(p) for p in pulled.predicates)
            inner = pulled.plan
        except CannotPull:
            whole = over_domain(plan, self.plan, part.outer)
            condition = conjunction(
                equality(a, b, null_safe=True) for a, b in zip(part.outer, whole.domain, strict=True)
            )
            inner = whole.plan
        inner, condition = _apart(self.plan, inner, condition)
        self.plan = lp.Join(self.plan, inner, kind, condition, mark=mark)

    def _in(self, part: InSubquery, negated: bool) -> None:
        plan, condition = self._in_condition(part)
        if not negated:
            self.plan = lp.Join(self.plan, plan, lp.JoinType.SEMI, condition)
            return
        columns = plan.output[: len(part.values)]
        nullable = any(v.nullable or c.null for v, c in zip(part.values, columns, strict=True))
        terms = conjuncts(condition)
        if not nullable:
            self.plan = lp.Join(self.plan, plan, lp.JoinType.ANTI, condition)
        elif len(terms) == 1 and len(part.values) == 1:
            self.plan = lp.Join(self.plan, plan, lp.JoinType.ANTI, condition, null_aware=True)
        else:
            _, unknown = self._in_condition(part, unknown=True, plan=plan)
            either = disjunction([c for c in (condition, unknown) if c is not None])
            self.plan = lp.Join(self.plan, plan, lp.JoinType.ANTI, either)

    def _in_condition(
        self, part: InSubquery, unknown: bool = False, plan: lp.LogicalPlan | None = None
    ) -> tuple[lp.LogicalPlan, Expression | None]:
        """The subquery's plan and the condition under which a row of it is a partner.

        With `unknown`, the condition under which it is not known whether it is one: no difference, and a null.
        """
        inner = rewrite_subqueries(part.plan)
        predicates: list[Expression] = []
        try:
            pulled = pull_up(inner)
            if pulled.grouped:
                raise CannotPull
            columns = inner.output
            inner, predicates = pulled.plan, [unwrap(p) for p in pulled.predicates]
        except CannotPull:
            columns = inner.output
            whole = over_domain(inner, self.plan, part.outer)
            predicates = [equality(a, b, null_safe=True) for a, b in zip(part.outer, whole.domain, strict=True)]
            inner = whole.plan
        # Partners' columns first, so that callers find them by position.
        present = {c.id for c in columns}
        rest = tuple(a for a in inner.output if a.id not in present)
        inner = inner if _same(inner.output, (*columns, *rest)) else lp.Project(inner, (*columns, *rest))
        pairs = [equality(v, c) for v, c in zip(part.values, columns, strict=True)]
        terms: list[Expression] = [*predicates]
        if unknown:
            null = disjunction([Call("isnull", (p,), t.BOOLEAN, False) for p in pairs])
            possible = [disjunction([p, Call("isnull", (p,), t.BOOLEAN, False)]) for p in pairs]
            terms = [*terms, null, *(possible if len(pairs) > 1 else [])]
        else:
            terms = [*pairs, *terms]
        inner, condition = _apart(self.plan, inner, conjunction(terms))
        if plan is not None:
            names: dict[int, Expression] = {a.id: b for a, b in zip(inner.output, plan.output, strict=True)}
            return plan, None if condition is None else rebound(condition, names)
        return inner, condition

    def _scalar(self, part: ScalarSubquery) -> Expression:
        plan = rewrite_subqueries(part.plan)
        value = plan.output[0]
        if not part.outer:
            if _always_one_row(plan):
                inner, names = renamed_plan(plan) if _overlaps(self.plan, plan) else (plan, {})
                self.plan = lp.Join(self.plan, inner, lp.JoinType.CROSS)
                return rebound(value, names)
            single = _at_most_one(plan, ())
            self.plan = lp.Join(self.plan, single, lp.JoinType.CROSS)
            return single.output[0]
        try:
            pulled = pull_up(plan)
            return self._scalar_by_predicates(plan, pulled, value)
        except CannotPull:
            whole = over_domain(plan, self.plan, part.outer)
            single = _at_most_one(lp.Project(whole.plan, (value, *whole.domain)), whole.domain)
            same = conjunction(equality(a, b, null_safe=True) for a, b in zip(part.outer, whole.domain, strict=True))
            self.plan = lp.Join(self.plan, single, lp.JoinType.LEFT, same)
            return single.output[0]

    def _scalar_by_predicates(self, plan: lp.LogicalPlan, pulled: PulledUp, value: Attribute) -> Expression:
        predicates = [unwrap(p) for p in pulled.predicates]
        inner = pulled.plan
        if pulled.grouped:
            missing = _value_of_nothing(plan)
            found = Alias(Literal(True, t.BOOLEAN), "found", new_id())
            if missing is not None:
                inner = lp.Project(inner, (*inner.output, found))
            inner, condition = _apart(self.plan, inner, conjunction(predicates))
            position = next(i for i, a in enumerate(pulled.plan.output) if a.id == value.id)
            self.plan = lp.Join(self.plan, inner, lp.JoinType.LEFT, condition)
            result = _nullable(inner.output[position])
            if missing is None:
                return result
            marker = _nullable(inner.output[-1])
            absent = Call("isnull", (marker,), t.BOOLEAN, False)
            return Case((absent,), (missing,), result)
        keys = tuple(a for a in inner.output if any(a == p for term in predicates for p in walk(term)))
        if not all(isinstance(p, Call) and p.name in ("=", "<=>") for p in predicates):
            raise CannotPull
        single = _at_most_one(lp.Project(inner, (value, *keys)), keys)
        single, condition = _apart(self.plan, single, conjunction(predicates))
        self.plan = lp.Join(self.plan, single, lp.JoinType.LEFT, condition)
        return _nullable(single.output[0])


def _nullable(a: Attribute) -> Attribute:
    return Attribute(a.name, a.type, True, a.id, a.qualifier, a.metadata)


def _overlaps(one: lp.LogicalPlan, other: lp.LogicalPlan) -> bool:
    ids = {a.id for a in one.output}
    return any(a.id in ids for a in other.output)


def _apart(
    outer: lp.LogicalPlan, inner: lp.LogicalPlan, condition: Expression | None
) -> tuple[lp.LogicalPlan, Expression | None]:
    """Gives the inner plan column ids of its own where it shares some with the outer (a table queried twice).

    Predicates were pulled out of the inner plan, so in them the inner column is meant only if the outer has it not;
    analysis gives every relation fresh ids, so an overlap can only come from a common table expression's inlining.
    """
    if not _overlaps(outer, inner):
        return inner, condition
    renamed, names = renamed_plan(inner)
    return renamed, None if condition is None else rebound(condition, names)


def _always_one_row(plan: lp.LogicalPlan) -> bool:
    if isinstance(plan, lp.Project | lp.SubqueryAlias | lp.Sort):
        return _always_one_row(plan.child)
    return (isinstance(plan, lp.Aggregate) and not plan.grouping) or isinstance(plan, lp.OneRow)


def _without_limit(plan: lp.LogicalPlan) -> lp.LogicalPlan:
    """EXISTS does not care how many rows there are beyond one, nor in which order."""
    while True:
        if isinstance(plan, lp.Sort) or (
            isinstance(plan, lp.Limit) and plan.offset is None and isinstance(plan.count, Literal) and plan.count.value
        ):
            plan = plan.child
        else:
            return plan


def _only_rows(plan: lp.LogicalPlan) -> lp.LogicalPlan:
    """The plan without a select list, which EXISTS does not look at."""
    while isinstance(plan, lp.Project | lp.SubqueryAlias | lp.Distinct):
        plan = plan.child
    return plan


def _at_most_one(plan: lp.LogicalPlan, keys: Sequence[Attribute]) -> lp.LogicalPlan:
    """One row for each combination of keys, with an error where there are more; the value comes first."""
    value = plan.output[0]
    count = AggregateCall("count", (Literal(1, t.INTEGER),), t.LONG, False)
    first = AggregateCall("first", (value,), value.type, True)
    many = Call(">", (count, Literal(1, t.LONG)), t.BOOLEAN, False)
    checked = Case((many,), (Call(TOO_MANY_ROWS, (), value.type, True),), first)
    column = Alias(checked, value.name, new_id())
    return lp.Aggregate(plan, tuple(keys), (column, *keys))


def _value_of_nothing(plan: lp.LogicalPlan) -> Expression | None:
    """What a global aggregation yields for no rows, when that is not null."""
    while isinstance(plan, lp.SubqueryAlias | lp.Sort):
        plan = plan.child
    if isinstance(plan, lp.Project):
        columns = {c.id: c.child for c in plan.columns if isinstance(c, Alias)}
        inner = plan.child
        while isinstance(inner, lp.SubqueryAlias | lp.Sort):
            inner = inner.child
        if not isinstance(inner, lp.Aggregate):
            raise CannotPull
        below = {c.id: empty_value(c.child) for c in inner.columns if isinstance(c, Alias)}
        first = plan.output[0]
        expression = rebound(columns.get(first.id, first), below)
    elif isinstance(plan, lp.Aggregate):
        column = plan.columns[0]
        expression = empty_value(column.child) if isinstance(column, Alias) else column
    else:
        raise CannotPull
    if any(isinstance(p, Attribute) for p in walk(expression)):
        raise CannotPull
    literals = [p for p in walk(expression) if isinstance(p, Literal)]
    # Nothing but nulls below strict functions: null again. COALESCE and the like keep the expression.
    lenient = any(isinstance(p, Case) or (isinstance(p, Call) and p.name in _LENIENT) for p in walk(expression))
    if not lenient and any(literal.value is None for literal in literals):
        return None
    return expression


_LENIENT = frozenset(
    (
        "coalesce",
        "nvl",
        "nvl2",
        "ifnull",
        "isnull",
        "isnotnull",
        "<=>",
        "if",
        "concat_ws",
        "and",
        "or",
        "nullif",
        "array",
    )
)
