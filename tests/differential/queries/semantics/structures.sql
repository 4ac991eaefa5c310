-- struct_star
SELECT st.* FROM nested ORDER BY p
-- struct_equality
SELECT named_struct('a', 1, 'b', 'x') = named_struct('a', 1, 'b', 'x') AS a, struct(1, NULL) = struct(1, NULL) AS b, struct(1, NULL) <=> struct(1, NULL) AS c
-- struct_min_max_nulls
SELECT max(s) AS a, min(s) AS b FROM VALUES (named_struct('a', 1, 'b', CAST(NULL AS INT))), (named_struct('a', 1, 'b', 5)), (named_struct('a', CAST(NULL AS INT), 'b', 9)) AS t(s)
-- struct_compare
SELECT struct(1, 'b') > struct(1, 'a') AS a, struct(1, CAST(NULL AS STRING)) < struct(1, 'a') AS b
-- struct_group
SELECT st.q AS q, count(*) AS n FROM nested GROUP BY st.q ORDER BY q
-- group_by_struct
SELECT s, count(*) AS n FROM (SELECT struct(k, v) AS s FROM pairs) GROUP BY s ORDER BY s
-- struct_cast_names
SELECT CAST(named_struct('a', 1, 'b', '2') AS STRUCT<x: STRING, y: INT>) AS s
-- struct_in
SELECT struct(1, 'a') IN (struct(1, 'a'), struct(2, 'b')) AS a
-- array_compare
SELECT array(1, 2) < array(1, 3) AS a, array(1) < array(1, CAST(NULL AS INT)) AS b, array(1, NULL) = array(1, NULL) AS c
-- array_min_max_nulls
SELECT array_max(array(1, NULL, 3)) AS a, array_min(array(NULL, 2)) AS b, array_max(CAST(array() AS ARRAY<INT>)) AS c, array_max(array('a', 'b')) AS d
-- array_max_nan
SELECT array_max(array(1.0D, CAST('NaN' AS DOUBLE))) AS a, array_min(array(CAST('NaN' AS DOUBLE), 2.0D)) AS b
-- array_sort_default
SELECT array_sort(array(3, NULL, 1)) AS a, sort_array(array(3, NULL, 1)) AS b, sort_array(array(3, NULL, 1), false) AS c
-- array_sort_comparator
SELECT array_sort(array('bc', 'ab', 'dca'), (x, y) -> CASE WHEN length(x) < length(y) THEN -1 WHEN length(x) > length(y) THEN 1 ELSE 0 END) AS a
-- array_slice_edges
SELECT slice(array(1, 2, 3, 4), 2, 2) AS a, slice(array(1, 2, 3, 4), -2, 2) AS b, slice(array(1, 2), 5, 2) AS c
-- array_slice_zero
SELECT slice(array(1, 2), 0, 1) AS a
-- array_insert_edges
SELECT array_insert(array(1, 2, 3), 5, 9) AS a, array_insert(array(1, 2, 3), -1, 9) AS b, array_insert(array(1, 2, 3), -6, 9) AS c
-- array_positions
SELECT array_position(array(3, 2, 1, 2), 2) AS a, array_position(array(1), 7) AS b, element_at(array(1, 2, 3), -1) AS c, try_element_at(array(1), 3) AS d, get(array(1), -1) AS e
-- array_element_at_outside
SELECT element_at(array(1, 2), 3) AS a
-- array_subscript_outside
SELECT array(1, 2)[2] AS a
-- array_set_functions
SELECT array_distinct(array(1, NULL, 1, NULL)) AS a, array_union(array(1, NULL), array(NULL, 2)) AS b, array_intersect(array(1, NULL, 2), array(NULL, 2)) AS c, array_except(array(1, NULL, 2, 2), array(1)) AS d
-- arrays_overlap_nulls
SELECT arrays_overlap(array(1, NULL), array(2)) AS a, arrays_overlap(array(1, NULL), array(1)) AS b, arrays_overlap(array(1), array(2)) AS c
-- arrays_zip_uneven
SELECT arrays_zip(array(1, 2), array('a')) AS a
-- flatten_nulls
SELECT flatten(array(array(1), NULL)) AS a, flatten(array(array(1, 2), array(3))) AS b
-- sequence_forms
SELECT sequence(1, 5, 2) AS a, sequence(3, 1) AS b, sequence(DATE '2024-01-31', DATE '2024-04-30', INTERVAL 1 MONTH) AS c
-- higher_order_index
SELECT transform(array(10, 20), (x, i) -> x + i) AS a, filter(array(1, 2, 3), (x, i) -> i > 0) AS b, exists(array(1, NULL), x -> x > 5) AS c, forall(array(1, NULL), x -> x > 0) AS d
-- aggregate_function
SELECT aggregate(array(1, 2, 3), 0, (acc, x) -> acc + x, acc -> acc * 10) AS a, reduce(array(1, NULL), 0, (acc, x) -> acc + x) AS b
-- zip_with_uneven
SELECT zip_with(array(1, 2), array(10), (x, y) -> coalesce(x, 0) + coalesce(y, 0)) AS a
-- map_basics
SELECT map_keys(m) AS k, map_values(m) AS v, map_entries(m) AS e, size(m) AS s, cardinality(m) AS c FROM nested ORDER BY id
-- map_missing_key
SELECT m['z'] AS a, element_at(m, 'z') AS b, map_contains_key(m, 'x') AS c FROM nested ORDER BY id
-- map_duplicate_key
SELECT map('a', 1, 'a', 2) AS m
-- map_null_key
SELECT map(CAST(NULL AS STRING), 1) AS m
-- map_concat_duplicate
SELECT map_concat(map('a', 1), map('a', 2)) AS m
-- map_from_things
SELECT map_from_arrays(array('a', 'b'), array(1, 2)) AS a, map_from_entries(array(struct('k', 1))) AS b, str_to_map('a:1,b:2') AS c
-- map_functions
SELECT map_filter(map('a', 1, 'b', 2), (k, v) -> v > 1) AS a, transform_values(map('a', 1), (k, v) -> v + 1) AS b, transform_keys(map('a', 1), (k, v) -> upper(k)) AS c, map_zip_with(map('a', 1), map('b', 2), (k, x, y) -> coalesce(x, y)) AS d
-- map_equality_refused
SELECT map('a', 1) = map('a', 1) AS a
-- map_group_by
SELECT count(*) AS n FROM nested GROUP BY m ORDER BY n
-- map_distinct_refused
SELECT DISTINCT m FROM nested
-- map_order_refused
SELECT * FROM nested ORDER BY m
-- explode_map_outer
SELECT id, k, v FROM nested LATERAL VIEW OUTER explode(m) AS k, v ORDER BY id, k
-- posexplode_null
SELECT id, pos, col FROM nested LATERAL VIEW posexplode(arr) ORDER BY id, pos
-- inline_structs
SELECT inline(array(struct(1, 'a'), struct(2, 'b')))
-- stack_rows
SELECT stack(2, 1, 'a', 2, 'b') AS (n, s)
-- array_of_structs_field
SELECT array(named_struct('a', 1), named_struct('a', 2)).a AS a
-- cast_array_elements
SELECT CAST(array('1', '2') AS ARRAY<INT>) AS a, CAST(map('a', '1') AS MAP<STRING, INT>) AS b
-- cast_array_bad_element
SELECT CAST(array('1', 'x') AS ARRAY<INT>) AS a
-- cast_complex_to_string
SELECT CAST(array(1, NULL) AS STRING) AS a, CAST(map('k', 1) AS STRING) AS b, CAST(struct(1, 'x', NULL) AS STRING) AS c
-- array_append_types
SELECT array_append(array(1), 2) AS a, array_prepend(array('b'), 'a') AS b, array_remove(array(1, NULL, 1), 1) AS c, array_compact(array(1, NULL)) AS d
-- array_join_null
SELECT array_join(array('a', NULL, 'b'), ',') AS a, array_join(array('a', NULL), ',', '-') AS b
-- concat_arrays
SELECT concat(array(1), array(2, NULL)) AS a, array(1) || array(2) AS b
-- shuffle_free_repeat
SELECT array_repeat('x', 3) AS a, array_repeat(1, -1) AS b, array_size(array(1, NULL)) AS c, size(NULL) AS d
-- compared_whatever_the_names
SELECT (1, 'a') = (i, s), (i, s) IN ((l, s), (1, 'one')), (i, s) < (2, 'b'), (i, s) <=> (i, s), named_struct('x', i) = named_struct('y', 1) FROM nums
-- compared_of_other_types_and_names
SELECT (l, s) = (i, s) FROM nums
-- sorted_with_nulls_inside
SELECT id, array_sort(array(st, named_struct('p', CAST(NULL AS INT), 'q', 'z'))), array_max(array(st, named_struct('p', CAST(NULL AS INT), 'q', 'z'))) FROM nested
-- nulls_inside_of_branches
SELECT id, coalesce(array(0), arr), if(id > 1, arr, array(0)), CASE WHEN id = 1 THEN map('x', 0) ELSE map('y', id, 'z', get(arr, 5)) END, array(array(1), arr) FROM nested
-- case_of_a_value_in_parentheses
SELECT CASE (id) WHEN 1 THEN 'one' WHEN (2) THEN 'two' ELSE 'more' END AS word, CASE (id) + 1 WHEN 2 THEN 'two' END AS next FROM nested
