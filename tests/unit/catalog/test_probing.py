"""Inferred schemas are kept while the files stay as they are, and cost the same whatever their number."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

from headrace_driver.catalog import probing
from headrace_driver.catalog.listing import ListedFile
from headrace_driver.plan import types as t

FILES = [ListedFile(f"/data/part-{number:05}.csv", 100 + number, 10**18 + number, "/data") for number in range(1000)]


def test_a_schema_is_inferred_once_until_a_file_changes() -> None:
    number = count()

    def infer() -> t.StructType:
        return t.StructType((t.StructField(f"inferred{next(number)}", t.STRING),))

    def name(files: list[ListedFile], how: str = "csv") -> str:
        return probing.remembered(files, ("test", how), infer).fields[0].name

    assert [name(FILES), name(list(FILES))] == ["inferred0", "inferred0"]
    changed = [*FILES[:-1], replace(FILES[-1], modified_ns=1)]
    assert [name(changed), name(FILES[::-1]), name(FILES, "json")] == ["inferred1", "inferred2", "inferred3"]
    assert name([replace(FILES[0], path=b"/data/\xff.csv".decode(errors="surrogateescape"))]) == "inferred4"
    assert name(FILES) == "inferred0"


def test_files_are_not_kept_with_their_schema() -> None:
    probing.remembered(FILES, ("test", "size"), t.StructType)
    newest = next(reversed(probing._kept))
    assert len(repr(newest)) < 200
