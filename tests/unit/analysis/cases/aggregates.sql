-- global
SELECT sum(a), count(*) FROM t
-- grouped
SELECT b, sum(a) + 1 AS s FROM t GROUP BY b
-- by_expression
SELECT a + 1, count(*) FROM t GROUP BY a + 1
-- by_alias_and_ordinal
SELECT a AS q, b, count(*) FROM t GROUP BY q, 2
-- by_all
SELECT b, a + 1 AS c, sum(x) FROM t GROUP BY ALL
-- having
SELECT b, sum(a) AS s FROM t GROUP BY b HAVING sum(x) > 1 AND s > 1 AND b <> 'q'
-- having_prefers_input_inside_aggregates
SELECT b, sum(a) AS a FROM t GROUP BY b HAVING sum(a) > 1 AND a > 2
-- order_by_aggregate
SELECT b FROM t GROUP BY b ORDER BY max(x) DESC, b
-- windows_over_groups
SELECT b, sum(sum(a)) OVER (PARTITION BY b ORDER BY max(x)) AS w FROM t GROUP BY b HAVING count(*) > 0
-- explode_of_collected
SELECT b, explode(array(max(a), min(a))) AS e FROM t GROUP BY b
-- distinct_and_filter
SELECT count(DISTINCT a), sum(a) FILTER (WHERE x > 1) FROM t
-- missing_aggregation
SELECT a, sum(x) FROM t GROUP BY b
-- missing_group_by
SELECT a, sum(x) FROM t
-- aggregate_in_group_by
SELECT a FROM t GROUP BY sum(a)
-- position_out_of_range
SELECT a FROM t GROUP BY 2
-- position_of_aggregate
SELECT sum(a) FROM t GROUP BY 1
-- nested_aggregate
SELECT sum(sum(a)) FROM t
-- aggregate_in_where
SELECT sum(x) FROM t WHERE sum(x) > 1
-- distinct_of_scalar
SELECT upper(DISTINCT b) FROM t
-- rollup
SELECT a, b, sum(x), grouping(a), grouping_id() FROM t GROUP BY ROLLUP (a, b) HAVING grouping(b) = 0 ORDER BY grouping(a), a
-- grouping_sets_of_expressions
SELECT a + 1, sum(a) FROM t GROUP BY GROUPING SETS ((a + 1), (b), ())
-- repeated_grouping_sets
SELECT a, count(*) FROM t GROUP BY GROUPING SETS ((a), (a))
-- grouping_without_sets
SELECT grouping(a) FROM t GROUP BY a
-- pivot
SELECT * FROM u PIVOT (sum(z) AS s, max(z) FOR a IN (1 AS one, 2))
-- unpivot
SELECT * FROM u UNPIVOT (v FOR n IN (a, z))
