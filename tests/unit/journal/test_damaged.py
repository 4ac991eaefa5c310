"""A damaged journal: the driver starts with what it says, or refuses and says what to do."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from headrace_driver.journal.state import load
from headrace_driver.journal.store import Change, JournalError, JournalStore
from tests.fuzz.mutation import damaged

PAGE_BYTES = 4096


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A journal of fifty sessions with a setting each."""
    directory = tmp_path_factory.mktemp("journal")
    store = JournalStore(directory)
    sessions = [Change("INSERT INTO sessions VALUES (?, ?, ?)", ("u", f"s{n}", "x")) for n in range(50)]
    settings = [Change("INSERT INTO settings VALUES (?, ?, ?, ?)", ("u", f"s{n}", "k", "v")) for n in range(50)]
    store.write([*sessions, *settings], sync=True)
    store.close()
    return (directory / "journal.db").read_bytes()


def test_it_starts_or_refuses(whole: bytes, tmp_path: Path) -> None:
    outcomes = set()
    for seed in range(40):
        random = Random(seed)
        octets = bytearray(whole)
        if seed % 2:
            octets[:] = damaged(whole, random)
        else:
            page = random.randrange(len(octets) // PAGE_BYTES) * PAGE_BYTES
            octets[page : page + 64] = random.randbytes(64)
        directory = tmp_path / str(seed)
        directory.mkdir()
        (directory / "journal.db").write_bytes(octets)
        try:
            store = JournalStore(directory)
            load(store)
            store.close()
            outcomes.add("starts")
        except JournalError as error:
            outcomes.add("refuses" if "Move it away" in str(error) or "version" in str(error) else str(error))
    assert outcomes == {"starts", "refuses"}
