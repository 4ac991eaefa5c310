-- scalar
SELECT (SELECT max(z) FROM u), a FROM t
-- correlated_scalar
SELECT a, (SELECT max(z) FROM u WHERE u.a = t.a) FROM t
-- exists
SELECT a FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.a = t.a AND x > z)
-- in_coerced
SELECT a FROM t WHERE a IN (SELECT CAST(z AS BIGINT) FROM u)
-- in_pair
SELECT a FROM u WHERE (a, z) IN (SELECT a, a FROM t)
-- in_having
SELECT b FROM t GROUP BY b HAVING max(a) IN (SELECT z FROM u)
-- outer_aggregate
SELECT b FROM t GROUP BY b HAVING EXISTS (SELECT 1 FROM u WHERE u.a = max(t.a))
-- derived_table_inside
SELECT a FROM t WHERE a = (SELECT max(q) FROM (SELECT z AS q FROM u WHERE u.a = t.a))
-- common_table_twice
WITH c AS (SELECT a FROM u) SELECT * FROM c JOIN c AS d ON c.a = d.a
-- common_table_columns
WITH c(p) AS (SELECT a FROM u), e AS (SELECT p + 1 AS q FROM c) SELECT q FROM e
-- common_table_hides_view
WITH u AS (SELECT 1 AS only) SELECT * FROM u
-- too_many_columns
SELECT (SELECT a, z FROM u)
-- in_count_mismatch
SELECT a FROM t WHERE a IN (SELECT a, z FROM u)
-- two_levels_out
SELECT a FROM u WHERE EXISTS (SELECT 1 FROM t WHERE t.a = u.a AND EXISTS (SELECT 1 FROM u AS v WHERE v.a = t.a AND v.z = u.z))
-- common_table_arity
WITH c(p, q) AS (SELECT a FROM u) SELECT * FROM c
