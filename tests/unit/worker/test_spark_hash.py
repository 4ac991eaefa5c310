"""Hashes of the executor's own functions, called by the kernel, are Spark's."""

from __future__ import annotations

import pytest

from headrace_worker.engine import Engine


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    return Engine(1, 256 << 20, tmp_path_factory.mktemp("spill"))


def hashes(engine: Engine, *values: str) -> tuple[int, int]:
    murmur, wide = "42", "42::BIGINT"
    for value in values:
        murmur, wide = f"__hr_murmur3({value}, {murmur})", f"__hr_xxhash64({value}, {wide})"
    ((one, other),) = engine.run(f"SELECT {murmur}, {wide} FROM (SELECT i FROM range(2) r(i)) WHERE i = 1")
    return one, other


def test_the_examples_of_sparks_documentation(engine: Engine) -> None:
    assert hashes(engine, "'Spark'", "[123]", "2") == (-1321691492, 5602566077635097486)


def test_decimals_by_their_width(engine: Engine) -> None:
    """As stored with the answers of real Spark: up to 18 digits as a long, beyond as bytes."""
    assert hashes(engine, "1.5::DECIMAL(2,1)", "1.50::DECIMAL(20,2)")[0] == 244380245
    assert hashes(engine, "0.1::DECIMAL(1,1)")[1] == -7001672635703045582


@pytest.mark.parametrize("null", ["NULL::VARCHAR", "NULL::INTEGER[]", "NULL::DECIMAL(30,2)", "NULL", "[]::DATE[]"])
def test_nulls_and_empty_arrays_leave_the_hash(engine: Engine, null: str) -> None:
    assert hashes(engine, null) == (42, 42)
    assert hashes(engine, "7", null, "'x'") == hashes(engine, "7", "'x'")


def test_nested_values_are_their_parts(engine: Engine) -> None:
    parts = hashes(engine, "1", "'a'", "2", "'b'")
    assert hashes(engine, "[{'x': 1, 'y': 'a'}, NULL, {'x': 2, 'y': 'b'}]") == parts
    assert hashes(engine, "{'p': {'x': 1, 'y': 'a'}, 'n': NULL::DATE, 'q': [NULL, 2], 'r': 'b'}") == parts


def test_zeros_are_one_and_so_are_nans(engine: Engine) -> None:
    assert hashes(engine, "'-0.0'::DOUBLE") == hashes(engine, "0::DOUBLE") == hashes(engine, "0::BIGINT")
    assert hashes(engine, "'-0.0'::FLOAT") == hashes(engine, "0::INTEGER")
    assert hashes(engine, "-('NaN'::DOUBLE)") == hashes(engine, "'NaN'::DOUBLE")


def test_every_row_has_its_own(engine: Engine) -> None:
    """Strings of all lengths side by side hash as each does alone."""
    text = "substring(repeat(md5(i::VARCHAR), 3), 1, i::INTEGER)"
    together = engine.run(f"SELECT i, __hr_xxhash64({text}, 42::BIGINT), __hr_murmur3({text}, 42) FROM range(70) r(i)")
    for i in (0, 1, 3, 4, 7, 8, 12, 31, 32, 33, 63, 64, 69):
        alone = engine.run(
            f"SELECT i, __hr_xxhash64({text}, 42::BIGINT), __hr_murmur3({text}, 42) FROM range({i}, {i + 1}) r(i)"
        )
        assert alone[0] == together[i]
