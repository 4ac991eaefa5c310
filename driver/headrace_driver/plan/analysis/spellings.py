"""How Spark shows functions in column names, where that is not `name(arguments)`."""

from __future__ import annotations

INFIX = {
    "+": "+",
    "-": "-",
    "*": "*",
    "/": "/",
    "%": "%",
    "div": "div",
    "&": "&",
    "|": "|",
    "^": "^",
    "=": "=",
    "==": "=",
    "<=>": "<=>",
    "<": "<",
    "<=": "<=",
    ">": ">",
    ">=": ">=",
    "and": "AND",
    "or": "OR",
    "<<": "<<",
    ">>": ">>",
    ">>>": ">>>",
}

SPELLED = {
    name: name.upper()
    for name in (
        *("sqrt", "cbrt", "cos", "cosh", "exp", "expm1", "floor", "log10", "log1p", "log2", "sin", "sinh"),
        *("tan", "tanh", "acos", "asin", "atan", "degrees", "radians", "cot", "atan2", "power", "hypot", "sec", "csc"),
        *("acosh", "asinh", "atanh", "ceil", "rank", "signum", "pi", "e"),
    )
} | {
    "dense_rank": "DENSE_RANK",
    "percent_rank": "PERCENT_RANK",
    "spark_partition_id": "SPARK_PARTITION_ID",
    "rlike": "RLIKE",
    "regexp": "REGEXP",
    "regexp_like": "REGEXP_LIKE",
}
"""Functions that Spark shows in capitals."""

SHOWN_ARGUMENTS = {
    **dict.fromkeys(("first", "first_value", "last", "last_value", "any_value", "mode"), 1),
    **dict.fromkeys(("from_json", "from_csv", "to_json", "to_csv", "schema_of_json", "schema_of_csv"), 1),
    **dict.fromkeys(("from_xml", "to_xml", "schema_of_xml"), 1),
    **dict.fromkeys(("variant_get", "try_variant_get"), 2),
    **dict.fromkeys(("rank", "dense_rank", "percent_rank"), 0),
    "shuffle": 1,
    "try_make_timestamp": 6,
}
"""How many arguments at most show: options do not."""

RENAMED = {
    "array_agg": "collect_list",
    "curdate": "current_date",
    "current_database": "current_schema",
    "random": "rand",
}
"""Functions that show as another."""

CAST_FUNCTIONS = frozenset(
    {
        *("boolean", "tinyint", "smallint", "int", "bigint", "float", "double", "decimal"),
        *("date", "timestamp", "binary", "string"),
    }
)
"""Casts as functions: `int(x)` shows as `x`."""

_VARIABLE = "namedlambdavariable()"
_ARRAY_ORDER = (
    f"lambdafunction((IF((({_VARIABLE} IS NULL) AND ({_VARIABLE} IS NULL)), 0, (IF(({_VARIABLE} IS NULL), 1, "
    f"(IF(({_VARIABLE} IS NULL), -1, (IF(({_VARIABLE} < {_VARIABLE}), -1, "
    f"(IF(({_VARIABLE} > {_VARIABLE}), 1, 0)))))))))), {_VARIABLE}, {_VARIABLE})"
)
"""The comparison `array_sort` sorts by unless told otherwise."""

FILLED: dict[tuple[str, int], tuple[str, ...]] = {
    ("substring", 2): ("2147483647",),
    ("substr", 2): ("2147483647",),
    ("round", 1): ("0",),
    ("bround", 1): ("0",),
    ("lag", 1): ("1", "NULL"),
    ("lag", 2): ("NULL",),
    ("lead", 1): ("1", "NULL"),
    ("lead", 2): ("NULL",),
    ("locate", 2): ("1",),
    ("lpad", 2): (" ",),
    ("rpad", 2): (" ",),
    ("split", 2): ("-1",),
    ("replace", 2): ("",),
    ("overlay", 3): ("-1",),
    ("ntile", 0): ("1",),
    ("regexp_replace", 3): ("1",),
    ("regexp_extract", 2): ("1",),
    ("regexp_extract_all", 2): ("1",),
    ("percentile", 2): ("1",),
    ("approx_percentile", 2): ("10000",),
    ("percentile_approx", 2): ("10000",),
    ("listagg", 1): ("NULL",),
    ("string_agg", 1): ("NULL",),
    ("aggregate", 3): ("lambdafunction(namedlambdavariable(), namedlambdavariable())",),
    ("reduce", 3): ("lambdafunction(namedlambdavariable(), namedlambdavariable())",),
    ("array_sort", 1): (_ARRAY_ORDER,),
    ("sort_array", 1): ("true",),
    ("str_to_map", 1): (",", ":"),
    ("str_to_map", 2): (":",),
    ("unix_timestamp", 1): ("yyyy-MM-dd HH:mm:ss",),
    ("to_unix_timestamp", 1): ("yyyy-MM-dd HH:mm:ss",),
    ("from_unixtime", 1): ("yyyy-MM-dd HH:mm:ss",),
    ("months_between", 2): ("true",),
    ("unix_timestamp", 0): ("current_timestamp()", "yyyy-MM-dd HH:mm:ss"),
    ("make_dt_interval", 0): ("0", "0", "0", "0.000000"),
    ("make_dt_interval", 1): ("0", "0", "0.000000"),
    ("make_dt_interval", 2): ("0", "0.000000"),
    ("make_dt_interval", 3): ("0.000000",),
    ("make_ym_interval", 0): ("0", "0"),
    ("make_ym_interval", 1): ("0",),
    **{
        (name, given): (*["0"] * (6 - given), "0.000000")
        for name in ("make_interval", "try_make_interval")
        for given in range(7)
    },
    ("mask", 1): ("X", "x", "n", "NULL"),
    ("mask", 2): ("x", "n", "NULL"),
    ("mask", 3): ("n", "NULL"),
    ("mask", 4): ("NULL",),
    **{("aes_decrypt", given): ("GCM", "DEFAULT", "")[given - 2 :] for given in (2, 3, 4)},
    **{("try_aes_decrypt", given): ("GCM", "DEFAULT", "")[given - 2 :] for given in (2, 3, 4)},
    **{("aes_encrypt", given): ("GCM", "DEFAULT", "", "")[given - 2 :] for given in (2, 3, 4, 5)},
    ("approx_top_k", 1): ("5", "10000"),
    ("approx_top_k", 2): ("10000",),
    ("current_time", 0): ("6",),
    ("hll_sketch_agg", 1): ("12",),
    ("hll_union", 2): ("false",),
    ("theta_sketch_agg", 1): ("12",),
    ("regexp_instr", 2): ("0",),
    ("sentences", 1): ("", ""),
    ("sentences", 2): ("",),
}
"""Arguments that Spark fills in and shows, by function and number of arguments given."""

WORDS = frozenset(
    {
        *("current_date", "current_timestamp", "localtimestamp", "current_time", "current_user", "user"),
        *("session_user", "current_catalog", "current_database", "current_schema"),
    }
)
"""Functions that may be called without parentheses."""
