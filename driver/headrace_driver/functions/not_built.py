"""Functions of Spark that are not built: who calls one is told so, not that there is no such function.

`tests/unit/functions/test_not_built.py` compares these with the names Spark 4.2 lists and those of the registry.
"""

from __future__ import annotations


def _kll(kind: str) -> str:
    return " ".join(
        f"kll_{step}_{kind}"
        for step in ("merge_agg", "sketch_agg", "sketch_get_n", "sketch_get_quantile", "sketch_get_rank")
    ) + (f" kll_sketch_merge_{kind} kll_sketch_to_string_{kind}")


def _tuple(kind: str) -> str:
    steps = ("difference", "difference_theta", "intersection", "intersection_agg", "intersection_theta", "sketch_agg")
    more = ("sketch_estimate", "sketch_summary", "sketch_theta", "union", "union_agg", "union_theta")
    return " ".join(f"tuple_{step}_{kind}" for step in (*steps, *more))


_FAMILIES = (
    "aes_decrypt aes_encrypt try_aes_decrypt",
    "approx_top_k approx_top_k_accumulate approx_top_k_combine approx_top_k_estimate count_min_sketch",
    "bitmap_and_agg bitmap_construct_agg bitmap_count bitmap_or_agg histogram_numeric",
    "collate collations current_path measure python_worker_logs session_window sql_keywords",
    "current_time make_time time time_bucket time_diff time_from_micros time_from_millis time_from_seconds",
    "time_to_micros time_to_millis time_to_seconds time_trunc to_time try_to_time",
    "from_avro from_protobuf schema_of_avro to_avro to_protobuf from_xml schema_of_xml to_xml",
    "hll_sketch_agg hll_sketch_estimate hll_union hll_union_agg",
    "input_file_block_length input_file_block_start input_file_name java_method reflect try_reflect",
    "is_valid_variant is_variant_null parse_json schema_of_variant schema_of_variant_agg to_variant_object",
    "try_parse_json try_variant_get variant_explode variant_explode_outer variant_get",
    *(_kll(kind) for kind in ("bigint", "double", "float")),
    "st_asbinary st_geogfromwkb st_geomfromwkb st_setsrid st_srid",
    "theta_difference theta_intersection theta_intersection_agg theta_sketch_agg theta_sketch_estimate",
    "theta_union theta_union_agg",
    *(_tuple(kind) for kind in ("double", "integer")),
    "vector_avg vector_cosine_similarity vector_inner_product vector_l2_distance vector_norm vector_normalize",
    "vector_sum xpath xpath_boolean xpath_double xpath_float xpath_int xpath_long xpath_number xpath_short",
    "xpath_string",
)

NOT_BUILT = frozenset(name for family in _FAMILIES for name in family.split())
"""Names in lower case."""
