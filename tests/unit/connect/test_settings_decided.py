"""Every setting of Spark's SQL is followed, refused unless at its default, or known to be without effect.

A newer Spark brings settings that are in none of the tables: follow or refuse them, or say in
`data/settings_without_effect.json` why they do nothing.
"""

from __future__ import annotations

import ast
import functools
import json
from pathlib import Path

import pytest

import headrace_driver
from headrace_driver.connect.conf import SessionConf
from headrace_driver.connect.refused_settings import is_refused
from headrace_driver.connect.spark_settings import SETTINGS
from headrace_driver.errors import SparkError

_SPARK = "spark.sql."

_FILE = Path(__file__).parent / "data/settings_without_effect.json"
"""Reasons, with the settings they are about, named without `spark.sql.`."""

ONLY_NAMED = {
    "spark.sql.ansi.enabled",
    "spark.sql.legacy.pathOptionBehavior.enabled",
    "spark.sql.legacy.timeParserPolicy",
}
"""Refused ones that errors of Spark's mention."""


@functools.cache
def _without_effect() -> dict[str, str]:
    content = json.loads(_FILE.read_text("utf-8"))
    return {_SPARK + name: why for why, names in content.items() for name in names}


@functools.cache
def _followed() -> frozenset[str]:
    """Settings that the driver's code names, other than to refuse them."""
    root = Path(next(iter(headrace_driver.__path__)))
    found: set[str] = set()
    for path in root.rglob("*.py"):
        text = path.read_text("utf-8")
        if _SPARK in text and path.name != "refused_settings.py":
            constants = [node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant)]
            found.update(value for value in constants if isinstance(value, str))
    return frozenset(found & SETTINGS.keys())


def test_every_setting_is_decided_on() -> None:
    decided = _followed() | _without_effect().keys()
    assert [k for k, s in SETTINGS.items() if not s.static and not is_refused(k) and k not in decided] == []


def test_nothing_is_decided_twice() -> None:
    refused = {key for key in SETTINGS if is_refused(key)}
    assert refused & _followed() <= ONLY_NAMED
    assert not refused & _without_effect().keys()
    assert not _followed() & _without_effect().keys()


def test_what_has_no_effect_exists() -> None:
    assert _without_effect().keys() <= SETTINGS.keys()


@pytest.mark.parametrize(
    ("key", "value", "error_class"),
    [
        ("spark.sql.shuffle.partitions", "0", "INVALID_CONF_VALUE.REQUIREMENT"),
        ("spark.sql.shuffle.partitions", "-1", "INVALID_CONF_VALUE.REQUIREMENT"),
        ("spark.sql.shuffle.partitions", "x", "INVALID_CONF_VALUE.TYPE_MISMATCH"),
        ("spark.sql.adaptive.skewJoin.skewedPartitionFactor", "-1.5", "INVALID_CONF_VALUE.REQUIREMENT"),
        ("spark.sql.adaptive.advisoryPartitionSizeInBytes", "0", "INVALID_CONF_VALUE.REQUIREMENT"),
        ("spark.sql.cbo.joinReorder.card.weight", "2", "INVALID_CONF_VALUE.REQUIREMENT"),
        ("spark.sql.sources.partitionOverwriteMode", "x", "INVALID_CONF_VALUE.OUT_OF_RANGE_OF_OPTIONS"),
        ("spark.sql.session.timeZone", "+25:00", "INVALID_CONF_VALUE.TIME_ZONE"),
        ("spark.sql.catalog.lake", "org.example.Catalog", "UNSUPPORTED_FEATURE.HEADRACE"),
        ("spark.sql.operatorPipeSyntaxEnabled", "false", "UNSUPPORTED_FEATURE.HEADRACE"),
        ("spark.sql.analyzer.strictDataFrameColumnResolution", "false", "UNSUPPORTED_FEATURE.HEADRACE"),
        ("spark.sql.redaction.string.regex", "x", "UNSUPPORTED_FEATURE.HEADRACE"),
        ("spark.sql.extensions", "x", "CANNOT_MODIFY_STATIC_CONFIG"),
    ],
)
def test_values_out_of_their_domain_are_refused(key: str, value: str, error_class: str) -> None:
    with pytest.raises(SparkError) as raised:
        SessionConf().set(key, value)
    assert raised.value.error_class == error_class


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("spark.sql.shuffle.partitions", "1"),
        ("spark.sql.autoBroadcastJoinThreshold", "-1"),
        ("spark.sql.autoBroadcastJoinThreshold", "10MB"),
        ("spark.sql.adaptive.advisoryPartitionSizeInBytes", "64m"),
        ("spark.sql.adaptive.skewJoin.skewedPartitionFactor", "0"),
        ("spark.sql.files.maxPartitionBytes", "0"),
        ("spark.sql.broadcastTimeout", "-1"),
        ("spark.sql.catalog.spark_catalog", "builtin"),
    ],
)
def test_values_that_spark_takes_are_taken(key: str, value: str) -> None:
    conf = SessionConf()
    conf.set(key, value)
    assert conf.get(key) == value


def test_every_default_is_in_its_domain() -> None:
    conf = SessionConf()
    for key, setting in SETTINGS.items():
        if not setting.static and setting.default is not None:
            conf.set(key, setting.default)
