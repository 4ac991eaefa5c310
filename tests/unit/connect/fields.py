"""What becomes of every field a client may set: found out by setting it and looking whether anything changes.

A field is *read* when some change of it changes the plan, the answer, the error or the session; *refused* when setting
it is an error that names the feature; *ignored* when nothing whatever changes.
"""

from __future__ import annotations

import functools
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from headrace_driver.catalog.views import SessionViews
from headrace_driver.connect import conversion, expressions, show
from headrace_driver.connect.analyze_calls import AnalyzeCalls
from headrace_driver.connect.config_calls import configure
from headrace_driver.connect.execute_plan import Answer, PlanExecution
from headrace_driver.connect.planning_threads import PlanningThreads
from headrace_driver.connect.protocol import (
    base_pb2,
    commands_pb2,
    expressions_pb2,
    relations_pb2,
    types_pb2,
)
from headrace_driver.errors import Origin, SparkError
from headrace_driver.plan import expressions as e
from headrace_driver.plan import logical as p
from headrace_driver.plan import types as t
from headrace_driver.session import Session, SessionKey, SessionStore, ViewEntry
from tests.unit.connect import field_cases as cases
from tests.unit.connect.fake_engine import FakePrepared

READ, REFUSED, IGNORED = "read", "refused", "ignored"

Key = tuple[str, str]
"""A message's name without `spark.connect.`, and a field's."""

_SESSION = "00112233-4455-6677-8899-aabbccddeeff"


