"""The tasks of a stage: how its inputs are cut into slices, one slice of each input a task."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from itertools import pairwise

from headrace_driver.catalog.source import ColumnRange, RowGroup, SourceFile
from headrace_driver.plan import types as t
from headrace_driver.plan.expressions import Attribute, Call, Literal
from headrace_driver.plan.options import DEFAULT_OPTIONS, PlannerOptions
from headrace_driver.plan.physical.exchange import ExchangeKind, ReadBroadcast, ReadExchange
from headrace_driver.plan.physical.operator import KeyRanges, Operator, Spread
from headrace_driver.plan.physical.operators import OneRowScan, ScanFiles, ScanRange, ScanRows, UnionRows
from headrace_driver.plan.stage import ClusterShape, HostPreference, ShuffleRead, TaskSpec
from headrace_driver.plan.stages.pruning import may_match, prunable_columns
from headrace_driver.render.expressions import Renderer
from headrace_driver.render.types import identifier
from headrace_proto.v1 import task_pb2


@dataclass(slots=True)
class Part:
    """One task in the making: its slice of each input, by position."""

    slices: dict[int, task_pb2.InputSlice] = field(default_factory=dict)
    reads: list[ShuffleRead] = field(default_factory=list)
    bytes: int = 0
    hosts: dict[str, int] = field(default_factory=dict)
    strict: bool = False
    workers: bool = False

    def merged(self, other: Part) -> Part:
        """Both parts in one task."""
        hosts = dict(self.hosts)
        for host, held in other.hosts.items():
            hosts[host] = hosts.get(host, 0) + held
        return Part(
            {**self.slices, **other.slices},
            [*self.reads, *other.reads],
            self.bytes + other.bytes,
            hosts,
            self.strict or other.strict,
            self.workers or other.workers,
        )


class TaskCutter:
    """Cuts one stage, given its leaves in the order of the program's inputs."""

    def __init__(
        self, leaves: Sequence[Operator], cluster: ClusterShape, options: PlannerOptions = DEFAULT_OPTIONS
    ) -> None:
        # A subtree may stand in a stage more than once (a shared definition): each time its leaves have an input.
        self._positions: dict[int, list[int]] = {}
        for position, leaf in enumerate(leaves):
            self._positions.setdefault(id(leaf), []).append(position)
        self._leaves = leaves
        self._cluster = cluster
        self._options = options
        self._everywhere = Part()
        self._groups: dict[int, list[tuple[int, int]]] = {}

    def tasks(self, root: Operator) -> tuple[TaskSpec, ...]:
        """All tasks; at least one, since an aggregation of nothing still has a row."""
        self._group_reducers()
        parts = self._parts(root)
        if parts is None or not parts:
            parts = [Part()]
        return tuple(self._task(i, part.merged(self._everywhere)) for i, part in enumerate(parts))

    def _task(self, partition: int, part: Part) -> TaskSpec:
        slices = tuple(part.slices.get(i, _EMPTY) for i in range(len(self._leaves)))
        preferences = tuple(HostPreference(host, held, part.workers) for host, held in part.hosts.items())
        return TaskSpec(partition, slices, tuple(part.reads), part.bytes, preferences, part.strict)

    def _group_reducers(self) -> None:
        """Joins neighbouring reducers, alike for all exchanges with the same number of them."""
        totals: dict[int, list[int]] = {}
        alone: dict[int, set[int]] = {}
        for leaf in self._leaves:
            if isinstance(leaf, ReadExchange) and not leaf.exact_tasks and leaf.exchange.kind is not ExchangeKind.KEEP:
                sizes = leaf.exchange.finished.partition_bytes
                total = totals.setdefault(leaf.exchange.partitions, [0] * leaf.exchange.partitions)
                for reducer, size in enumerate(sizes):
                    total[reducer] += size
                apart = alone.setdefault(leaf.exchange.partitions, set())
                apart.update(leaf.omitted, (split.reducer for split in leaf.splits))
        for partitions, sizes in totals.items():
            self._groups[partitions] = coalesce_around(sizes, alone[partitions], self._cluster.slots, self._options)

    def _parts(self, op: Operator) -> list[Part] | None:
        """The tasks an operator's rows are spread over; None: every task has them all."""
        positions = self._positions.get(id(op))
        if positions is not None:
            return self._leaf(op, positions.pop())
        if isinstance(op, OneRowScan):
            return None
        children = [self._parts(child) for child in op.inputs()]
        spread = [parts for parts in children if parts is not None]
        if not spread:
            return None
        if isinstance(op, UnionRows):
            return [part for parts in spread for part in parts]
        first = spread[0]
        for parts in spread[1:]:
            assert len(parts) == len(first), "the sides of an operator lie differently"
            first = [a.merged(b) for a, b in zip(first, parts, strict=True)]
        return first

    def _leaf(self, op: Operator, position: int) -> list[Part] | None:
        if isinstance(op, ReadBroadcast):
            return None
        if isinstance(op, ReadExchange):
            return self._read(op, position)
        assert isinstance(op, ScanFiles | ScanRows | ScanRange)
        everywhere = op.placement.spread is Spread.EVERYWHERE
        if isinstance(op, ScanFiles):
            parts = scan_parts(op, position, 1 if everywhere else self._cluster.slots, self._options)
        else:
            parts = row_parts(op, position, 1 if everywhere else self._cluster.slots, self._options)
        if not everywhere:
            return parts
        for part in parts:
            self._everywhere = self._everywhere.merged(part)
        return None

    def _read(self, op: ReadExchange, position: int) -> list[Part]:
        exchange = op.exchange
        stage = exchange.stage_id
        if exchange.kind is ExchangeKind.KEEP:
            return self._read_maps(op, position)
        sizes = exchange.finished.partition_bytes
        if op.max_tasks == 1:
            groups = [(0, exchange.partitions)]
        elif op.exact_tasks:
            groups = [(r, 1) for r in range(exchange.partitions)]
        else:
            groups = self._groups[exchange.partitions]
        if op.splits or op.omitted:
            return _split_parts(op, position, groups)
        return [_shuffle_part(position, ShuffleRead(stage, r, n), sum(sizes[r : r + n])) for r, n in groups]

    def _read_maps(self, op: ReadExchange, position: int) -> list[Part]:
        exchange = op.exchange
        maps = max(1, exchange.origin.maps)
        total = exchange.finished.bytes
        wanted = op.max_tasks or max(self._cluster.slots, math.ceil(total / self._options.reduce_task_bytes))
        if op.exact_tasks:
            wanted = maps
        elif not op.max_tasks and total < self._options.reduce_task_min_bytes:
            wanted = 1
        wanted = max(1, min(wanted, maps))
        edges = [maps * i // wanted for i in range(wanted + 1)]
        return [
            _shuffle_part(
                position, ShuffleRead(exchange.stage_id, 0, 1, low, high - low, exchange.job_id), total // wanted
            )
            for low, high in pairwise(edges)
        ]


_EMPTY = task_pb2.InputSlice()


def _shuffle_part(position: int, read: ShuffleRead, size: int) -> Part:
    message = task_pb2.ShuffleSlice(
        first_reducer=read.first_reducer,
        reducer_count=read.reducer_count,
        map_first=read.map_first,
        map_count=read.map_count,
    )
    return Part({position: task_pb2.InputSlice(shuffle=message)}, [read], size)


def _split_parts(op: ReadExchange, position: int, groups: Sequence[tuple[int, int]]) -> list[Part]:
    """One part a group, several where a reducer is split, none where it is read elsewhere."""
    stage, sizes = op.exchange.stage_id, op.exchange.finished.partition_bytes
    maps = max(1, op.exchange.origin.maps)
    splits = {split.reducer: split.maps for split in op.splits}
    parts: list[Part] = []
    for first, count in groups:
        if first in op.omitted:
            continue
        size = sum(sizes[first : first + count])
        for map_first, map_count in splits.get(first, ((0, 0),)):
            share = size * map_count // maps if map_count else size
            parts.append(_shuffle_part(position, ShuffleRead(stage, first, count, map_first, map_count), share))
    return parts


def coalesce_around(
    sizes: Sequence[int], alone: Set[int], slots: int, options: PlannerOptions
) -> list[tuple[int, int]]:
    """Like `coalesce`, but reducers that are split or left out are each a run of their own."""
    if not alone:
        return coalesce(sizes, slots, options)
    total = sum(sizes) or 1
    runs: list[tuple[int, int]] = []
    first = 0
    for stop in (*sorted(alone), len(sizes)):
        piece = sizes[first:stop]
        if piece:
            # Two tasks a slot's share of all bytes, so that those beside a skewed partition even out.
            share = math.ceil(2 * slots * sum(piece) / total)
            runs.extend((first + at, count) for at, count in coalesce(piece, max(1, share), options))
        if stop < len(sizes):
            runs.append((stop, 1))
        first = stop + 1
    return runs


def coalesce(sizes: Sequence[int], slots: int, options: PlannerOptions) -> list[tuple[int, int]]:
    """Runs (first, count) of neighbouring reducers, each of about the bytes one task should have."""
    total = sum(sizes)
    # Several tasks only where each has enough to do; no fewer than there are slots once it has.
    at_once = min(slots, total // options.reduce_task_min_bytes)
    wanted = min(len(sizes), max(1, at_once, math.ceil(total / options.reduce_task_bytes)))
    aim = total / wanted
    runs: list[tuple[int, int]] = []
    first, held, done = 0, 0, 0
    for reducer, size in enumerate(sizes):
        held += size
        # The boundary nearest to the ideal one, so that rounding does not pile up in the last task.
        if done + held >= aim * (len(runs) + 1) - 0.5 and len(runs) < wanted - 1:
            runs.append((first, reducer - first + 1))
            first, done, held = reducer + 1, done + held, 0
    if first < len(sizes):
        runs.append((first, len(sizes) - first))
    return runs


def row_parts(op: ScanRows | ScanRange, position: int, slots: int, options: PlannerOptions) -> list[Part]:
    """Slices of rows counted off evenly."""
    rows = op.rows if isinstance(op, ScanRange) else op.data.rows
    wanted = max(1, min(slots, math.ceil(rows / options.scan_task_rows)))
    if isinstance(op, ScanRange) and op.tasks is not None:
        wanted = max(1, op.tasks)
    edges = [rows * i // wanted for i in range(wanted + 1)]
    return [
        Part(
            {position: task_pb2.InputSlice(rows=task_pb2.RowSlice(offset=low, length=high - low))},
            bytes=(high - low) * 8,
        )
        for low, high in pairwise(edges)
    ]


@dataclass(frozen=True, slots=True)
class _Piece:
    """One row group (`number` of file `index`), or one file that cannot be cut, with the bytes of the columns read."""

    file: SourceFile
    group: RowGroup | None
    bytes: float
    index: int = 0
    number: int = 0


def scan_parts(op: ScanFiles, position: int, slots: int, options: PlannerOptions) -> list[Part]:
    """Slices of files: row groups that the predicate does not rule out, in runs of about equal bytes."""
    if op.placement.ranges is not None:
        return _ranged_parts(op, position, op.placement.ranges)
    pieces = _pieces(op)
    total = sum(piece.bytes for piece in pieces)
    rows = sum(piece.group.rows for piece in pieces if piece.group is not None)
    enough = math.ceil(rows / options.scan_task_rows) if rows else len(pieces)
    per_slot = max(1, math.ceil(total / (options.scan_task_bytes * max(1, slots))))
    wanted = max(1, min(slots * per_slot, enough, len(pieces), options.scan_tasks_max))
    if slots == 1:
        wanted = 1
    if op.source.strict_hosts:
        return _held_parts(op, position, pieces, wanted)
    return [_scan_part(op, position, run) for run in _runs(pieces, wanted)]


def _ranged_parts(op: ScanFiles, position: int, ranges: KeyRanges) -> list[Part]:
    """One task for each range of the key: the row groups that overlap it, and a condition that cuts off the rest."""
    name = identifier(op.source.schema.fields[op.key_column].name)
    dtype = op.source.schema.fields[op.key_column].dtype
    key = Attribute("key", dtype, False, 0)
    pieces = _pieces(op)
    bounds = [_key_bounds(op, piece) for piece in pieces]
    parts = []
    for low, high in pairwise((None, *ranges.points, None)):
        run = [
            piece
            for piece, (least, most) in zip(pieces, bounds, strict=True)
            if (low is None or most >= low) and (high is None or least < high)
        ]
        terms = [Call(">=", (key, Literal(low, dtype)), t.BOOLEAN, False)] if low is not None else []
        terms += [Call("<", (key, Literal(high, dtype)), t.BOOLEAN, False)] if high is not None else []
        renderer = Renderer(names={0: name})
        part = _scan_part(op, position, run)
        part.slices[position].scan.condition = " AND ".join(renderer.expression(term) for term in terms)
        parts.append(part)
    return parts


def _key_bounds(op: ScanFiles, piece: _Piece) -> tuple[int, int]:
    assert piece.group is not None
    known = op.source.ranges(op.key_column, piece.index)[piece.number]
    assert isinstance(known.minimum, int)
    assert isinstance(known.maximum, int)
    return known.minimum, known.maximum


def _held_parts(op: ScanFiles, position: int, pieces: list[_Piece], wanted: int) -> list[Part]:
    """Worker-held files: every task's files are with one worker."""
    by_host: dict[tuple[str, ...], list[_Piece]] = defaultdict(list)
    for piece in pieces:
        by_host[piece.file.hosts].append(piece)
    share = max(1, wanted // max(1, len(by_host)))
    parts = [_scan_part(op, position, run) for held in by_host.values() for run in _runs(held, share)]
    for part in parts:
        part.strict = True
        part.workers = True
    return parts


def _pieces(op: ScanFiles) -> list[_Piece]:
    source = op.source
    share = _column_share(op)
    wanted = prunable_columns(op.predicate)
    columns = [(a.id, c) for a, c in zip(op.output, op.columns, strict=True) if a.id in wanted]
    pieces: list[_Piece] = []
    for index, file in enumerate(source.files()):
        if not file.row_groups:
            pieces.append(_Piece(file, None, file.bytes * share))
            continue
        ranges: dict[int, Sequence[ColumnRange]] = {i: source.ranges(c, index) for i, c in columns}
        for number, group in enumerate(file.row_groups):
            if not ranges or may_match(op.predicate, ranges, number):
                pieces.append(_Piece(file, group, group.bytes * share, index, number))
    return pieces


def _column_share(op: ScanFiles) -> float:
    """The share of a file's bytes that the columns read take."""
    source = op.source
    whole = sum(source.column_bytes(c) for c in range(len(source.schema.fields)))
    return sum(source.column_bytes(c) for c in op.columns) / whole if whole else 1.0


def _runs(pieces: list[_Piece], wanted: int) -> list[list[_Piece]]:
    total = sum(piece.bytes for piece in pieces) or 1.0
    runs: list[list[_Piece]] = []
    done = 0.0
    for piece in pieces:
        # A piece belongs to the run its middle falls into.
        run = min(wanted - 1, int((done + piece.bytes / 2) / total * wanted))
        while len(runs) <= run:
            runs.append([])
        runs[run].append(piece)
        done += piece.bytes
    return [run for run in runs if run]


def _scan_part(op: ScanFiles, position: int, run: list[_Piece]) -> Part:
    message = task_pb2.ScanSlice()
    part = Part()
    last: task_pb2.FileSlice | None = None
    for piece in run:
        group = piece.group
        if (
            last is not None
            and group is not None
            and last.path == piece.file.path
            and last.first_row + last.rows == group.first_row
        ):
            last.rows += group.rows
            last.bytes += int(piece.bytes)
        else:
            last = message.files.add(path=piece.file.path, bytes=int(piece.bytes))
            if group is not None:
                last.first_row, last.rows = group.first_row, group.rows
            for value in piece.file.partition_values:
                last.partition_values.add(value=value)
        part.bytes += int(piece.bytes)
        for host in piece.file.hosts:
            part.hosts[host] = part.hosts.get(host, 0) + int(piece.bytes)
    part.slices[position] = task_pb2.InputSlice(scan=message)
    return part
