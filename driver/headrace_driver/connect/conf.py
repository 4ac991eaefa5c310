"""A session's settings, under Spark's names and with its defaults, checks and errors.

A setting that this engine does not read is kept and given back all the same: programs set many that only tune Spark.
Those that would change answers are refused instead (`refused_settings`).
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Mapping

from headrace_driver.connect.identifiers import sql_conf
from headrace_driver.connect.refused_settings import refuse_unfollowed
from headrace_driver.connect.spark_settings import CORE, DEFAULTS, DEPRECATED, REMOVED, SETTINGS, TIME_ZONE, check
from headrace_driver.errors import ErrorKind, SparkError


class SessionConf:
    """Settings of one session. `given` are those the daemon was started with (spark.app.name, warehouse)."""

    def __init__(self, given: Mapping[str, str] | None = None, changed: Mapping[str, str] | None = None) -> None:
        self._given = dict(given or {})
        self._changed: dict[str, str] = {}
        self._effective: dict[str, str] = {}
        self.on_change: Callable[[str | None, str | None], None] | None = None
        """Told of each change: key and value, no value for back to the default, no key for all of them."""
        self.mapping: Mapping[str, str] = ChainMap(self._effective, self._given, DEFAULTS)
        """What the engine reads: booleans in lower case, options as Spark spells them. Follows later changes."""
        for key, value in (changed or {}).items():
            self.set(key, value)

    def copy(self) -> SessionConf:
        """The same settings, to be changed independently."""
        return SessionConf(self._given, self._changed)

    @property
    def time_zone(self) -> str:
        return self.mapping[TIME_ZONE]

    def get_option(self, key: str) -> str | None:
        """The value as it was set, or the default; None where there is neither."""
        for source in (self._changed, self._given, DEFAULTS):
            if key in source:
                return source[key]
        return None

    def get(self, key: str) -> str:
        """The value; raises SQL_CONF_NOT_FOUND."""
        value = self.get_option(key)
        if value is None:
            raise SparkError(
                "SQL_CONF_NOT_FOUND",
                f"The SQL config {sql_conf(key)} cannot be found. Please verify that the config exists.",
                {"sqlConf": sql_conf(key)},
                sql_state="42K0I",
                kind=ErrorKind.NO_SUCH_ELEMENT,
            )
        return value

    def get_with_default(self, key: str, default: str | None) -> str | None:
        """The value somebody has set, else `default` even where Spark has another; it must be one the setting takes."""
        for source in (self._changed, self._given):
            if key in source:
                return source[key]
        if default is not None:
            check(key, default)
        return default

    def all(self) -> dict[str, str]:
        """Settings that somebody has set, without defaults, as Spark lists them."""
        return {**self._given, **self._changed}

    def set(self, key: str, value: str) -> None:
        """Changes a setting; raises what Spark raises for static ones and bad values."""
        _require_modifiable(key)
        if key in REMOVED and value.lower() != REMOVED[key][1].lower():
            version, _, comment = REMOVED[key]
            raise SparkError(
                "_LEGACY_ERROR_TEMP_1226",
                f"The SQL config '{key}' was removed in the version {version}. {comment}",
                {"configName": key, "version": version, "comment": comment},
                sql_state="",
            )
        checked = check(key, value)
        refuse_unfollowed(key, checked)
        self._effective[key] = checked
        self._changed[key] = value
        self._tell(key, value)

    def restore(self, changed: Mapping[str, str]) -> list[str]:
        """Takes back settings an earlier process knew; returns those that are none any more."""
        refused = []
        for key, value in changed.items():
            try:
                self.set(key, value)
            except SparkError:
                refused.append(key)
        return refused

    def changed(self) -> dict[str, str]:
        """What the session itself has set."""
        return dict(self._changed)

    def unset(self, key: str) -> None:
        """Back to the default; a setting that is not set is no error."""
        _require_modifiable(key)
        self._changed.pop(key, None)
        self._effective.pop(key, None)
        self._tell(key, None)

    def reset(self) -> None:
        """RESET: all settings back to their defaults."""
        self._changed.clear()
        self._effective.clear()
        self._tell(None, None)

    def _tell(self, key: str | None, value: str | None) -> None:
        if self.on_change is not None:
            self.on_change(key, value)


def is_modifiable(key: str) -> bool:
    """Whether Spark knows the setting as one a session may change."""
    setting = SETTINGS.get(key)
    return setting is not None and not setting.static


def warning(key: str) -> str | None:
    """What a client is to be told when it touches a setting Spark has deprecated."""
    if key not in DEPRECATED:
        return None
    version, comment = DEPRECATED[key]
    return f"The SQL config '{key}' has been deprecated in Spark v{version} and may be removed in the future. {comment}"


def _require_modifiable(key: str) -> None:
    setting = SETTINGS.get(key)
    if setting is not None and setting.static:
        raise SparkError(
            "CANNOT_MODIFY_STATIC_CONFIG",
            f"Cannot modify the value of the static Spark config: {sql_conf(key)}.",
            {"key": sql_conf(key)},
            sql_state="46110",
        )
    if setting is None and key in CORE:
        root = "https://spark.apache.org/docs/latest"
        raise SparkError(
            "CANNOT_MODIFY_CONFIG",
            f"Cannot modify the value of the Spark config: {sql_conf(key)}.\n"
            f"See also '{root}/sql-migration-guide.html#ddl-statements'.",
            {"key": sql_conf(key), "docroot": root},
            sql_state="46110",
        )
