-- inner_join
SELECT e.name, d.title FROM emp e JOIN dept d ON e.dept = d.dept
-- left_join
SELECT e.name, d.title FROM emp e LEFT JOIN dept d ON e.dept = d.dept
-- right_join
SELECT e.name, d.title FROM emp e RIGHT OUTER JOIN dept d ON e.dept = d.dept
-- full_join
SELECT e.name, d.title FROM emp e FULL OUTER JOIN dept d ON e.dept = d.dept
-- semi_join
SELECT * FROM dept d LEFT SEMI JOIN emp e ON e.dept = d.dept
-- anti_join
SELECT * FROM dept d LEFT ANTI JOIN emp e ON e.dept = d.dept
-- anti_join_null_keys
SELECT p.k, p.v FROM pairs p LEFT ANTI JOIN others o ON p.k = o.k
-- cross_join
SELECT d.dept, x.n FROM dept d CROSS JOIN VALUES (1), (2) AS x(n)
-- comma_join
SELECT e.name, d.title FROM emp e, dept d WHERE e.dept = d.dept AND d.city IS NOT NULL
-- using_inner
SELECT * FROM emp JOIN dept USING (dept)
-- using_left
SELECT dept, name, title FROM emp LEFT JOIN dept USING (dept)
-- using_full
SELECT * FROM pairs FULL JOIN others USING (k)
-- using_full_qualified
SELECT k, p.k AS pk, o.k AS ok, p.v, o.v FROM pairs p FULL JOIN others o USING (k)
-- using_right
SELECT * FROM pairs RIGHT JOIN others USING (k, v)
-- natural_join
SELECT * FROM pairs NATURAL JOIN others
-- natural_left
SELECT * FROM pairs NATURAL LEFT JOIN others
-- natural_no_common
SELECT * FROM (SELECT 1 AS a) NATURAL JOIN (SELECT 2 AS b)
-- null_keys_never_match
SELECT p.v, o.v FROM pairs p JOIN others o ON p.k = o.k
-- null_safe_join
SELECT p.k, p.v, o.v FROM pairs p JOIN others o ON p.k <=> o.k
-- inequality_join
SELECT a.id, b.id FROM emp a JOIN emp b ON a.salary < b.salary
-- mixed_condition
SELECT p.k, p.v, o.v FROM pairs p JOIN others o ON p.k = o.k AND p.v < o.v
-- left_join_condition_on_left
SELECT p.k, p.v, o.v FROM pairs p LEFT JOIN others o ON p.k = o.k AND p.v > 1
-- full_join_inequality
SELECT p.v, o.v FROM pairs p FULL JOIN others o ON p.k = o.k AND p.v > o.v
-- left_join_then_where
SELECT p.k, o.v FROM pairs p LEFT JOIN others o ON p.k = o.k WHERE o.v IS NULL
-- join_key_types_differ
SELECT a.x, b.y FROM VALUES (1), (2) AS a(x) JOIN VALUES (1.0), (2.5) AS b(y) ON a.x = b.y
-- join_key_string_int
SELECT a.x, b.y FROM VALUES (1), (2) AS a(x) JOIN VALUES ('1'), ('02') AS b(y) ON a.x = b.y
-- join_key_int_long
SELECT a.x, b.y FROM VALUES (1), (2) AS a(x) JOIN VALUES (1L), (3L) AS b(y) ON a.x = b.y
-- join_key_decimal_scales
SELECT a.x, b.y FROM VALUES (CAST(1.50 AS DECIMAL(5,2))) AS a(x) JOIN VALUES (CAST(1.5 AS DECIMAL(10,1))) AS b(y) ON a.x = b.y
-- join_key_float_double
SELECT a.x, b.y FROM VALUES (CAST(0.5 AS FLOAT)), (CAST(0.1 AS FLOAT)) AS a(x) JOIN VALUES (0.5D), (0.1D) AS b(y) ON a.x = b.y
-- join_key_date_timestamp
SELECT a.x, b.y FROM VALUES (DATE '2024-01-01') AS a(x) JOIN VALUES (TIMESTAMP '2024-01-01 00:00:00'), (TIMESTAMP '2024-01-01 01:00:00') AS b(y) ON a.x = b.y
-- join_on_expression
SELECT a.id, b.id FROM emp a JOIN emp b ON a.manager = b.id AND length(a.name) = length(b.name)
-- join_on_or
SELECT p.v, o.v FROM pairs p JOIN others o ON p.k = o.k OR p.v = o.v
-- self_join
SELECT e.name, m.name AS boss FROM emp e LEFT JOIN emp m ON e.manager = m.id ORDER BY e.id
-- three_way
SELECT e.name, m.name AS boss, d.title FROM emp e JOIN emp m ON e.manager = m.id LEFT JOIN dept d ON d.dept = m.dept ORDER BY e.id
-- lateral_subquery
SELECT d.title, t.name FROM dept d, LATERAL (SELECT name FROM emp e WHERE e.dept = d.dept) t
-- lateral_top_one
SELECT d.title, t.name FROM dept d LEFT JOIN LATERAL (SELECT name FROM emp e WHERE e.dept = d.dept ORDER BY e.id LIMIT 1) t ON true
-- lateral_aggregate
SELECT d.title, t.n FROM dept d JOIN LATERAL (SELECT count(*) AS n FROM emp e WHERE e.dept = d.dept) t
-- lateral_expression
SELECT x, y FROM VALUES (1), (2) AS t(x), LATERAL (SELECT x * 10 AS y)
-- lateral_view_explode
SELECT id, e FROM nested LATERAL VIEW explode(arr) t AS e
-- lateral_view_outer
SELECT id, pos, e FROM nested LATERAL VIEW OUTER posexplode(arr) t AS pos, e
-- lateral_view_map
SELECT id, k, v FROM nested LATERAL VIEW explode(m) t AS k, v
-- explode_in_select
SELECT id, explode(arr) AS e FROM nested
-- explode_default_names
SELECT explode(array(1, 2)), 5 AS five
-- explode_map_names
SELECT explode(map('a', 1))
-- posexplode_names
SELECT posexplode(array('x', 'y'))
-- inline_structs
SELECT inline(array(named_struct('a', 1, 'b', 'x'), named_struct('a', 2, 'b', 'y')))
-- stack_rows
SELECT stack(2, 1, 'a', 2, 'b') AS (n, s)
-- explode_table_function
SELECT * FROM explode(array(10, 20)) AS t(x)
-- range_table_function
SELECT id * 2 AS x FROM range(1, 4)
-- join_star_order
SELECT * FROM pairs p JOIN others o ON p.k = o.k
-- join_star_qualified
SELECT o.*, p.v AS pv FROM pairs p JOIN others o ON p.k = o.k
-- ambiguous_after_join
SELECT k FROM pairs p JOIN others o ON p.k = o.k
-- ambiguous_star_subquery
SELECT v FROM (SELECT * FROM pairs p JOIN others o ON p.k = o.k)
-- using_unknown_column
SELECT * FROM pairs JOIN others USING (nope)
-- join_condition_not_boolean
SELECT * FROM pairs p JOIN others o ON p.v
-- join_condition_aggregate
SELECT * FROM pairs p JOIN others o ON sum(p.v) = o.v
-- join_unknown_in_condition
SELECT * FROM pairs p JOIN others o ON p.k = o.nope
-- semi_join_right_column
SELECT o.v FROM pairs p LEFT SEMI JOIN others o ON p.k = o.k
-- not_lateral_reference
SELECT * FROM dept d, (SELECT name FROM emp e WHERE e.dept = d.dept) t
-- two_generators
SELECT explode(array(1, 2)), explode(array(3, 4))
-- nested_generator
SELECT explode(array(1, 2)) + 1
-- generator_in_where
SELECT id FROM nested WHERE explode(arr) = 1
-- empty_side_inner
SELECT * FROM pairs p JOIN (SELECT * FROM others WHERE false) o ON p.k = o.k
-- empty_side_left
SELECT p.k, o.v FROM pairs p LEFT JOIN (SELECT * FROM others WHERE false) o ON p.k = o.k
-- broadcast_hint
SELECT /*+ BROADCAST(d) */ e.name, d.title FROM emp e JOIN dept d ON e.dept = d.dept
-- merge_hint
SELECT /*+ MERGE(d) */ e.name, d.title FROM emp e JOIN dept d ON e.dept = d.dept
-- shuffle_hash_hint
SELECT /*+ SHUFFLE_HASH(d) */ e.name FROM emp e LEFT JOIN dept d ON e.dept = d.dept
-- repartition_hint
SELECT /*+ REPARTITION(3, k) */ k, v FROM pairs
-- unknown_hint_ignored
SELECT /*+ SOMETHING(x) */ k FROM pairs
-- on_untyped_null
SELECT p.v, o.v FROM pairs p LEFT JOIN others o ON NULL
