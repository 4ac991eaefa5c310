-- rollup_two
SELECT year, quarter, sum(amount) AS s FROM sales GROUP BY ROLLUP(year, quarter) ORDER BY year, quarter
-- cube_two
SELECT year, region, sum(amount) AS s, count(*) AS n FROM sales GROUP BY CUBE(year, region) ORDER BY year, region, n
-- grouping_sets
SELECT year, region, sum(amount) AS s FROM sales GROUP BY GROUPING SETS ((year), (region), ()) ORDER BY year, region, s
-- grouping_sets_suffix
SELECT year, region, sum(amount) AS s FROM sales GROUP BY year, region GROUPING SETS ((year), (region)) ORDER BY year, region
-- with_rollup
SELECT year, sum(amount) AS s FROM sales GROUP BY year WITH ROLLUP ORDER BY year
-- with_cube
SELECT year, quarter, count(*) AS n FROM sales GROUP BY year, quarter WITH CUBE ORDER BY year, quarter, n
-- grouping_function
SELECT region, grouping(region) AS g, sum(amount) AS s FROM sales GROUP BY ROLLUP(region) ORDER BY g, region
-- grouping_id_function
SELECT year, quarter, grouping_id() AS g, grouping_id(year, quarter) AS h, count(*) AS n FROM sales GROUP BY CUBE(year, quarter) ORDER BY g, year, quarter
-- grouping_names
SELECT grouping(year), grouping_id(), sum(amount) FROM sales GROUP BY ROLLUP(year)
-- rollup_and_column
SELECT year, quarter, region, count(*) AS n FROM sales GROUP BY year, ROLLUP(quarter, region) ORDER BY year, quarter, region, n
-- rollup_having
SELECT year, quarter, sum(amount) AS s FROM sales GROUP BY ROLLUP(year, quarter) HAVING grouping(quarter) = 1 ORDER BY year
-- rollup_of_key_in_aggregate
SELECT year, count(year) AS c, count(*) AS n FROM sales GROUP BY ROLLUP(year) ORDER BY year
-- rollup_expression
SELECT year + 1 AS y, sum(amount) AS s FROM sales GROUP BY ROLLUP(year + 1) ORDER BY y
-- rollup_of_nothing
SELECT year, count(*) AS n FROM sales WHERE false GROUP BY ROLLUP(year)
-- grouping_sets_empty_only
SELECT count(*) AS n FROM sales GROUP BY GROUPING SETS (())
-- grouping_outside
SELECT grouping(year) FROM sales GROUP BY year
-- group_by_position
SELECT year, sum(amount) AS s FROM sales GROUP BY 1 ORDER BY 2
-- group_by_alias
SELECT year * 10 + quarter AS yq, sum(amount) AS s FROM sales GROUP BY yq ORDER BY yq
-- group_by_all
SELECT year, quarter, sum(amount) AS s FROM sales GROUP BY ALL ORDER BY year, quarter
-- group_by_expression_reused
SELECT upper(region) AS r, count(*) AS n FROM sales GROUP BY upper(region) ORDER BY r
-- group_by_without_aggregate
SELECT region FROM sales GROUP BY region
-- group_by_constant
SELECT 'x' AS c, count(*) AS n FROM sales GROUP BY 'x'
-- having_without_group
SELECT sum(amount) AS s FROM sales HAVING sum(amount) > 10000
-- having_alias
SELECT region, sum(amount) AS s FROM sales GROUP BY region HAVING s > 100 ORDER BY s
-- having_other_aggregate
SELECT region FROM sales GROUP BY region HAVING count(*) > 1 ORDER BY region
-- order_by_aggregate
SELECT region FROM sales GROUP BY region ORDER BY sum(amount) DESC
-- filter_clause
SELECT sum(amount) FILTER (WHERE year = 2023) AS a, count(*) FILTER (WHERE region = 'north') AS b, avg(amount) FILTER (WHERE false) AS c FROM sales
-- filter_clause_name
SELECT sum(amount) FILTER (WHERE year = 2023), count(DISTINCT region) FILTER (WHERE year = 2024) FROM sales
-- several_distincts
SELECT year, count(DISTINCT region) AS a, sum(DISTINCT amount) AS b, count(DISTINCT quarter) AS c, sum(amount) AS d FROM sales GROUP BY year ORDER BY year
-- count_distinct_many
SELECT count(DISTINCT year, region) AS a, count(DISTINCT region) AS b FROM sales
-- aggregate_of_expression
SELECT sum(amount * 2) + max(year) AS a, sum(amount) / count(amount) AS b FROM sales
-- pivot_single
SELECT * FROM (SELECT year, region, amount FROM sales) PIVOT (sum(amount) FOR region IN ('north', 'south')) ORDER BY year
-- pivot_alias
SELECT * FROM (SELECT year, quarter, amount FROM sales) PIVOT (sum(amount) AS s, count(*) AS n FOR quarter IN (1 AS q1, 2 AS q2)) ORDER BY year
-- pivot_two_columns
SELECT * FROM sales PIVOT (sum(amount) FOR (year, quarter) IN ((2023, 1), (2024, 2))) ORDER BY region
-- unpivot_basic
SELECT * FROM (SELECT 1 AS id, 10 AS a, 20 AS b, CAST(NULL AS INT) AS c) UNPIVOT (v FOR name IN (a, b, c)) ORDER BY name
-- unpivot_include_nulls
SELECT * FROM (SELECT 1 AS id, 10 AS a, CAST(NULL AS INT) AS c) UNPIVOT INCLUDE NULLS (v FOR name IN (a AS first, c AS third)) ORDER BY name
-- unpivot_coerces
SELECT * FROM (SELECT 1 AS a, 2.5 AS b) UNPIVOT (v FOR name IN (a, b)) ORDER BY name
-- unpivot_incompatible
SELECT * FROM (SELECT 1 AS a, DATE '2024-01-01' AS b) UNPIVOT (v FOR name IN (a, b))
-- missing_aggregation
SELECT region, amount FROM sales GROUP BY region
-- missing_group_by
SELECT region, sum(amount) FROM sales
-- missing_aggregation_having
SELECT region FROM sales GROUP BY region HAVING amount > 1
-- group_by_aggregate
SELECT sum(amount) AS s FROM sales GROUP BY sum(amount)
-- group_by_position_range
SELECT year FROM sales GROUP BY 3
-- group_by_position_aggregate
SELECT year, sum(amount) FROM sales GROUP BY 1, 2
-- aggregate_in_where
SELECT year FROM sales WHERE sum(amount) > 1
-- nested_aggregate
SELECT sum(count(amount)) FROM sales
-- order_by_unknown_in_group
SELECT region FROM sales GROUP BY region ORDER BY amount
-- order_by_position_range
SELECT region FROM sales ORDER BY 2
-- distinct_order_by_hidden
SELECT DISTINCT region FROM sales ORDER BY amount
-- aggregate_of_nondeterministic
SELECT count(DISTINCT rand(1)) FROM sales
-- aggregate_of_partition
SELECT region, max(spark_partition_id()) FROM sales GROUP BY region
-- aggregate_where_nondeterministic
SELECT count(*) FILTER (WHERE rand(1) >= 0) AS n FROM sales
-- window_of_nondeterministic
SELECT DISTINCT sum(rand(1)) OVER () > 0 AS positive FROM sales
-- by_a_higher_order_function
SELECT exists(arr, x -> x > 2) AS large, count(*) AS n FROM nested GROUP BY exists(arr, y -> y > 2)
-- by_nested_lambdas
SELECT transform(arr, x -> transform(arr, y -> y + x)) AS sums, count(*) AS n FROM nested GROUP BY transform(arr, a -> transform(arr, b -> b + a))
-- by_lambdas_of_another_meaning
SELECT transform(arr, x -> transform(arr, y -> y + y)) AS sums, count(*) AS n FROM nested GROUP BY transform(arr, x -> transform(arr, y -> y + x))
-- average_of_a_wide_remainder
SELECT avg(CAST(dec AS DECIMAL(38,10)) % CAST(0.7 AS DECIMAL(18,4))) AS a, avg(CAST(dec AS DECIMAL(38,10))) FILTER (WHERE exists(array(i), x -> x > 1)) AS b FROM nums
-- text_in_a_constant_order
SELECT listagg(k, '-') WITHIN GROUP (ORDER BY typeof(v)) AS a, string_agg('x') WITHIN GROUP (ORDER BY 'x') AS b FROM (SELECT * FROM pairs WHERE v = 3)
-- sets_of_nothing_without_rows
SELECT sum(v) AS s FROM (SELECT /*+ REPARTITION(3) */ * FROM pairs) WHERE v > 100 GROUP BY k GROUPING SETS (())
-- one_set_of_nothing_without_rows
SELECT sum(v) AS s, count(DISTINCT k) AS n FROM pairs WHERE v > 100 GROUP BY GROUPING SETS (())
-- rollup_of_one_column_twice
SELECT k, sum(v) AS s FROM pairs GROUP BY ROLLUP (k, k)
-- filter_of_untyped_null
SELECT count(*) FILTER (WHERE NULL) AS n FROM pairs
