-- array_build
SELECT array(1, 2, 3) AS a, CAST(array() AS ARRAY<INT>) AS b, array('a', NULL) AS c, sequence(1, 5, 2) AS d, sequence(3, 1) AS e, array_repeat('x', 2) AS f
-- array_inspect
SELECT size(array(1, 2)) AS a, cardinality(array()) AS b, size(CAST(NULL AS ARRAY<INT>)) AS c, array_contains(array(1, 2), 2) AS d, array_position(array('a', 'b'), 'b') AS e, array_contains(array(1, NULL), 2) AS f, array_size(array(1)) AS g
-- array_change
SELECT sort_array(array(3, NULL, 1)) AS a, sort_array(array(3, 1), false) AS b, array_distinct(array(1, 2, 1, NULL, NULL)) AS c, array_remove(array(1, 2, 1), 1) AS d, reverse(array(1, 2)) AS e, slice(array(1, 2, 3, 4), 2, 2) AS f, flatten(array(array(1), array(2, 3))) AS g, array_sort(array(3, NULL, 1)) AS h, array_append(array(1), 2) AS i, array_prepend(array(1), 0) AS j, array_insert(array(1, 3), 2, 2) AS k, array_compact(array(1, NULL)) AS l
-- array_sets
SELECT array_union(array(1, 2), array(2, 3)) AS a, array_intersect(array(1, 2), array(2, 3)) AS b, array_except(array(1, 2), array(2)) AS c, arrays_overlap(array(1, 2), array(2)) AS d, arrays_zip(array(1, 2), array('a', 'b')) AS e
-- array_reduce
SELECT array_min(array(3, NULL, 1)) AS a, array_max(array(3, 1)) AS b, array_join(array('a', NULL, 'b'), '-') AS c, array_join(array('a', NULL), ',', '?') AS d, concat(array(1), array(2)) AS e
-- array_index_out_of_range
SELECT array(1, 2)[5] AS a
-- array_index_negative
SELECT array(1, 2)[-1] AS a
-- element_at_out_of_range
SELECT element_at(array(1, 2), 5) AS a
-- element_at_zero
SELECT element_at(array(1, 2), 0) AS a
-- try_element_at
SELECT try_element_at(array(1, 2), 5) AS a, get(array(1, 2), 5) AS b, try_element_at(map('a', 1), 'b') AS c
-- map_build
SELECT map('a', 1, 'b', 2) AS a, map_from_arrays(array('x'), array(1)) AS b, CAST(map() AS MAP<STRING, INT>) AS c, map_from_entries(array(struct('k', 1))) AS d, str_to_map('a:1,b:2') AS e
-- map_inspect
SELECT map_keys(m) AS a, map_values(m) AS b, size(m) AS c, m['zz'] AS d, map_contains_key(m, 'x') AS e, element_at(m, 'y') AS f FROM nested WHERE id = 1
-- map_missing_key_is_null
SELECT map('a', 1)['b'] AS a, element_at(map('a', 1), 'b') AS b
-- map_change
SELECT map_concat(map('a', 1), map('b', 2)) AS a, map_filter(map('a', 1, 'b', 2), (k, v) -> v > 1) AS b, transform_values(map('a', 1), (k, v) -> v + 1) AS c, transform_keys(map('a', 1), (k, v) -> upper(k)) AS d, map_entries(map('a', 1)) AS e
-- map_duplicate_key
SELECT map('a', 1, 'a', 2) AS a
-- map_null_key
SELECT map(CAST(NULL AS STRING), 1) AS a
-- struct_build
SELECT struct(1, 'a') AS a, named_struct('x', 1, 'y', array(1)) AS b, struct(id, name) AS c FROM emp WHERE id = 1
-- struct_compare
SELECT struct(1, 2) = struct(1, 2) AS a, struct(1, 2) < struct(1, 3) AS b, array(1, 2) < array(1, 3) AS c
-- higher_order
SELECT transform(array(1, 2), x -> x * 10) AS a, transform(array(1, 2), (x, i) -> x + i) AS b, filter(array(1, 2, 3), x -> x > 1) AS c, exists(array(1, 2), x -> x = 2) AS d, forall(array(1, 2), x -> x > 0) AS e, aggregate(array(1, 2, 3), 0, (acc, x) -> acc + x) AS f, reduce(array(1, 2), 1, (a, x) -> a * x, a -> a + 100) AS g, zip_with(array(1, 2), array(3, 4), (x, y) -> x + y) AS h
-- higher_order_null
SELECT exists(array(1, NULL), x -> x = 2) AS a, forall(array(1, NULL), x -> x > 0) AS b, transform(CAST(NULL AS ARRAY<INT>), x -> x) AS c, filter(array(1, NULL), x -> x IS NULL) AS d
-- higher_order_outer_column
SELECT id, transform(arr, x -> x + id) AS a FROM nested ORDER BY id
-- higher_order_names
SELECT transform(array(1), x -> x + 1), filter(array(1), x -> x > 0)
-- array_sort_lambda
SELECT array_sort(array(1, 3, 2), (a, b) -> CASE WHEN a > b THEN -1 WHEN a < b THEN 1 ELSE 0 END) AS a
-- collect_and_explode
SELECT dept, sort_array(collect_list(name)) AS names FROM emp GROUP BY dept ORDER BY dept
-- collect_skips_nulls
SELECT size(collect_list(v)) AS a, size(collect_set(v)) AS b FROM pairs
-- group_by_array
SELECT x, count(*) AS n FROM VALUES (array(1)), (array(1)), (array(2)) AS t(x) GROUP BY x
-- group_by_map_refused
SELECT m FROM nested INTERSECT SELECT m FROM nested
-- aggregate_structs
SELECT max(struct(salary, name)) AS a, min(named_struct('s', salary, 'n', name)).n AS b FROM emp
-- wrong_element_type
SELECT array_contains(array(1, 2), 'a') AS a
-- wrong_lambda_arity
SELECT transform(array(1), (a, b, c) -> a) AS a
-- not_an_array
SELECT size(1) AS a
-- index_of_int
SELECT id[0] FROM emp
-- map_contains_keys_of_other_types
SELECT map_contains_key(m, CAST(NULL AS STRING)) AS a, map_contains_key(map(1, 'a'), 1L) AS b, map_contains_key(map('x', 1), st.q) AS c FROM nested
-- map_contains_untyped_null
SELECT map_contains_key(m, NULL) FROM nested
