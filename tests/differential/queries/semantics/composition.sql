-- union_by_name
SELECT 1 AS a, 'x' AS b UNION BY NAME SELECT 'y' AS b, 2 AS a
-- union_all_by_name_missing
SELECT 1 AS a UNION ALL BY NAME SELECT 'y' AS b
-- intersect_all
SELECT k, v FROM pairs INTERSECT ALL SELECT k, v FROM others
-- except_all_duplicates
SELECT k, v FROM pairs EXCEPT ALL SELECT 'a', 2
-- minus_distinct
SELECT k FROM pairs MINUS SELECT k FROM others
-- precedence
SELECT 1 AS a UNION SELECT 2 INTERSECT SELECT 3
-- union_widening
SELECT 1 AS a UNION ALL SELECT 2.5 UNION ALL SELECT CAST(3 AS DOUBLE)
-- union_incompatible
SELECT array(1) AS a UNION ALL SELECT 1
-- union_column_count
SELECT 1 UNION SELECT 1, 2
-- union_order_limit
(SELECT id FROM emp ORDER BY id DESC LIMIT 2) UNION ALL (SELECT id FROM emp ORDER BY id LIMIT 1) ORDER BY id
-- lateral_alias
SELECT id * 2 AS x, x + 1 AS y, y * x AS z FROM emp ORDER BY id
-- lateral_alias_column_wins
SELECT dept + 1 AS id, id AS other FROM emp ORDER BY other
-- lateral_alias_ambiguous
SELECT 1 AS x, 2 AS x, x + 1 AS y
-- lateral_alias_aggregate
SELECT dept, avg(salary) AS a, a + 1 AS b FROM emp GROUP BY dept ORDER BY dept
-- lateral_alias_window
SELECT id, row_number() OVER (ORDER BY id DESC) AS r, r * 10 AS t FROM emp ORDER BY id
-- lateral_alias_where
SELECT id * 2 AS x FROM emp WHERE x > 4
-- exists_in_select_correlated
SELECT d.dept, EXISTS (SELECT 1 FROM emp e WHERE e.dept = d.dept AND e.salary > 4000) AS h FROM dept d ORDER BY 1
-- not_exists_case
SELECT d.dept, CASE WHEN NOT EXISTS (SELECT 1 FROM emp e WHERE e.dept = d.dept) THEN 'none' ELSE 'some' END AS h FROM dept d ORDER BY 1
-- in_select_list
SELECT id, dept IN (SELECT dept FROM dept) AS i FROM emp ORDER BY id
-- not_in_select_list
SELECT id, dept NOT IN (SELECT dept FROM dept) AS i FROM emp ORDER BY id
-- in_correlated_select_list
SELECT d.dept, 1 IN (SELECT e.manager FROM emp e WHERE e.dept = d.dept) AS i FROM dept d ORDER BY 1
-- in_select_list_nulls_inside
SELECT i, i IN (SELECT v FROM pairs) AS x FROM nums ORDER BY i
-- not_in_select_list_nulls_inside
SELECT i, i NOT IN (SELECT v FROM pairs) AS x FROM nums ORDER BY i
-- in_having
SELECT dept, count(*) AS n FROM emp GROUP BY dept HAVING dept IN (SELECT dept FROM dept WHERE city IS NOT NULL) ORDER BY dept
-- exists_having
SELECT dept, count(*) AS n FROM emp e GROUP BY dept HAVING EXISTS (SELECT 1 FROM dept d WHERE d.dept = e.dept) ORDER BY dept
-- scalar_having
SELECT dept, sum(salary) AS s FROM emp GROUP BY dept HAVING sum(salary) > (SELECT avg(salary) FROM emp) ORDER BY dept
-- scalar_in_order_by
SELECT dept FROM dept d ORDER BY (SELECT count(*) FROM emp e WHERE e.dept = d.dept) DESC, dept
-- scalar_in_join
SELECT e.id FROM emp e JOIN dept d ON e.dept = d.dept AND e.salary > (SELECT avg(salary) FROM emp) ORDER BY e.id
-- exists_in_join_on
SELECT e.id FROM emp e JOIN dept d ON e.dept = d.dept AND EXISTS (SELECT 1 FROM dept x WHERE x.city = 'Wien') ORDER BY e.id
-- scalar_in_group_by
SELECT (SELECT max(dept) FROM dept) AS m, count(*) AS n FROM emp GROUP BY (SELECT max(dept) FROM dept)
-- nested_correlation
SELECT d.dept FROM dept d WHERE EXISTS (SELECT 1 FROM emp e WHERE e.dept = d.dept AND e.salary = (SELECT max(x.salary) FROM emp x WHERE x.dept = e.dept)) ORDER BY 1
-- deep_outer_reference
SELECT d.dept, (SELECT max(e.id) FROM emp e WHERE e.dept = d.dept AND e.id > (SELECT min(id) FROM emp)) AS m FROM dept d ORDER BY 1
-- in_pair_nulls
SELECT id FROM emp WHERE (dept, manager) IN (SELECT dept, manager FROM emp) ORDER BY id
-- group_by_all
SELECT dept, name LIKE '%e%' AS e, count(*) AS n FROM emp GROUP BY ALL ORDER BY dept, e
-- group_by_all_expression
SELECT dept + 1 AS d, sum(salary) + 1 AS s FROM emp GROUP BY ALL ORDER BY d
-- group_by_all_no_aggregate
SELECT dept FROM emp GROUP BY ALL ORDER BY dept
-- group_by_all_mixed
SELECT dept, dept + count(*) AS x FROM emp GROUP BY ALL ORDER BY dept
-- group_by_all_only_aggregates
SELECT count(*) AS n, max(id) AS m FROM emp GROUP BY ALL
-- order_by_all
SELECT dept, id FROM emp ORDER BY ALL
-- order_by_all_desc
SELECT dept, id FROM emp ORDER BY ALL DESC NULLS LAST
-- order_by_ordinal_expression
SELECT id, -id AS m FROM emp ORDER BY 2 LIMIT 2
-- order_by_ordinal_outside
SELECT id FROM emp ORDER BY 2
-- grouping_sets_null_keys
SELECT k, v, count(*) AS n, grouping(k) AS g, grouping_id(k, v) AS i FROM pairs GROUP BY GROUPING SETS ((k, v), (k), ()) ORDER BY g, i, k, v
-- cube_expression
SELECT year + 1 AS y, region, sum(amount) AS s FROM sales GROUP BY CUBE (year + 1, region) ORDER BY y, region
-- grouping_sets_mixed
SELECT year, quarter, region, sum(amount) AS s FROM sales GROUP BY year, ROLLUP (quarter, region) ORDER BY ALL
-- grouping_sets_duplicate
SELECT year, sum(amount) AS s FROM sales GROUP BY GROUPING SETS (year, year, ()) ORDER BY 1, 2
-- rollup_having_grouping
SELECT year, sum(amount) AS s FROM sales GROUP BY ROLLUP (year) HAVING grouping(year) = 1
-- rollup_aggregate_of_key
SELECT year, count(year) AS c, max(year) AS m FROM sales GROUP BY ROLLUP (year) ORDER BY year
-- grouping_outside
SELECT grouping(dept) FROM emp GROUP BY dept
-- values_table
VALUES (1, 'a'), (2, NULL)
-- values_alias
SELECT * FROM (VALUES (1, 2.5), (3, 4)) AS t(a, b) ORDER BY a
-- lateral_view_two
SELECT id, x, y FROM nested LATERAL VIEW explode(arr) AS x LATERAL VIEW OUTER explode(map_keys(m)) AS y ORDER BY id, x, y
-- lateral_view_json
SELECT a, b FROM (SELECT '{"a": 1, "b": "x"}' AS j) LATERAL VIEW json_tuple(j, 'a', 'b') t AS a, b
-- lateral_join
SELECT d.dept, t.n FROM dept d, LATERAL (SELECT count(*) AS n FROM emp e WHERE e.dept = d.dept) t ORDER BY 1
-- lateral_explode
SELECT id, c FROM nested, LATERAL explode(arr) AS t(c) ORDER BY id, c
-- pivot_sql
SELECT * FROM (SELECT year, region, amount FROM sales) PIVOT (sum(amount) FOR region IN ('north', 'south' AS s)) ORDER BY year
-- pivot_many_aggregates
SELECT * FROM (SELECT year, quarter, amount FROM sales) PIVOT (sum(amount) AS s, count(*) AS c FOR quarter IN (1, 2)) ORDER BY year
-- pivot_pairs
SELECT * FROM sales PIVOT (sum(amount) FOR (year, quarter) IN ((2023, 1) AS a, (2024, 2) AS b)) ORDER BY region
-- unpivot_sql
SELECT * FROM (SELECT 1 AS id, 10 AS a, NULL AS b) UNPIVOT (v FOR n IN (a, b))
-- unpivot_nulls
SELECT * FROM (SELECT 1 AS id, 10 AS a, CAST(NULL AS INT) AS b) UNPIVOT INCLUDE NULLS (v FOR n IN (a AS x, b AS y)) ORDER BY n
-- unpivot_groups
SELECT * FROM (SELECT 1 AS id, 1 AS a, 2 AS b, 3 AS c, 4 AS d) UNPIVOT ((u, v) FOR n IN ((a, b) AS first, (c, d) AS second)) ORDER BY n
-- tablesample_rows
SELECT count(*) AS n FROM emp TABLESAMPLE (3 ROWS)
-- tablesample_all
SELECT count(*) AS n FROM emp TABLESAMPLE (100 PERCENT)
-- tablesample_none
SELECT count(*) AS n FROM emp TABLESAMPLE (0 PERCENT) REPEATABLE (1)
-- tablesample_too_much
SELECT count(*) AS n FROM emp TABLESAMPLE (150 PERCENT)
-- recursive_numbers
WITH RECURSIVE t(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM t WHERE n < 10) SELECT sum(n) AS s, count(*) AS c FROM t
-- recursive_tree
WITH RECURSIVE boss(id, name, depth) AS (SELECT id, name, 0 FROM emp WHERE manager IS NULL UNION ALL SELECT e.id, e.name, b.depth + 1 FROM emp e JOIN boss b ON e.manager = b.id) SELECT * FROM boss ORDER BY id
-- recursive_endless
WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT count(*) FROM t
-- recursive_limit
WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT n FROM t LIMIT 5
-- recursive_not_used
WITH RECURSIVE t AS (SELECT 1 AS a) SELECT * FROM t
-- recursive_distinct
WITH RECURSIVE t(n) AS (SELECT 1 UNION SELECT n % 3 + 1 FROM t) SELECT * FROM t ORDER BY n
-- recursive_max_level
WITH RECURSIVE t(n) MAX RECURSION LEVEL 3 AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT count(*) FROM t
-- recursive_strings
WITH RECURSIVE t(n, s) AS (SELECT 1, 'a' UNION ALL SELECT n + 1, concat(s, 'b') FROM t WHERE n < 4) SELECT * FROM t ORDER BY n
-- recursive_two_references
WITH RECURSIVE fib(a, b) AS (SELECT 0, 1 UNION ALL SELECT b, a + b FROM fib WHERE b < 50) SELECT f.a, g.b FROM fib f JOIN fib g ON f.a = g.a ORDER BY 1, 2
-- cte_shadowing
WITH t AS (SELECT 1 AS a), s AS (WITH t AS (SELECT 2 AS a) SELECT a FROM t) SELECT t.a, s.a AS b FROM t, s
-- pipe_syntax
FROM emp |> WHERE salary > 3000 |> AGGREGATE count(*) AS n GROUP BY dept |> ORDER BY dept
-- named_arguments_mask
SELECT mask('AbCD123', lowerChar => 'q', upperChar => 'Q') AS a
-- named_arguments_wrong_order
SELECT mask(lowerChar => 'q', 'AbCD123') AS a
-- named_arguments_twice
SELECT mask('a', lowerChar => 'q', lowerChar => 'r') AS a
-- named_arguments_not_supported
SELECT upper(str => 'a') AS a
-- named_arguments_explode
SELECT * FROM explode(collection => array(1, 2))
-- named_argument_positional_too
SELECT mask('a', str => 'b') AS a
-- named_argument_missing
SELECT mask(lowerChar => 'q') AS a
-- count_min_sketch_named
SELECT hex(count_min_sketch(id, seed => 1, epsilon => 0.5D, confidence => 0.5D)) AS a FROM emp
-- natural_join
SELECT * FROM emp NATURAL JOIN dept ORDER BY id
-- null_order_all_kinds
SELECT k, v FROM pairs ORDER BY k DESC NULLS FIRST, v ASC NULLS LAST
-- null_order_default
SELECT k, v FROM pairs ORDER BY k, v DESC
-- values_incompatible
SELECT * FROM VALUES (1), ('a') AS t(x)
-- limit_all_offset
SELECT id FROM emp ORDER BY id LIMIT ALL OFFSET 5
-- star_except
SELECT * EXCEPT (salary, hired) FROM emp ORDER BY id
-- count_distinct_pairs
SELECT count(DISTINCT k, v) AS a, count(DISTINCT k) AS b FROM pairs
-- filter_clause
SELECT count(*) FILTER (WHERE v > 1) AS a, sum(v) FILTER (WHERE k = 'a') AS b, collect_list(v) FILTER (WHERE v IS NOT NULL AND k = 'a') AS c FROM pairs
