-- any_case
SELECT A, T.B FROM t
-- struct_map_array
SELECT s.f, t.s.g, m.k, m['k'], arr[0], s.f + 1 FROM t
-- star_except
SELECT * EXCEPT (arr, m, s) FROM t
-- star_of_struct
SELECT s.* FROM t
-- ambiguous
SELECT a FROM t JOIN u
-- unknown_column
SELECT zz FROM t
-- unknown_qualified
SELECT t.zz FROM t
-- unknown_field
SELECT s.h FROM t
-- no_field_of_int
SELECT a.b FROM t
-- unknown_table
SELECT * FROM nosuch
-- unknown_function
SELECT nosuch(a) FROM t
-- lateral_alias
SELECT a + 1 AS p, p * 2 AS q, q + p AS r FROM t
-- lateral_alias_of_aggregate
SELECT sum(a) AS p, p * 2 AS q, b FROM t GROUP BY b
-- lateral_alias_in_aggregate
SELECT a AS z, sum(z) FROM t GROUP BY a
-- column_before_lateral_alias
SELECT -a AS x, x AS y FROM t
-- alias_not_in_where
SELECT a AS q FROM t WHERE q > 1
-- unnamed_columns
SELECT a + 1, -a, NOT (a = 1), a <> 1, a IS NULL, a IN (1, 2), a BETWEEN 1 AND 2, b LIKE 'x%', b RLIKE 'x', CAST(a AS STRING), CAST(a + 1 AS STRING), 'abc', NULL, DATE '2020-01-01', INTERVAL 1 DAY FROM t
-- unnamed_functions
SELECT count(*), count(DISTINCT a, b), sum(a) FILTER (WHERE x > 1), round(x, 1), substring(b, 1), CASE WHEN a = 1 THEN 'x' ELSE b END, if(a = 1, 2, 3) FROM t GROUP BY ALL
