"""`name => value` in calls: arguments put where the function's parameters of those names are."""

from __future__ import annotations

from headrace_driver.errors import Origin
from headrace_driver.plan import types as t
from headrace_driver.plan.analysis.messages import error
from headrace_driver.plan.analysis.suggestions import quoted
from headrace_driver.plan.expressions import Expression, Literal, NamedArgument

_X, _N = Literal("X", t.STRING), Literal("n", t.STRING)
_SIGNATURES: dict[str, tuple[tuple[str, Expression | None], ...]] = {
    "mask": (
        ("str", None),
        ("upperChar", _X),
        ("lowerChar", Literal("x", t.STRING)),
        ("digitChar", _N),
        ("otherChar", Literal(None, t.STRING)),
    ),
    "explode": (("collection", None),),
    "explode_outer": (("collection", None),),
    "posexplode": (("collection", None),),
    "posexplode_outer": (("collection", None),),
    "inline": (("input", None),),
    "inline_outer": (("input", None),),
}
"""Functions whose parameters may be named, with the defaults of those that may be missing; as in Spark, few."""


def in_order(name: str, args: tuple[Expression, ...], origin: Origin) -> tuple[Expression, ...]:
    """The arguments by position, defaults put in for missing ones."""
    routine = quoted((name,))
    signature = _SIGNATURES.get(name)
    if signature is None:
        raise error("NAMED_PARAMETERS_NOT_SUPPORTED", origin, functionName=routine)
    given: dict[str, Expression] = {}
    positional = 0
    for arg in args:
        if not isinstance(arg, NamedArgument):
            if given.keys() - {parameter.lower() for parameter, _ in signature[:positional]}:
                raise error(
                    "UNEXPECTED_POSITIONAL_ARGUMENT",
                    origin,
                    routineName=routine,
                    parameterName=quoted((next(iter(given)),)),
                )
            if positional == len(signature):
                return args
            given[signature[positional][0].lower()] = arg
            positional += 1
            continue
        folded = arg.name.lower()
        names = [parameter.lower() for parameter, _ in signature]
        if folded not in names:
            shown = [quoted((parameter,)) for parameter, _ in signature]
            raise error(
                "UNRECOGNIZED_PARAMETER_NAME",
                origin,
                routineName=routine,
                argumentName=quoted((arg.name,)),
                proposal=" ".join(shown),
            )
        if folded in given:
            kind = (
                "BOTH_POSITIONAL_AND_NAMED" if names.index(folded) < positional else "DOUBLE_NAMED_ARGUMENT_REFERENCE"
            )
            raise error(
                f"DUPLICATE_ROUTINE_PARAMETER_ASSIGNMENT.{kind}",
                origin,
                routineName=routine,
                parameterName=quoted((arg.name,)),
            )
        given[folded] = arg.value
    ordered: list[Expression] = []
    for index, (parameter, default) in enumerate(signature):
        value = given.get(parameter.lower(), default)
        if value is None:
            raise error(
                "REQUIRED_PARAMETER_NOT_FOUND",
                origin,
                routineName=routine,
                parameterName=quoted((parameter,)),
                index=str(index),
            )
        ordered.append(value)
    return tuple(ordered)
