"""Caching as clients ask for it: persist, CACHE TABLE and its kin, `spark.catalog`, checkpoints."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from headrace_driver.cache import levels
from headrace_driver.cache.data import CachedData, CheckpointFiles
from headrace_driver.cache.levels import StorageLevel
from headrace_driver.cache.matching import relation_over, same_rows
from headrace_driver.connect.protocol import Proto, common_pb2
from headrace_driver.connect.runner import QueryRunner
from headrace_driver.errors import ErrorKind, Origin, SparkError
from headrace_driver.plan import logical as p
from headrace_driver.plan import types as t
from headrace_driver.session import Session

CHECKPOINT_DIRECTORY = "spark.checkpoint.dir"


def level_of(m: Proto) -> StorageLevel:
    """A level as clients send it."""
    return StorageLevel(m.use_disk, m.use_memory, m.use_off_heap, m.deserialized, max(1, m.replication))


def level_message(level: StorageLevel) -> Proto:
    """The reverse of `level_of`."""
    return common_pb2.StorageLevel(
        use_disk=level.use_disk,
        use_memory=level.use_memory,
        use_off_heap=level.use_off_heap,
        deserialized=level.deserialized,
        replication=level.replication,
    )


def cache_table(command: p.CacheTable, session: Session, runner: QueryRunner) -> CachedData | None:
    """CACHE TABLE: caches what a name stands for, or a query under a new name. The rows are computed by the caller."""
    level = _level_option(command.options) or default_level(session)
    if command.query is not None:
        view = runner.analyze(p.CreateView(command.query, command.name, replace=False), session)
        assert isinstance(view, p.CreateView)
        session.catalog.create_view(view.name, view.child, False, False)
    return session.cache.add(plan_of(command.name, session, runner, command.origin), level, ".".join(command.name))


def default_level(session: Session) -> StorageLevel:
    """Of what is cached without saying where."""
    return levels.named(session.conf.mapping["spark.sql.defaultCacheStorageLevel"])


def _level_option(options: Mapping[str, str]) -> StorageLevel | None:
    """The option storageLevel; others are ignored, with a warning in Spark's log."""
    for name, value in options.items():
        if name.lower() == "storagelevel":
            return levels.named(value)
    return None


def uncache_table(
    name: tuple[str, ...], if_exists: bool, session: Session, runner: QueryRunner, origin: Origin
) -> None:
    """UNCACHE TABLE: what is not cached is left as it is."""
    try:
        plan = plan_of(name, session, runner, origin)
    except SparkError as error:
        if if_exists and error.error_class == "TABLE_OR_VIEW_NOT_FOUND":
            return
        raise
    session.cache.remove(plan)


def refresh_table(name: tuple[str, ...], session: Session, runner: QueryRunner, origin: Origin) -> None:
    """REFRESH TABLE: what is cached of the same files is computed anew when it is used next."""
    session.cache.refresh_plan(plan_of(name, session, runner, origin))


def plan_of(name: tuple[str, ...], session: Session, runner: QueryRunner, origin: Origin) -> p.LogicalPlan:
    """The plan a name stands for; raises TABLE_OR_VIEW_NOT_FOUND."""
    return runner.analyze(p.UnresolvedRelation(name, origin=origin), session)


def drop_cached_view(session: Session, name: tuple[str, ...], replaced_by: p.LogicalPlan | None = None) -> None:
    """A view that goes is cached no more, unless an equal one takes its name."""
    old = session.catalog.view(name) if len(session.cache) else None
    if old is not None and (replaced_by is None or same_rows(old) != same_rows(replaced_by)):
        session.cache.remove(old)


def local_checkpoint(plan: p.LogicalPlan, level: StorageLevel, session: Session) -> tuple[str, CachedData]:
    """A relation that stands for the rows of a plan and no longer for the plan: its id, and what is to be computed."""
    # As in Spark, a part evicted from memory must not be lost: there is no plan to compute it by.
    level = StorageLevel(True, level.use_memory, level.use_off_heap, level.deserialized, level.replication)
    cached = CachedData(plan, level, session, "checkpoint", is_checkpoint=True)
    relation_id = str(uuid.uuid4())
    session.keep_relation(relation_id, relation_over(cached, plan))
    return relation_id, cached


def reliable_checkpoint(unresolved: p.LogicalPlan, plan: p.LogicalPlan, session: Session) -> tuple[str, p.WriteFiles]:
    """The same by files below `spark.checkpoint.dir`: the id of the relation that reads them, and their write.

    They are kept when the session ends, as Spark's are: others may have been told to read them.
    """
    relation_id, write, read = _checkpoint_files(unresolved, plan, session)
    session.keep_relation(relation_id, read)
    return relation_id, write


def lazy_checkpoint(unresolved: p.LogicalPlan, plan: p.LogicalPlan, session: Session, runner: QueryRunner) -> str:
    """The same, its files written when they are first read."""
    relation_id, write, read = _checkpoint_files(unresolved, plan, session)
    analysed = runner.analyze(write, session)
    assert isinstance(analysed, p.WriteFiles)
    cached = CachedData(plan, levels.DEFAULT, session, "checkpoint", is_checkpoint=True)
    cached.files = CheckpointFiles(
        analysed, lambda: runner.analyze(read, session), lambda: session.replace_relation(relation_id, read)
    )
    session.keep_relation(relation_id, relation_over(cached, plan))
    return relation_id


def _checkpoint_files(
    unresolved: p.LogicalPlan, plan: p.LogicalPlan, session: Session
) -> tuple[str, p.WriteFiles, p.LogicalPlan]:
    """An id, the write of the files, and the relation that reads them."""
    directory = session.conf.mapping.get(CHECKPOINT_DIRECTORY)
    if not directory:
        said = "Checkpoint directory has not been set in the SparkContext"
        raise SparkError("", said, sql_state="", kind=ErrorKind.SPARK)
    relation_id = str(uuid.uuid4())
    path = f"{directory.rstrip('/')}/{session.session_id}/{relation_id}"
    # Files need names of their own: those of a plan may be equal or empty.
    names = tuple(f"c{position}" for position in range(len(plan.output)))
    schema = t.StructType(tuple(t.StructField(name, a.type) for name, a in zip(names, plan.output, strict=True)))
    read = p.ReadFiles("parquet", (path,), schema)
    write = p.WriteFiles(p.ToDF(unresolved, names), "parquet", path)
    return relation_id, write, p.ToDF(read, tuple(a.name for a in plan.output))
