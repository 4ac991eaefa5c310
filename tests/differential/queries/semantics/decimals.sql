-- division_scale
SELECT CAST(1 AS DECIMAL(38, 18)) / CAST(3 AS DECIMAL(38, 18)) AS a, 1.0 / 3 AS b, CAST(10 AS DECIMAL(5, 2)) / CAST(3 AS DECIMAL(3, 1)) AS c
-- multiplication_precision_loss
SELECT CAST('1.234567890123456789' AS DECIMAL(38, 18)) * CAST('9.876543210987654321' AS DECIMAL(38, 18)) AS a
-- addition_wide
SELECT CAST('99999999999999999999.5' AS DECIMAL(38, 10)) + CAST('0.00000000000000000049' AS DECIMAL(38, 20)) AS a
-- remainder
SELECT 10.5 % 3 AS a, -10.5 % 3.2 AS b, 5 % 2.5 AS c, mod(7.25, 0.5) AS d, pmod(-7.25, 2) AS e
-- remainder_zero
SELECT 1.5 % 0 AS a
-- integral_division
SELECT 10.7 div 3.1 AS a, -7 div 2.0 AS b
-- rounding
SELECT round(2.5) AS a, round(-2.5) AS b, round(1.2345, 2) AS c, bround(2.5) AS d, bround(3.5) AS e, round(1234.5, -2) AS f, ceil(1.21, 1) AS g, floor(-1.29, 1) AS h, ceil(1.2) AS i, floor(-1.2) AS j
-- cast_rounding
SELECT CAST(1.005 AS DECIMAL(10, 2)) AS a, CAST(-1.005 AS DECIMAL(10, 2)) AS b, CAST('1.2345' AS DECIMAL(4, 2)) AS c, CAST(1.5 AS INT) AS d, CAST(-1.9 AS INT) AS e
-- cast_overflow
SELECT CAST(1000 AS DECIMAL(5, 3)) AS a
-- cast_overflow_try
SELECT try_cast(1000 AS DECIMAL(5, 3)) AS a, try_cast('1e5' AS DECIMAL(10, 0)) AS b
-- literal_types
SELECT 1.0 AS a, .5 AS b, 1. AS c, 1e2 AS d, 1.5BD AS e, 0.00 AS f, 123456789012345678901234567890 AS g, 1E-3BD AS h
-- to_string_zeroes
SELECT CAST(0.5 AS STRING) AS a, CAST(-0.05 AS STRING) AS b, CAST(CAST(0 AS DECIMAL(10, 7)) AS STRING) AS c, CAST(CAST(0 AS DECIMAL(10, 6)) AS STRING) AS d, CAST(CAST(0.00000012 AS DECIMAL(20, 10)) AS STRING) AS e, CAST(100.00 AS STRING) AS f
-- concat_decimal
SELECT concat(0.5, '|', -0.25) AS a, 'x' || 0.00000001 AS b
-- sum_avg_types
SELECT sum(dec) AS s, avg(dec) AS a, min(dec) AS m, sum(DISTINCT dec) AS d FROM nums
-- avg_scale
SELECT avg(x) AS a, avg(DISTINCT x) AS b FROM VALUES (1.1), (2.22), (2.22) AS t(x)
-- compare_mixed
SELECT 1.0 = 1 AS a, 0.1 = 0.1D AS b, 1.10 = 1.1 AS c, CAST(0.3 AS FLOAT) = 0.3 AS d, 2 > 1.5 AS e, '1.5' = 1.5 AS f
-- case_common_type
SELECT CASE WHEN true THEN 1 ELSE 2.55 END AS a, coalesce(1.5, 2) AS b, greatest(1.25, 3) AS c, if(false, 1.5, 2.123) AS d, nvl(CAST(NULL AS DECIMAL(3, 1)), 10L) AS e
-- in_list
SELECT 1.5 IN (1, 1.50) AS a, 2 IN (2.0, 3) AS b
-- negative_zero
SELECT -0.0 AS a, -0.0D AS b, 0.0D = -0.0D AS c, CAST(-0.0D AS STRING) AS d
-- double_to_decimal
SELECT CAST(0.1D AS DECIMAL(20, 18)) AS a, CAST(1e10D AS DECIMAL(20, 2)) AS b, CAST(CAST(0.1 AS FLOAT) AS DECIMAL(10, 8)) AS c
-- nan_to_decimal
SELECT CAST(CAST('NaN' AS DOUBLE) AS DECIMAL(10, 2)) AS a
-- group_by_decimal
SELECT salary, count(*) AS n FROM emp GROUP BY salary ORDER BY salary
-- sum_widens
SELECT sum(CAST(x AS DECIMAL(38, 2))) AS s FROM VALUES (1.5), (2.5) AS t(x)
-- stddev_decimal
SELECT round(stddev(dec), 4) AS s, round(var_pop(dec), 3) AS v FROM nums
-- percentile_decimal
SELECT percentile(dec, 0.5) AS p, percentile_approx(dec, 0.5) AS q, median(dec) AS m, percentile_cont(0.25) WITHIN GROUP (ORDER BY dec) AS c FROM nums
-- abs_sign_decimal
SELECT abs(-1.50) AS a, sign(-2.5) AS b, negative(1.5) AS c, positive(-0.5) AS d, signum(0.00) AS e
-- divide_int_int
SELECT 7 / 2 AS a, 7 div 2 AS b, -7 / 2 AS c, 1L / 3L AS d
-- try_arithmetic_decimal
SELECT try_add(CAST('99999999999999999999999999999999999999' AS DECIMAL(38, 0)), 1) AS a, try_divide(1.5, 0) AS b, try_multiply(1.5, 2) AS c, try_mod(5.5, 0) AS d
-- power_sqrt
SELECT sqrt(2.25) AS a, power(1.5, 2) AS b, exp(0.0) AS c, ln(1.0) AS d, width_bucket(5.3, 0.2, 10.6, 5) AS e
-- scientific_string
SELECT CAST('1.5E3' AS DECIMAL(10, 1)) AS a, CAST(' 12 ' AS DECIMAL(5, 1)) AS b, CAST('.5' AS DECIMAL(5, 1)) AS c
-- bad_string
SELECT CAST('1,5' AS DECIMAL(5, 1)) AS a
-- too_wide_type
SELECT CAST(1 AS DECIMAL(39, 0)) AS a
-- bad_scale
SELECT CAST(1 AS DECIMAL(3, 5)) AS a
-- to_json_decimal
SELECT to_json(named_struct('a', 1.50, 'b', CAST(0.00000001 AS DECIMAL(10, 8)))) AS a
-- hash_decimal
SELECT hash(1.5, CAST(1.50 AS DECIMAL(20, 2))) AS a, xxhash64(0.1) AS b
