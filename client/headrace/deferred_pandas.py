"""Imports PySpark's Connect client without pandas, which is more than half of the time that import takes.

PySpark imports pandas at the top of its modules and needs it only in calls that convert to or from pandas. While it is
imported, stand-ins take the place of pandas and of `pandas.api.types`; afterwards they are gone from `sys.modules`, so
that everybody else imports the real thing, and the names PySpark has kept load it when they are first used. Measured:
0.8 s instead of 1.9 s, of the 2 s in which `headrace.connect()` and the first query have to be done.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

_STAND_INS = ("pandas", "pandas.api", "pandas.api.types")
_ANNOTATION_CLASSES = ("DataFrame", "Series")
"""What PySpark evaluates in annotations while it is imported."""


def import_pyspark() -> None:
    """Imports PySpark's Connect client; without pandas, unless somebody has imported one of the two already."""
    if "pandas" in sys.modules or "pyspark.sql.connect.session" in sys.modules:
        _import_all()
    else:
        with _stand_ins():
            _import_all()


def _import_all() -> None:
    main = sys.modules["__main__"]
    # PySpark takes a program without a file (`python -c …`) for its own doctests and ends it for want of a SPARK_HOME.
    nameless = not hasattr(main, "__file__")
    if nameless:
        main.__file__ = "-c"
    try:
        importlib.import_module("pyspark.sql.connect.session")
    finally:
        if nameless:
            del main.__file__


@contextmanager
def _stand_ins() -> Iterator[None]:
    if importlib.util.find_spec("pandas") is None:
        yield
        return
    made = {name: _StandIn(name) for name in _STAND_INS}
    made["pandas"].__dict__.update({"__version__": version("pandas"), "api": made["pandas.api"]})
    made["pandas.api"].__dict__["types"] = made["pandas.api.types"]
    sys.modules.update(made)
    try:
        yield
    finally:
        _remove(made)


def _remove(made: dict[str, _StandIn]) -> None:
    for name, module in made.items():
        if sys.modules.get(name) is module:
            del sys.modules[name]
        module.__dict__["_importing"] = False


class _StandIn(types.ModuleType):
    """A module that is loaded when something of it is used.

    To PySpark, while it is imported, it gives classes and functions that are looked up when they are used; whoever else
    asks, or asks for something else, gets the real one at once.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._importing = True

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if self._importing and sys._getframe(1).f_globals.get("__name__", "").startswith("pyspark."):
            if self.__name__ == "pandas" and name in _ANNOTATION_CLASSES:
                return _class_later(name)
            if self.__name__ == "pandas.api.types" and name.startswith("is_"):
                return _function_later(name)
        return getattr(_real(self.__name__), name)


def _real(name: str) -> types.ModuleType:
    """The module itself; its stand-ins make way where they are still in place."""
    for stand_in in _STAND_INS:
        if isinstance(sys.modules.get(stand_in), _StandIn):
            del sys.modules[stand_in]
    return importlib.import_module(name)


def _class_later(name: str) -> type:
    class Later(type):
        def __instancecheck__(cls, instance: object) -> bool:
            return isinstance(instance, getattr(_real("pandas"), name))

        def __call__(cls, *arguments: Any, **named: Any) -> Any:
            return getattr(_real("pandas"), name)(*arguments, **named)

    return Later(name, (), {"__module__": "pandas"})


def _function_later(name: str) -> Any:
    def later(*arguments: Any) -> Any:
        return getattr(_real("pandas.api.types"), name)(*arguments)

    return later
