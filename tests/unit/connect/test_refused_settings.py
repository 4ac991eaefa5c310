"""Settings that would change answers are followed or refused, never kept without effect."""

from __future__ import annotations

import pytest

from headrace_driver.connect.conf import SessionConf
from headrace_driver.connect.refused_settings import CHANGES_ANSWERS
from headrace_driver.connect.spark_settings import SETTINGS
from headrace_driver.errors import SparkError

REFUSED = {
    "spark.sql.ansi.enabled": "false",
    "spark.sql.mapKeyDedupPolicy": "LAST_WIN",
    "spark.sql.storeAssignmentPolicy": "LEGACY",
    "spark.sql.parser.escapedStringLiterals": "true",
    "spark.sql.ansi.doubleQuotedIdentifiers": "true",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.sql.files.ignoreCorruptFiles": "true",
    "spark.sql.legacy.timeParserPolicy": "LEGACY",
    "spark.sql.legacy.sizeOfNull": "false",
    "spark.sql.legacy.nullInEmptyListBehavior": "true",
}
FOLLOWED = {
    "spark.sql.session.timeZone": "Europe/Vienna",
    "spark.sql.caseSensitive": "true",
    "spark.sql.groupByOrdinal": "false",
    "spark.sql.sources.partitionOverwriteMode": "DYNAMIC",
    "spark.sql.legacy.allowParameterlessCount": "true",
    "spark.sql.shuffle.partitions": "7",
    "spark.sql.ansi.enabled": "TRUE",
}


@pytest.mark.parametrize(("key", "value"), REFUSED.items())
def test_refused(key: str, value: str) -> None:
    conf = SessionConf()
    before = conf.get_option(key)
    with pytest.raises(SparkError, match=key.replace(".", r"\.")) as raised:
        conf.set(key, value)
    assert raised.value.error_class == "UNSUPPORTED_FEATURE.HEADRACE"
    assert conf.get_option(key) == before


@pytest.mark.parametrize(("key", "value"), FOLLOWED.items())
def test_taken(key: str, value: str) -> None:
    conf = SessionConf()
    conf.set(key, value)
    assert conf.get(key) == value


def test_every_default_may_be_set() -> None:
    conf = SessionConf()
    for key, setting in SETTINGS.items():
        if not setting.static and setting.default is not None and (key in CHANGES_ANSWERS or ".legacy." in key):
            conf.set(key, setting.default)


def test_the_table_names_settings_that_exist() -> None:
    assert set(SETTINGS) >= CHANGES_ANSWERS
