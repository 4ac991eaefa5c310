-- union_all
SELECT k, v FROM pairs UNION ALL SELECT k, v FROM others
-- union_distinct
SELECT k, v FROM pairs UNION SELECT k, v FROM others
-- intersect_distinct
SELECT k, v FROM pairs INTERSECT SELECT k, v FROM others
-- intersect_all
SELECT k FROM pairs INTERSECT ALL SELECT k FROM others
-- except_distinct
SELECT k, v FROM pairs EXCEPT SELECT k, v FROM others
-- except_all
SELECT k, v FROM pairs EXCEPT ALL SELECT k, v FROM others
-- minus_synonym
SELECT k FROM pairs MINUS SELECT k FROM others
-- precedence_intersect_first
SELECT 1 AS x UNION SELECT 2 INTERSECT SELECT 2
-- parentheses
(SELECT 1 AS x UNION SELECT 2) INTERSECT SELECT 2
-- chain
SELECT 1 AS x UNION ALL SELECT 1 UNION SELECT 2 EXCEPT SELECT 3
-- names_from_first
SELECT 1 AS a, 2 AS b UNION ALL SELECT 3 AS c, 4 AS d
-- order_limit_applies_to_all
SELECT k FROM pairs UNION ALL SELECT k FROM others ORDER BY k LIMIT 3
-- inner_order_limit
(SELECT v FROM pairs ORDER BY v DESC LIMIT 2) UNION ALL (SELECT v FROM others ORDER BY v DESC LIMIT 1)
-- union_null_and_int
SELECT NULL AS x UNION ALL SELECT 1
-- union_arrays
SELECT array(1) AS x UNION ALL SELECT array(2.5)
-- union_structs
SELECT named_struct('a', 1) AS x UNION ALL SELECT named_struct('b', 2)
-- intersect_coerces
SELECT 1 AS x INTERSECT SELECT 1.0
-- except_nulls
SELECT NULL AS x EXCEPT SELECT NULL
-- values_clause
VALUES (1, 'a'), (2, 'b')
-- values_mixed_types
SELECT * FROM VALUES (1, 'a'), (2.5, NULL) AS t(x, y)
-- values_default_names
SELECT * FROM VALUES (1, 'a')
-- inline_table_wrong_width
SELECT * FROM VALUES (1, 'a'), (2) AS t(x, y)
-- inline_table_alias_width
SELECT * FROM VALUES (1, 'a') AS t(x)
-- columns_mismatch
SELECT 1, 2 UNION ALL SELECT 1
-- columns_mismatch_except
SELECT 1 EXCEPT SELECT 1, 2
-- types_incompatible
SELECT array(1) UNION ALL SELECT 1
-- types_incompatible_map
SELECT map('a', 1) AS m UNION SELECT map('a', 1)
