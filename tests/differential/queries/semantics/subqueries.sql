-- scalar_in_select
SELECT name, (SELECT max(id) FROM emp) AS m FROM emp ORDER BY id
-- scalar_in_where
SELECT name FROM emp WHERE salary > (SELECT avg(salary) FROM emp) ORDER BY id
-- scalar_name
SELECT (SELECT 1), (SELECT max(id) FROM emp) + 1
-- scalar_empty_is_null
SELECT (SELECT id FROM emp WHERE false) AS x
-- scalar_too_many_rows
SELECT (SELECT id FROM emp) AS x
-- scalar_too_many_columns
SELECT (SELECT 1, 2) AS x
-- correlated_scalar_select
SELECT d.title, (SELECT count(*) FROM emp e WHERE e.dept = d.dept) AS n FROM dept d ORDER BY d.dept
-- correlated_scalar_sum
SELECT d.title, (SELECT sum(e.salary) FROM emp e WHERE e.dept = d.dept) AS s FROM dept d ORDER BY d.dept
-- correlated_scalar_where
SELECT name FROM emp e WHERE salary >= (SELECT avg(salary) FROM emp x WHERE x.dept = e.dept) ORDER BY id
-- correlated_scalar_expression
SELECT d.title, 1 + (SELECT count(*) FROM emp e WHERE e.dept = d.dept AND e.salary > 4000) AS n FROM dept d ORDER BY d.dept
-- correlated_count_coalesce
SELECT d.title, (SELECT coalesce(sum(e.salary), 0) FROM emp e WHERE e.dept = d.dept) AS s FROM dept d ORDER BY d.dept
-- correlated_scalar_many_rows
SELECT d.title, (SELECT e.name FROM emp e WHERE e.dept = d.dept) AS n FROM dept d
-- correlated_scalar_limit
SELECT d.title, (SELECT e.name FROM emp e WHERE e.dept = d.dept ORDER BY e.id DESC LIMIT 1) AS n FROM dept d ORDER BY d.dept
-- correlated_inequality
SELECT e.id, (SELECT count(*) FROM emp x WHERE x.salary > e.salary) AS above FROM emp e ORDER BY id
-- correlated_in_having
SELECT dept, count(*) AS n FROM emp e GROUP BY dept HAVING count(*) >= (SELECT count(*) FROM dept d WHERE d.dept = e.dept) ORDER BY dept
-- exists_basic
SELECT title FROM dept d WHERE EXISTS (SELECT 1 FROM emp e WHERE e.dept = d.dept) ORDER BY title
-- not_exists
SELECT title FROM dept d WHERE NOT EXISTS (SELECT 1 FROM emp e WHERE e.dept = d.dept) ORDER BY title
-- exists_uncorrelated
SELECT count(*) AS n FROM dept WHERE EXISTS (SELECT * FROM emp WHERE id = 3)
-- exists_uncorrelated_empty
SELECT count(*) AS n FROM dept WHERE EXISTS (SELECT * FROM emp WHERE id = 333)
-- exists_or
SELECT title FROM dept d WHERE EXISTS (SELECT 1 FROM emp e WHERE e.dept = d.dept) OR d.city = 'Linz' ORDER BY title
-- exists_in_select
SELECT title, EXISTS (SELECT 1 FROM emp e WHERE e.dept = d.dept) AS has FROM dept d ORDER BY title
-- exists_two_conditions
SELECT id FROM emp e WHERE EXISTS (SELECT 1 FROM emp x WHERE x.dept = e.dept AND x.id <> e.id) ORDER BY id
-- in_basic
SELECT name FROM emp WHERE dept IN (SELECT dept FROM dept) ORDER BY id
-- not_in_no_nulls
SELECT title FROM dept WHERE dept NOT IN (SELECT dept FROM emp WHERE dept IS NOT NULL) ORDER BY title
-- not_in_with_null
SELECT title FROM dept WHERE dept NOT IN (SELECT dept FROM emp) ORDER BY title
-- not_in_empty
SELECT name FROM emp WHERE dept NOT IN (SELECT dept FROM dept WHERE false) ORDER BY id
-- not_in_null_left
SELECT name FROM emp WHERE dept NOT IN (SELECT dept FROM dept WHERE dept > 20) ORDER BY id
-- not_in_correlated
SELECT id FROM emp e WHERE id NOT IN (SELECT manager FROM emp x WHERE x.dept = e.dept AND manager IS NOT NULL) ORDER BY id
-- in_two_columns
SELECT k, v FROM pairs WHERE (k, v) IN (SELECT k, v FROM others)
-- not_in_two_columns
SELECT k, v FROM pairs WHERE (k, v) NOT IN (SELECT k, v FROM others WHERE k IS NOT NULL AND v IS NOT NULL)
-- in_coerces
SELECT id FROM emp WHERE id IN (SELECT 2.0) ORDER BY id
-- in_or
SELECT id FROM emp WHERE dept IN (SELECT dept FROM dept WHERE city = 'Graz') OR id = 7 ORDER BY id
-- in_in_select
SELECT id, dept IN (SELECT dept FROM dept WHERE city IS NOT NULL) AS x FROM emp ORDER BY id
-- in_in_case
SELECT id, CASE WHEN dept IN (SELECT dept FROM dept) THEN 'y' ELSE 'n' END AS x FROM emp ORDER BY id
-- in_with_aggregate
SELECT id FROM emp WHERE dept IN (SELECT dept FROM emp GROUP BY dept HAVING count(*) > 1) ORDER BY id
-- in_wrong_width
SELECT id FROM emp WHERE id IN (SELECT id, dept FROM emp)
-- in_incompatible
SELECT id FROM emp WHERE array(id) IN (SELECT id FROM emp)
-- derived_table
SELECT a, b FROM (SELECT id AS a, id * 2 AS b FROM emp) WHERE b > 6 ORDER BY a
-- derived_table_columns
SELECT p, q FROM (SELECT id, name FROM emp) AS t(p, q) ORDER BY p LIMIT 2
-- cte_basic
WITH t AS (SELECT 1 AS x), u AS (SELECT x + 1 AS y FROM t) SELECT * FROM t, u
-- cte_twice
WITH t AS (SELECT dept, count(*) AS n FROM emp GROUP BY dept) SELECT a.dept, a.n FROM t a JOIN t b ON a.n = b.n AND a.dept < b.dept
-- cte_columns
WITH t(a, b) AS (SELECT id, name FROM emp) SELECT a, b FROM t ORDER BY a LIMIT 2
-- cte_shadows_view
WITH emp AS (SELECT 42 AS id) SELECT * FROM emp
-- cte_nested
WITH t AS (WITH u AS (SELECT 1 AS x) SELECT x + 1 AS y FROM u) SELECT * FROM t
-- cte_in_subquery
SELECT id FROM emp WHERE id = (WITH t AS (SELECT max(id) AS m FROM emp) SELECT m FROM t)
-- cte_wrong_columns
WITH t(a, b, c) AS (SELECT 1, 2) SELECT * FROM t
-- cte_unused_error
WITH t AS (SELECT nope FROM emp) SELECT 1
-- recursive_cte
WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 5) SELECT n FROM t ORDER BY n
-- subquery_in_from_correlated_union
SELECT d.dept FROM dept d WHERE EXISTS (SELECT 1 FROM emp e WHERE e.dept = d.dept UNION ALL SELECT 1 FROM emp x WHERE x.id = d.dept) ORDER BY 1
-- correlated_outer_aggregate
SELECT dept FROM emp e GROUP BY dept HAVING EXISTS (SELECT 1 FROM emp x WHERE x.id = max(e.id)) ORDER BY dept
-- correlated_unknown_column
SELECT title FROM dept d WHERE EXISTS (SELECT 1 FROM emp e WHERE e.nope = d.dept)
-- inner_scope_wins
SELECT dept FROM dept d WHERE EXISTS (SELECT 1 FROM emp WHERE dept = 99) ORDER BY dept
-- scalar_subquery_in_order_by
SELECT id FROM emp ORDER BY (SELECT 1), id DESC LIMIT 2
-- scalar_subquery_in_group_by
SELECT (SELECT max(dept) FROM dept) AS m, count(*) AS n FROM emp GROUP BY (SELECT max(dept) FROM dept)
-- nested_correlation
SELECT id FROM emp e WHERE EXISTS (SELECT 1 FROM dept d WHERE d.dept = e.dept AND d.dept = (SELECT min(x.dept) FROM emp x WHERE x.dept = d.dept)) ORDER BY id
