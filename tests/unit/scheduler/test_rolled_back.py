"""What a journal is told to count once a rerun has given other rows: all but what was made of the old ones."""

from __future__ import annotations

from headrace_driver.scheduler import events
from headrace_driver.scheduler.identity import OutputKey
from headrace_driver.scheduler.scheduler import Scheduler
from tests.simulation.script import event_of

SCENARIO = """
join w1 host=h1 slots=2
join w2 host=h2 slots=2
submit 1
plan 1 1 shuffle tasks=2 reducers=1 nondeterministic | 2 shuffle tasks=1 reducers=1
finished w1 1.1.0#0 checksum=5
finished w2 1.1.1#0 checksum=6
finished w1 1.2.0#0 checksum=7
plan 1 3 shuffle tasks=1 reads=1,2 reducers=1
finished w2 1.3.0#0
plan 1 4 result tasks=1 reads=3
failed w1 1.4.0#0 fetch=MISSING of=1.3 from=w2 maps=0
failed w2 1.3.0#1 fetch=MISSING of=1.1 from=w1 maps=0
"""


def accepted(*rerun: str) -> list[events.TaskFinished | OutputKey]:
    scheduler = Scheduler()
    scheduler.accepted = []
    for line in (*SCENARIO.strip().splitlines(), *rerun):
        command, *words = line.split()
        scheduler.handle(event_of(command, words), 0.0)
    return scheduler.accepted


def shown(noted: list[events.TaskFinished | OutputKey]) -> list[str]:
    return [
        f"not {each.job_id}.{each.stage_id}"
        if isinstance(each, OutputKey)
        else ".".join(map(str, each.key[:3])) + f"#{each.key.attempt}"
        for each in noted
    ]


FIRST_RUNS = ["1.1.0#0", "1.1.1#0", "1.2.0#0", "1.3.0#0"]


def test_other_rows_undo_what_was_made_of_them_and_nothing_else() -> None:
    assert shown(accepted("finished w1 1.1.0#1 checksum=9")) == [*FIRST_RUNS, "1.1.0#1", "not 1.3", "not 1.4"]


def test_the_same_rows_undo_nothing() -> None:
    assert shown(accepted("finished w1 1.1.0#1 checksum=5")) == [*FIRST_RUNS, "1.1.0#1"]
