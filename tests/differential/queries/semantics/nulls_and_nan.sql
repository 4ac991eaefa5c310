-- three_valued_and_or
SELECT true AND NULL AS a, false AND NULL AS b, true OR NULL AS c, false OR NULL AS d, NOT NULL AS e
-- comparison_with_null
SELECT 1 = NULL AS a, NULL = NULL AS b, NULL <> 1 AS c, NULL <=> NULL AS d, 1 <=> NULL AS e, NULL IS NULL AS f
-- is_distinct_from
SELECT 1 IS DISTINCT FROM NULL AS a, NULL IS NOT DISTINCT FROM NULL AS b
-- is_true_unknown
SELECT NULL IS TRUE AS a, NULL IS UNKNOWN AS b, false IS NOT TRUE AS c, true IS FALSE AS d
-- in_with_null
SELECT 1 IN (1, NULL) AS a, 2 IN (1, NULL) AS b, NULL IN (1) AS c, 2 NOT IN (1, NULL) AS d
-- null_functions
SELECT coalesce(NULL, NULL, 3) AS a, ifnull(NULL, 1) AS b, nvl(NULL, 'x') AS c, nvl2(NULL, 1, 2) AS d, nullif(1, 1) AS e, nullif(1, 2) AS f, isnull(NULL) AS g, isnotnull(NULL) AS h, zeroifnull(NULL) AS i, nullifzero(0) AS j
-- null_function_names
SELECT coalesce(i, 0), nvl(i, 1), ifnull(i, 2), nullif(i, 3), i IS NULL, isnull(i), nanvl(d, 0) FROM nums
-- where_null_drops
SELECT k, v FROM pairs WHERE v > 1
-- where_not_null_drops
SELECT k, v FROM pairs WHERE NOT v > 1
-- group_by_null
SELECT k, count(*) AS n, count(v) AS c, sum(v) AS s FROM pairs GROUP BY k
-- distinct_null
SELECT DISTINCT k, v FROM pairs
-- aggregates_of_nothing
SELECT count(*) AS a, count(v) AS b, sum(v) AS c, avg(v) AS d, min(v) AS e, max(k) AS f, collect_list(v) AS g FROM pairs WHERE false
-- aggregates_of_nulls
SELECT count(v) AS b, sum(v) AS c, avg(v) AS d, min(v) AS e FROM pairs WHERE v IS NULL
-- group_of_nothing
SELECT k, sum(v) AS s FROM pairs WHERE false GROUP BY k
-- bool_aggregates
SELECT bool_and(b) AS a, bool_or(b) AS b, every(b) AS c, some(b) AS d, count_if(b) AS e FROM nums
-- first_last_ignore
SELECT first(v) IGNORE NULLS AS a, any_value(k) IS NOT NULL AS b FROM (SELECT * FROM pairs WHERE k = 'a' ORDER BY v)
-- max_by_min_by
SELECT max_by(name, salary) AS a, min_by(name, salary) AS b FROM emp
-- nan_equals_nan
SELECT CAST('NaN' AS DOUBLE) = CAST('NaN' AS DOUBLE) AS a, CAST('NaN' AS DOUBLE) > 1e300D AS b, CAST('NaN' AS DOUBLE) > CAST('Infinity' AS DOUBLE) AS c, isnan(CAST('NaN' AS DOUBLE)) AS d, isnan(NULL) AS e, CAST('NaN' AS FLOAT) = CAST('NaN' AS DOUBLE) AS f
-- nan_arithmetic
SELECT CAST('NaN' AS DOUBLE) + 1 AS a, CAST('Infinity' AS DOUBLE) - CAST('Infinity' AS DOUBLE) AS b, nanvl(CAST('NaN' AS DOUBLE), 7) AS c
-- nan_groups_together
SELECT x, count(*) AS n FROM VALUES (CAST('NaN' AS DOUBLE)), (CAST('NaN' AS DOUBLE)), (1.0D) AS t(x) GROUP BY x
-- zero_groups_together
SELECT x, count(*) AS n FROM VALUES (0.0D), (-0.0D) AS t(x) GROUP BY x
-- negative_zero
SELECT -0.0D AS a, 0.0D = -0.0D AS b, CAST(-0.0D AS STRING) AS c, -(0.0D) AS d, 0.0D * -1 AS e, 0.0D < -0.0D AS f, abs(-0.0D) AS g
-- nan_sorts_last
SELECT x FROM VALUES (CAST('NaN' AS DOUBLE)), (CAST('Infinity' AS DOUBLE)), (1.0D), (NULL), (CAST('-Infinity' AS DOUBLE)) AS t(x) ORDER BY x
-- nan_sorts_desc
SELECT x FROM VALUES (CAST('NaN' AS DOUBLE)), (CAST('Infinity' AS DOUBLE)), (1.0D), (NULL) AS t(x) ORDER BY x DESC
-- nan_min_max
SELECT min(x) AS a, max(x) AS b, sum(x) AS c, avg(x) AS d FROM VALUES (CAST('NaN' AS DOUBLE)), (1.0D) AS t(x)
-- nan_joins
SELECT a.x FROM VALUES (CAST('NaN' AS DOUBLE)), (1.0D) AS a(x) JOIN VALUES (CAST('NaN' AS DOUBLE)), (2.0D) AS b(x) ON a.x = b.x
-- zero_joins
SELECT count(*) AS n FROM VALUES (0.0D) AS a(x) JOIN VALUES (-0.0D) AS b(x) ON a.x = b.x
-- nan_distinct
SELECT count(DISTINCT x) AS n FROM VALUES (CAST('NaN' AS DOUBLE)), (CAST('NaN' AS DOUBLE)), (0.0D), (-0.0D) AS t(x)
-- nan_in_list
SELECT CAST('NaN' AS DOUBLE) IN (CAST('NaN' AS DOUBLE), 1) AS a
-- infinity_arithmetic
SELECT CAST('Infinity' AS DOUBLE) * 2 AS a, 1e308D * 10 AS b, -1e308D * 10 AS c
-- log_of_nonpositive
SELECT ln(0) AS a, ln(-1) AS b, sqrt(-1) AS c, log10(0) AS d, acos(2) AS e, pow(0, -1) AS f
-- trigonometry
SELECT sin(0) AS a, cos(0) AS b, atan2(1, 1) AS c, degrees(pi()) AS d, radians(180) AS e, e() AS f, tanh(0.5) AS g, hypot(3, 4) AS h
-- stddev_of_one
SELECT stddev_samp(x) AS a, stddev_pop(x) AS b, var_samp(x) AS c, corr(x, x) AS d, covar_samp(x, x) AS e FROM VALUES (1.0D) AS t(x)
-- statistics
SELECT corr(x, y) AS a, covar_pop(x, y) AS b, skewness(x) AS c, kurtosis(x) AS d, stddev(x) AS e, regr_slope(y, x) AS f FROM VALUES (1.0D, 2.0D), (2.0D, 4.5D), (4.0D, 7.0D) AS t(x, y)
-- percentiles
SELECT percentile(v, 0.5) AS a, percentile_cont(0.25) WITHIN GROUP (ORDER BY v) AS b, percentile_disc(0.5) WITHIN GROUP (ORDER BY v) AS c, median(v) AS d, percentile(v, array(0.25, 0.75)) AS e, approx_percentile(v, 0.5) AS f, mode(k) AS g FROM pairs
-- approx_distinct
SELECT approx_count_distinct(v) AS a, count(DISTINCT v) AS b, count(DISTINCT k, v) AS c FROM pairs
-- null_ordering_default
SELECT v FROM pairs ORDER BY v
-- null_ordering_desc
SELECT v FROM pairs ORDER BY v DESC
-- null_ordering_explicit
SELECT k, v FROM pairs ORDER BY k DESC NULLS FIRST, v ASC NULLS LAST
-- null_struct_field
SELECT st.p AS a, st.q AS b, st IS NULL AS c FROM nested ORDER BY id
-- void_column
SELECT NULL AS n, typeof(NULL) AS t
-- case_without_else
SELECT CASE WHEN i > 2 THEN 'big' END AS a FROM nums ORDER BY l
-- case_simple_null
SELECT CASE NULL WHEN NULL THEN 'hit' ELSE 'miss' END AS a, CASE 1 WHEN 1 THEN 'one' END AS b
-- decode_matches_null
SELECT decode(NULL, NULL, 'hit', 'miss') AS a, decode(2, 1, 'one', 2, 'two') AS b, decode(3, 1, 'one') AS c
