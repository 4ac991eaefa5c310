"""Options of Spark's readers that change what is read and are not built: refused by name unless at their default.

CSV and JSON refuse every option they do not know themselves; Parquet and text, like Spark, take options of any name.
"""

from __future__ import annotations

from collections.abc import Mapping

from headrace_driver.errors import unsupported

_EVERY_FORMAT = {"ignorecorruptfiles": ("false",), "ignoremissingfiles": ("false",)}
_ONLY: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    # Dates before 1582 are read as they are written, which is Spark 4's default too.
    "parquet": {"datetimerebasemode": ("corrected",), "int96rebasemode": ("corrected",)},
    "csv": {"preferdate": ("true",), "enforceschema": ("true",)},
    "json": {"allowsinglequotes": ("true",), "allownonnumericnumbers": ("true",)},
    "text": {},
}
"""By format, in lower case: the values an option may have."""


def check_read_options(name: str, options: Mapping[str, str]) -> None:
    """Raises UNSUPPORTED_FEATURE for an option whose value would have to change the answer."""
    for option, values in (*_EVERY_FORMAT.items(), *_ONLY[name].items()):
        given = options.get(option)
        if given is not None and given.lower() not in values:
            raise unsupported(f"the option {option} = {given} when reading {name}")