class _Echo:
    """An engine that resolves every plan to rows that say what the plan was."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def analyze(self, plan: p.LogicalPlan, session: Session) -> p.LogicalPlan:
        self.seen.append(repr(plan))
        match plan:
            case p.CreateView():
                return p.replace(plan, child=_rows(repr(plan.child)))
            case p.WriteFiles():
                return plan
            case p.UnresolvedRelation(parts=parts):
                return session.catalog.relation(parts, plan.origin)
            case _:
                return _rows(repr(plan))

    def prepare(self, plan: p.LogicalPlan, session: Session, description: str) -> FakePrepared:
        return FakePrepared(t.StructType(()), None, plan, session.conf.time_zone)

    def caching(self, cached: Any) -> FakePrepared:
        return FakePrepared(t.StructType(()), None, cached.plan, str(cached.level))

    def explain(self, plan: p.LogicalPlan, session: Session, mode: p.ExplainMode) -> str:
        return f"{mode} {plan!r}"


def _rows(text: str) -> p.LocalData:
    # The texts of plans are the names of columns, so that plans differ wherever what they stand for does.
    field = t.StructField(text, t.StructType((t.StructField("inner", t.LONG),)))
    return p.LocalData(b"", t.StructType((field,)), 0, (e.Attribute(text, field.dtype, True, 1),))


_STORE = SessionStore(Path(tempfile.gettempdir()) / "never-made", lambda: 0.0, SessionViews)


class _Artifacts:
    """What `field_cases` takes to be uploaded."""

    def __init__(self) -> None:
        relation = relations_pb2.LocalRelation(data=cases.STREAM, schema="a BIGINT")
        self._content: dict[str, bytes] = {
            cases.CACHED: relation.SerializeToString(),
            "chunk": cases.STREAM,
            "schema": b"a BIGINT",
        }

    def has(self, name: str) -> bool:
        return name.removeprefix("cache/") in self._content

    def read(self, name: str) -> bytes:
        return self._content[name.removeprefix("cache/")]

    def clear(self) -> None:
        """Nothing was made."""


def _session() -> Session:
    """One with a view, a global view, two remote relations and a setting."""
    key = SessionKey("", _SESSION)
    _STORE.close(key, may_return=True)
    session = _STORE.get_or_create(key)
    session.artifacts = _Artifacts()  # type: ignore[assignment]
    session.server_side_id = _SESSION
    session.catalog.create_view(("view",), _rows("view"), False, False)
    session.catalog.create_view(("shared",), _rows("shared"), False, True)
    session.remote_relations.update(r=_rows("remote"), kept=_rows("kept"))
    session.conf.set("x.set", "1")
    return session


def _state(session: Session) -> tuple[object, ...]:
    views = [(entry, repr(session.catalog.view(_name(entry)))) for entry in session.catalog.views()]
    cached = [(repr(entry.plan), str(entry.level)) for entry in session.cache._entries.values()]
    # A remote relation gets an id of its own each time.
    return views, len(session.remote_relations), session.conf.changed(), cached


def _name(entry: ViewEntry) -> tuple[str, ...]:
    return ("global_temp", entry.name) if entry.is_global else (entry.name,)


def _relation(proto: Any, session: Session, engine: _Echo) -> object:
    display = show.display_of(proto)
    converter = conversion.relations(session, engine)  # type: ignore[arg-type]
    if display is not None:
        return display[0], repr(converter.convert(display[1]))
    return repr(converter.convert(proto))


def _command(proto: Any, session: Session, engine: _Echo) -> object:
    planned = PlanExecution(session, engine, PlanningThreads(1))._plan_command(proto)  # type: ignore[arg-type]
    if isinstance(planned, Answer):
        return [_without_ids(response) for response in planned.responses]
    prepared: Any = planned.prepared
    return repr(prepared.plan), prepared.time_zone, _without_ids(planned.last) if planned.last else None


def _without_ids(response: Any) -> str:
    response.checkpoint_command_result.relation.ClearField("relation_id")
    return str(response)


def _analysis(proto: Any, session: Session, engine: _Echo) -> object:
    return str(AnalyzeCalls(session, engine).answer(proto))  # type: ignore[arg-type]


def _config(proto: Any, session: Session, engine: _Echo) -> object:
    response = base_pb2.ConfigResponse()
    configure(session.conf, proto, response)
    return str(response)


_Ask = Callable[[Any, Session, _Echo], object]

_SUBJECTS: list[tuple[Any, _Ask, list[cases.Fields]]] = [
    (relations_pb2.Relation, _relation, cases.RELATIONS),
    (commands_pb2.Command, _command, cases.COMMANDS),
    (base_pb2.AnalyzePlanRequest, _analysis, cases.ANALYSES),
    (base_pb2.ConfigRequest.Operation, _config, cases.CONFIGS),
]


@dataclass(frozen=True)
class _Outcome:
    """What came of a message: an error, or an answer and what is left in the session."""

    error_class: str | None
    what: object

    @property
    def accepted(self) -> bool:
        return self.error_class is None

    @property
    def is_refusal(self) -> bool:
        return (self.error_class or "").startswith("UNSUPPORTED_FEATURE")


_unchanged: list[tuple[Session, object]] = []
"""A session that no message has changed yet, and its state."""


def _outcome(ask: _Ask, proto: Any) -> _Outcome:
    if not _unchanged:
        session = _session()
        _unchanged.append((session, _state(session)))
    (session, fresh), engine = _unchanged[0], _Echo()
    session.cache.refresh_path = engine.seen.append  # type: ignore[assignment,method-assign]
    _origins.clear()
    try:
        answer: object = ask(proto, session, engine)
        outcome = _Outcome(None, (answer, _state(session), engine.seen, list(_origins)))
    except SparkError as error:
        outcome = _Outcome(error.error_class, str(error))
    if _state(session) != fresh:
        _unchanged.clear()
    return outcome


_origins: list[str] = []
_origin_of = expressions.origin_of


def _noted_origin(common: Any) -> Origin:
    """Plans do not show where they come from."""
    origin = _origin_of(common)
    _origins.append(f"{origin} {origin.call_site}")
    return origin


_Wanted = Callable[[Key, bool], bool]
"""Whether a field is still to be tried, by its key and whether it is set."""

_SAMPLES: dict[str, Any] = {
    "spark.connect.Relation": relations_pb2.Relation(range=relations_pb2.Range(end=77, step=1)),
    "spark.connect.Expression": expressions_pb2.Expression(
        unresolved_attribute=expressions_pb2.Expression.UnresolvedAttribute(unparsed_identifier="changed")
    ),
    "spark.connect.Expression.Literal": expressions_pb2.Expression.Literal(long=77),
    "spark.connect.DataType": types_pb2.DataType(date=types_pb2.DataType.Date()),
    "spark.connect.Plan": base_pb2.Plan(root=relations_pb2.Relation(range=relations_pb2.Range(end=77, step=1))),
}


def _sample(field: Any) -> Any:
    """A value for a field of messages."""
    given = _SAMPLES.get(field.message_type.full_name)
    return given if given is not None else field.message_type._concrete_class()


def _scalars(field: Any, current: Any) -> list[Any]:
    """Other values than the current one."""
    if field.enum_type is not None:
        return [value.number for value in field.enum_type.values if value.number != current]
    match field.cpp_type:
        case field.CPPTYPE_BOOL:
            return [not current]
        case field.CPPTYPE_STRING:
            return [current + b"x", b""] if isinstance(current, bytes) else [current + "x", "changed", ""]
        case field.CPPTYPE_FLOAT | field.CPPTYPE_DOUBLE:
            return [current + 0.25]
        case _:
            return [current + 1]


def _changes(message: Any, wanted: _Wanted) -> Iterator[tuple[Key, Any, Any]]:
    """Copies of a message, each with one field set, at any depth; with what to compare it with where that is not the
    message itself, since setting one field of a oneof takes another away."""
    name = message.DESCRIPTOR.full_name.removeprefix("spark.connect.")
    for field in message.DESCRIPTOR.fields:
        if wanted((name, field.name), field.has_presence and message.HasField(field.name)):
            without = None
            if field.has_presence:
                without = _copy(message)
                for each in field.containing_oneof.fields if field.containing_oneof is not None else (field,):
                    without.ClearField(each.name)
            for change in _field_changes(field, getattr(message, field.name)):
                changed = _copy(message)
                change(changed)
                yield (name, field.name), without, changed
        yield from _changes_below(message, field, wanted)


def _field_changes(field: Any, current: Any) -> list[Callable[[Any], Any]]:
    name = field.name
    if _is_map(field):
        value = field.message_type.fields_by_name["value"]
        if value.message_type is not None:
            return [lambda m: getattr(m, name)["changed"].CopyFrom(_sample(value))]
        return [lambda m: getattr(m, name).__setitem__("changed", "changed")]
    if field.is_repeated:
        added = list(current)[:1] or ([_sample(field)] if field.message_type is not None else [_new(field)])
        changes: list[Callable[[Any], Any]] = [lambda m: getattr(m, name).extend(added)]
        if len(current) and field.message_type is None:
            changes.append(lambda m: getattr(m, name).__setitem__(slice(None), [_new(field)]))
        return [*changes, lambda m: m.ClearField(name)] if len(current) else changes
    if field.message_type is not None:
        given = (_sample(field), type(current)(), _copy(current))
        return [functools.partial(_set_message, name=name, value=value) for value in given]
    values = [*_scalars(field, current), *([current] if field.has_presence else [])]
    return [functools.partial(_set, name=name, value=value) for value in values]


def _set(message: Any, name: str, value: Any) -> None:
    setattr(message, name, value)


def _set_message(message: Any, name: str, value: Any) -> None:
    message.ClearField(name)
    getattr(message, name).CopyFrom(value)
    getattr(message, name).SetInParent()


def _is_map(field: Any) -> bool:
    return field.message_type is not None and bool(field.message_type.GetOptions().map_entry)


def _new(field: Any) -> Any:
    """A value of a field whose values are no messages."""
    if field.cpp_type == field.CPPTYPE_STRING:
        return b"new" if field.type == field.TYPE_BYTES else "new"
    return field.cpp_type == field.CPPTYPE_BOOL or 1


def _changes_below(message: Any, field: Any, wanted: _Wanted) -> Iterator[tuple[Key, Any, Any]]:
    if field.message_type is None or not field.message_type.full_name.startswith("spark.connect."):
        return
    value = getattr(message, field.name)
    if _is_map(field):
        places = list(value) if field.message_type.fields_by_name["value"].message_type is not None else []
    elif field.is_repeated:
        places = list(range(len(value)))[:1]
    else:
        places = [None] if message.HasField(field.name) else []

    def around(place: Any, below: Any) -> Any:
        changed = _copy(message)
        target = getattr(changed, field.name)
        (target if place is None else target[place]).CopyFrom(below)
        return changed

    for place in places:
        for key, without, changed in _changes(value if place is None else value[place], wanted):
            yield key, None if without is None else around(place, without), around(place, changed)


def _copy(message: Any) -> Any:
    copied = type(message)()
    copied.CopyFrom(message)
    return copied


TRIES_MAX = 25
"""Changes of one field that are tried: kinds of relations and expressions fit everywhere."""


def found() -> dict[Key, str]:
    """What becomes of every field that the cases reach."""
    fates: dict[Key, str] = {}
    tries: Counter[Key] = Counter()

    def wanted(key: Key, is_set: bool) -> bool:
        return fates.get(key) != READ and (is_set or tries[key] < TRIES_MAX)

    with mock.patch.object(expressions, "origin_of", _noted_origin):
        for kind, ask, all_fields in _SUBJECTS:
            for fields in all_fields:
                message = kind(**fields)
                before = _outcome(ask, message)
                for key, without, changed in _changes(message, wanted):
                    tries[key] += 1
                    start = before if without is None else _outcome(ask, without)
                    fate = _fate(start, _outcome(ask, changed))
                    fates[key] = min(fates.get(key, _UNKNOWN), fate, key=_RANK.index)
    return {key: _FINALLY.get(fate, fate) for key, fate in fates.items()}


_ONLY_ERRORS = "only errors"
_UNKNOWN = "below something that is refused"
_RANK = (READ, REFUSED, _ONLY_ERRORS, IGNORED, _UNKNOWN)
_FINALLY = {_ONLY_ERRORS: READ, _UNKNOWN: REFUSED}


def _fate(before: _Outcome, after: _Outcome) -> str:
    if before == after:
        return _UNKNOWN if after.is_refusal else IGNORED
    if after.is_refusal:
        return REFUSED
    return READ if after.accepted else _ONLY_ERRORS


def reachable(roots: list[Any], refused: Callable[[Key], bool]) -> set[Key]:
    """Every field below these messages; what is refused as a whole is not looked into."""
    fields: set[Key] = set()
    seen = set()

    def visit(descriptor: Any) -> None:
        if descriptor.full_name in seen or not descriptor.full_name.startswith("spark.connect."):
            return
        seen.add(descriptor.full_name)
        for field in descriptor.fields:
            key = (descriptor.full_name.removeprefix("spark.connect."), field.name)
            if not descriptor.GetOptions().map_entry:
                fields.add(key)
            if field.message_type is not None and not refused(key):
                visit(field.message_type)

    for root in roots:
        visit(root)
    return fields
