-- limit_ends_it
WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT n FROM t LIMIT 5
-- limit_with_offset
WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT n+1 FROM t LIMIT 5 OFFSET 2
-- limit_above_filter
WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT n FROM t WHERE n > 3 LIMIT 5
-- levels_at_limit
WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 100) SELECT count(*) FROM t
-- level_beyond_limit
WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 101) SELECT count(*) FROM t
-- max_level_reached
WITH RECURSIVE t(n) MAX RECURSION LEVEL 3 AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 4) SELECT count(*) FROM t
-- max_level_zero
WITH RECURSIVE t(n) MAX RECURSION LEVEL 0 AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 0) SELECT count(*) FROM t
-- type_differs
WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1L FROM t WHERE n < 3) SELECT * FROM t
-- type_differs_decimal
WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 0.5 FROM t WHERE n < 3) SELECT * FROM t
-- type_differs_text
WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT 'x' FROM t WHERE n < 1) SELECT * FROM t
-- no_anchor
WITH RECURSIVE t AS (SELECT n + 1 AS n FROM t) SELECT * FROM t
-- anchor_second
WITH RECURSIVE t AS (SELECT n + 1 AS n FROM t UNION ALL SELECT 1) SELECT * FROM t
-- reference_in_subquery_too
WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 4 AND n IN (SELECT n FROM t)) SELECT * FROM t
-- two_references_in_step
WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT a.n + 1 FROM t a JOIN t b ON a.n = b.n WHERE a.n < 3) SELECT * FROM t
-- aggregate_in_step
WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT max(n) + 1 FROM t WHERE n < 3) SELECT * FROM t
-- distinct_in_step
WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT DISTINCT n + 1 FROM t WHERE n < 3) SELECT * FROM t
-- right_of_left_join
WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT x.n + 1 FROM (SELECT 1 AS k) y LEFT JOIN t x ON true WHERE x.n < 3) SELECT * FROM t
-- left_of_left_join
WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT x.n + 1 FROM t x LEFT JOIN (SELECT 1 AS k) y ON true WHERE x.n < 3) SELECT * FROM t
-- two_steps
WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 3 UNION ALL SELECT n + 10 FROM t WHERE n < 3) SELECT * FROM t
-- two_anchors
WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT n + 10 FROM t WHERE n < 20) SELECT * FROM t
-- of_another
WITH RECURSIVE a(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM a WHERE n < 3), b(m) AS (SELECT n FROM a UNION ALL SELECT m * 10 FROM b WHERE m < 100) SELECT * FROM b ORDER BY 1
-- used_twice
WITH RECURSIVE t(n) AS (SELECT id FROM range(2) UNION ALL SELECT n + 1 FROM t WHERE n < 3) SELECT * FROM t a WHERE n IN (SELECT n FROM t WHERE n > 1) ORDER BY n
-- too_many_rows
WITH RECURSIVE t(n) AS (SELECT id FROM range(1100000) UNION ALL SELECT n + 1 FROM t WHERE n < 0) SELECT count(*) FROM t
-- limit_inside
WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t LIMIT 3) SELECT * FROM t
-- limit_in_step
WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL (SELECT n + 1 FROM t WHERE n < 5 LIMIT 3)) SELECT * FROM t
-- own_with
WITH RECURSIVE t(n) AS (WITH q AS (SELECT 1 AS a) SELECT a FROM q UNION ALL SELECT n + 1 FROM t WHERE n < 3) SELECT * FROM t
-- in_derived_table
WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM (SELECT * FROM t) s WHERE n < 3) SELECT * FROM t
-- too_many_names
WITH RECURSIVE t(a, b) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 3) SELECT * FROM t
-- not_recursive
WITH t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT * FROM t
-- window_in_step
WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT sum(n) OVER () + 1 FROM t WHERE n < 4) SELECT * FROM t
-- intersect
WITH RECURSIVE t(n) AS (SELECT 1 INTERSECT SELECT n + 1 FROM t) SELECT * FROM t
-- dates
WITH RECURSIVE d(day) AS (SELECT DATE '2024-02-27' UNION ALL SELECT date_add(day, 1) FROM d WHERE day < DATE '2024-03-02') SELECT day, dayofweek(day) AS w FROM d ORDER BY day
-- timestamps_and_decimals
WITH RECURSIVE d(t, x) AS (SELECT TIMESTAMP '2024-02-27 10:00:00', CAST(1 AS DECIMAL(10,2)) UNION ALL SELECT t + INTERVAL 6 HOURS, CAST(x * 1.5 AS DECIMAL(10,2)) FROM d WHERE x < 4) SELECT * FROM d ORDER BY t
-- arrays
WITH RECURSIVE p(id, way) AS (SELECT id, array(id) FROM emp WHERE manager IS NULL UNION ALL SELECT e.id, concat(p.way, array(e.id)) FROM emp e JOIN p ON e.manager = p.id) SELECT * FROM p ORDER BY id
-- aggregated_above
WITH RECURSIVE boss(id, top, salary) AS (SELECT id, name, salary FROM emp WHERE manager IS NULL UNION ALL SELECT e.id, b.top, e.salary FROM emp e JOIN boss b ON e.manager = b.id) SELECT top, count(*) AS n, sum(salary) AS s FROM boss GROUP BY top
-- joined_above
WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 7) SELECT t.n, e.name FROM t LEFT JOIN emp e ON e.id = t.n * 2 ORDER BY 1
-- nothing_at_all
WITH RECURSIVE t(n) AS (SELECT id FROM emp WHERE id > 100 UNION ALL SELECT n + 1 FROM t) SELECT * FROM t
-- empty_text_and_null
WITH RECURSIVE t(s, n) AS (SELECT '', 1 UNION ALL SELECT CASE WHEN n = 2 THEN NULL ELSE concat(s, 'x') END, n + 1 FROM t WHERE n < 4) SELECT * FROM t ORDER BY n
-- in_subquery
SELECT name FROM emp WHERE id IN (WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 2 FROM t WHERE n < 7) SELECT n FROM t) ORDER BY name
-- struct
WITH RECURSIVE t(s) AS (SELECT named_struct('a', 1, 'b', 'x') UNION ALL SELECT named_struct('a', s.a + 1, 'b', concat(s.b, 'y')) FROM t WHERE s.a < 3) SELECT s.a, s.b FROM t ORDER BY 1
