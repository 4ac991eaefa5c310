-- limit_order
SELECT id FROM emp ORDER BY id LIMIT 3
-- limit_zero
SELECT id FROM emp LIMIT 0
-- limit_all
SELECT id FROM emp ORDER BY id LIMIT ALL
-- limit_expression
SELECT id FROM emp ORDER BY id LIMIT 1 + 1
-- limit_without_order
SELECT k FROM pairs LIMIT 3
-- limit_ties
SELECT name, salary FROM emp ORDER BY salary DESC LIMIT 2
-- limit_negative
SELECT id FROM emp LIMIT -1
-- limit_not_constant
SELECT id FROM emp LIMIT id
-- limit_not_integer
SELECT id FROM emp LIMIT 'x'
-- limit_null
SELECT id FROM emp LIMIT CAST(NULL AS INT)
-- offset_only
SELECT id FROM emp ORDER BY id OFFSET 4
-- limit_offset
SELECT id FROM emp ORDER BY id LIMIT 2 OFFSET 3
-- offset_beyond
SELECT id FROM emp ORDER BY id LIMIT 2 OFFSET 30
-- offset_negative
SELECT id FROM emp OFFSET -1
-- limit_in_subquery
SELECT count(*) AS n FROM (SELECT id FROM emp LIMIT 4)
-- order_by_expression
SELECT id FROM emp ORDER BY -id
-- order_by_hidden_column
SELECT name FROM emp ORDER BY salary NULLS FIRST, id
-- order_by_alias_over_column
SELECT -id AS id FROM emp ORDER BY id
-- order_by_alias_expression
SELECT id AS x FROM emp ORDER BY x % 3, x
-- order_by_source_column_of_alias
SELECT id + 1 AS x FROM emp ORDER BY id DESC
-- order_by_position
SELECT name, id FROM emp ORDER BY 2 DESC
-- order_by_position_zero
SELECT name, id FROM emp ORDER BY 0
-- order_by_all
SELECT dept, name FROM emp ORDER BY ALL
-- order_by_constant_string
SELECT id FROM emp ORDER BY 'id', id
-- order_by_mixed
SELECT dept, id FROM emp ORDER BY dept DESC NULLS LAST, id ASC
-- order_by_boolean
SELECT b, l FROM nums ORDER BY b, l
-- order_by_string_binary
SELECT x FROM VALUES ('b'), ('B'), ('a'), ('ä'), ('_'), (''), (NULL) AS t(x) ORDER BY x
-- order_by_array
SELECT x FROM VALUES (array(2)), (array(1, 5)), (array(1)), (array()) AS t(x) ORDER BY x
-- order_by_struct
SELECT x FROM VALUES (named_struct('a', 2, 'b', 1)), (named_struct('a', 1, 'b', 9)) AS t(x) ORDER BY x
-- order_by_map
SELECT m FROM nested ORDER BY m
-- order_by_unresolved
SELECT id FROM emp ORDER BY nope
-- order_by_ambiguous_alias
SELECT id AS x, dept AS x FROM emp ORDER BY x
-- sort_by_distribute_by
SELECT k, v FROM pairs DISTRIBUTE BY k SORT BY v
-- cluster_by
SELECT k, v FROM pairs CLUSTER BY k
-- tablesample_rows
SELECT count(*) AS n FROM emp TABLESAMPLE (3 ROWS)
-- tablesample_all
SELECT count(*) AS n FROM emp TABLESAMPLE (100 PERCENT)
-- distinct_order
SELECT DISTINCT dept FROM emp ORDER BY dept
-- distinct_limit
SELECT DISTINCT k FROM pairs ORDER BY k LIMIT 2
-- duplicate_output_names
SELECT id, id, name AS id FROM emp WHERE id = 1
-- order_subquery_not_kept
SELECT k FROM (SELECT k, v FROM pairs ORDER BY v)
