-- literal_types
SELECT 1 AS i, 1L AS l, 1S AS s, 1Y AS y, 1.0 AS d, 1.0D AS dbl, 1.0F AS f, 1e2 AS e, 1.50BD AS bd, 12345678901 AS big
-- literal_scales
SELECT 0.1 AS a, .1 AS b, 1. AS c, 0.10 AS d, 100.00 AS e, 0.001 AS f
-- literal_too_big_for_long
SELECT 9223372036854775808 AS a
-- negative_literal
SELECT -1.5 AS a, - 2 AS b, -(3) AS c
-- add
SELECT CAST(1.5 AS DECIMAL(5,2)) + CAST(2.25 AS DECIMAL(7,3)) AS r
-- subtract
SELECT CAST(1.5 AS DECIMAL(5,2)) - CAST(2.25 AS DECIMAL(7,3)) AS r
-- multiply
SELECT CAST(1.5 AS DECIMAL(5,2)) * CAST(2.25 AS DECIMAL(7,3)) AS r
-- divide
SELECT CAST(1.5 AS DECIMAL(5,2)) / CAST(2.25 AS DECIMAL(7,3)) AS r
-- modulo
SELECT CAST(7.5 AS DECIMAL(5,2)) % CAST(2.25 AS DECIMAL(7,3)) AS r
-- modulo_negative
SELECT -7.5 % 2 AS a, 7.5 % -2 AS b, -7 % 3 AS c, mod(-7, 3) AS d
-- pmod_sign
SELECT pmod(-7, 3) AS a, pmod(-7.5, 2) AS b, pmod(7, -3) AS c, pmod(-7.5D, 2) AS d
-- integral_divide_decimal
SELECT 7.5 div 2 AS a, -7.5 div 2 AS b
-- unnamed_columns
SELECT 1 + 2, 1.5 * 2, 7 / 2, 7 % 4, 7 div 2, -5, +5, 2 - 3
-- unnamed_decimal_division
SELECT 1.0 / 3
-- divide_literals
SELECT 1.0 / 3 AS a, 1 / 3.0 AS b, 2.000 / 3 AS c, 10 / 4 AS d
-- divide_rounds_half_up
SELECT CAST(2 AS DECIMAL(3,0)) / CAST(3 AS DECIMAL(3,0)) AS r, CAST(1 AS DECIMAL(38,0)) / CAST(8 AS DECIMAL(38,0)) AS s
-- int_plus_decimal
SELECT 1 + CAST(1.5 AS DECIMAL(5,2)) AS r, i + dec AS c FROM nums WHERE i = 1
-- long_times_decimal
SELECT 3L * CAST(1.5 AS DECIMAL(5,2)) AS r
-- literal_times_decimal
SELECT 3 * CAST(1.5 AS DECIMAL(5,2)) AS r, 100 * CAST(1.5 AS DECIMAL(5,2)) AS s
-- literal_1_minus_decimal
SELECT 1 - CAST(0.05 AS DECIMAL(15,2)) AS r
-- tpch_revenue_types
SELECT CAST(100.10 AS DECIMAL(15,2)) * (1 - CAST(0.05 AS DECIMAL(15,2))) * (1 + CAST(0.08 AS DECIMAL(15,2))) AS r
-- double_plus_decimal
SELECT 1.5D + CAST(1.5 AS DECIMAL(5,2)) AS r
-- float_plus_decimal
SELECT CAST(1.5 AS FLOAT) + CAST(1.5 AS DECIMAL(5,2)) AS r
-- max_precision_add
SELECT CAST(1 AS DECIMAL(38,10)) + CAST(1 AS DECIMAL(38,10)) AS r
-- max_precision_add_scales
SELECT CAST(1 AS DECIMAL(38,2)) + CAST(1 AS DECIMAL(38,20)) AS r
-- max_precision_multiply
SELECT CAST(1.5 AS DECIMAL(38,10)) * CAST(2.5 AS DECIMAL(38,10)) AS r
-- precision_loss_multiply
SELECT CAST(123456789.123456789 AS DECIMAL(30,15)) * CAST(987654321.987654321 AS DECIMAL(30,15)) AS r
-- precision_loss_divide
SELECT CAST(10 AS DECIMAL(30,10)) / CAST(3 AS DECIMAL(30,10)) AS r
-- precision_loss_divide_small
SELECT CAST(1 AS DECIMAL(38,18)) / CAST(7 AS DECIMAL(38,18)) AS r
-- sum_type
SELECT sum(dec) AS s, sum(CAST(dec AS DECIMAL(38,2))) AS t, sum(CAST(1.5 AS DECIMAL(20,4))) AS u FROM nums
-- avg_type
SELECT avg(dec) AS a, avg(CAST(1.23 AS DECIMAL(38,18))) AS b, avg(CAST(2 AS DECIMAL(5,0))) AS c FROM nums
-- avg_rounds
SELECT avg(x) AS a FROM VALUES (CAST(1 AS DECIMAL(5,0))), (1), (0) AS t(x)
-- sum_times_literal
SELECT sum(dec) * 1.2 AS a, avg(dec) * 1.2 AS b, 0.2 * avg(dec) AS c FROM nums
-- sum_over_sum
SELECT 100.00 * sum(dec) / sum(CAST(i AS DECIMAL(15,4))) AS r FROM nums
-- sum_overflow
SELECT sum(x) AS s FROM VALUES (CAST('99999999999999999999999999999999999999' AS DECIMAL(38,0))), (CAST('99999999999999999999999999999999999999' AS DECIMAL(38,0))) AS t(x)
-- add_overflow
SELECT CAST('99999999999999999999999999999999999999' AS DECIMAL(38,0)) + CAST(1 AS DECIMAL(38,0)) AS r
-- multiply_overflow
SELECT CAST('99999999999999999999' AS DECIMAL(38,0)) * CAST('99999999999999999999' AS DECIMAL(38,0)) AS r
-- divide_by_zero
SELECT CAST(1 AS DECIMAL(5,2)) / CAST(0 AS DECIMAL(5,2)) AS r
-- modulo_by_zero
SELECT CAST(1 AS DECIMAL(5,2)) % 0 AS r
-- unary_minus_type
SELECT -dec AS r, abs(dec) AS a, sign(dec) AS s FROM nums WHERE i = 2
-- round_types
SELECT round(2.5) AS a, round(-2.5) AS b, round(2.345, 2) AS c, round(CAST(123.456 AS DECIMAL(10,3)), 1) AS d, round(1234, -2) AS e, round(2.5D) AS f, round(CAST(1.005 AS DOUBLE), 2) AS g
-- bround_types
SELECT bround(2.5, 0) AS a, bround(3.5, 0) AS b, bround(2.345, 2) AS c, bround(-2.5D) AS d
-- ceil_floor_types
SELECT ceil(1.2) AS a, floor(-1.2) AS b, ceil(1.2D) AS c, floor(5) AS d, ceiling(1.25, 1) AS e, floor(-1.25, 1) AS f, ceil(CAST(99.99 AS DECIMAL(4,2))) AS g
-- round_negative_scale
SELECT round(CAST(15.55 AS DECIMAL(4,2)), -1) AS a, round(-15.55, 1) AS b
-- compare_scales
SELECT 1.0 = 1.00 AS a, 1.10 > 1.1 AS b, 1 = 1.0 AS c, 0.1D = 0.1 AS d, 0.1F = 0.1 AS e
-- in_list_mixed
SELECT 1.5 IN (1, 1.5, 2) AS a, 1 IN (1.0, 2) AS b
-- case_unifies
SELECT CASE WHEN i = 1 THEN 1 WHEN i = 2 THEN 2.5 ELSE CAST(3 AS DECIMAL(10,4)) END AS r FROM nums
-- coalesce_unifies
SELECT coalesce(dec, 0) AS a, coalesce(dec, 0.0) AS b, coalesce(NULL, 1, 2.5) AS c FROM nums
-- union_unifies
SELECT CAST(1.5 AS DECIMAL(5,2)) AS x UNION ALL SELECT CAST(2.125 AS DECIMAL(10,3)) UNION ALL SELECT 3
-- union_decimal_long
SELECT CAST(1.5 AS DECIMAL(5,2)) AS x UNION ALL SELECT 7L
-- greatest_least
SELECT greatest(1, 2.5, 2) AS a, least(1.50, 2, 3.125) AS b, greatest(NULL, 1.5) AS c
-- decimal_to_string
SELECT CAST(CAST(1.50 AS DECIMAL(10,4)) AS STRING) AS a, CAST(0.0000001 AS STRING) AS b, concat(1.50, 'x') AS c
-- decimal_to_int_truncates
SELECT CAST(2.9 AS INT) AS a, CAST(-2.9 AS INT) AS b, CAST(2.5 AS BIGINT) AS c
-- decimal_narrowing_rounds
SELECT CAST(2.345 AS DECIMAL(3,2)) AS a, CAST(2.355 AS DECIMAL(3,2)) AS b, CAST(-2.345 AS DECIMAL(3,2)) AS c
-- decimal_narrowing_overflow
SELECT CAST(1234.5 AS DECIMAL(5,2)) AS r
-- try_operators
SELECT try_add(CAST('99999999999999999999999999999999999999' AS DECIMAL(38,0)), 1) AS a, try_divide(1, 0) AS b, try_multiply(2147483647, 2) AS c, try_subtract(1.5, 0.5) AS d, try_sum(dec) AS e, try_avg(dec) AS f FROM nums
-- stddev_of_decimal
SELECT stddev_samp(dec) AS a, stddev_pop(dec) AS b, var_samp(dec) AS c, variance(i) AS d, stddev(i) AS e FROM nums
-- minmax_keep_type
SELECT min(dec) AS a, max(dec) AS b, min(i) AS c, max(s) AS d FROM nums
-- sum_distinct_type
SELECT sum(DISTINCT dec) AS a, avg(DISTINCT i) AS b, count(DISTINCT i) AS c FROM nums
-- sum_int_types
SELECT sum(i) AS a, sum(l) AS b, sum(f) AS c, sum(d) AS e, sum(CAST(i AS SMALLINT)) AS g FROM nums WHERE i IN (1, 2)
-- avg_int_type
SELECT avg(i) AS a, avg(l) AS b, avg(f) AS c FROM nums WHERE i IN (1, 2)
-- ratio_of_ints
SELECT sum(i) / count(*) AS a, sum(i) / sum(l) AS b, count(*) / 2 AS c FROM nums WHERE i IN (1, 2)
-- power_and_sqrt_types
SELECT power(2, 3) AS a, sqrt(16) AS b, pow(2.5, 2) AS c, exp(0) AS d, ln(1) AS e, log10(100) AS f, log(2, 8) AS g, cbrt(27) AS h
-- average_overflow
SELECT avg(x) AS a FROM VALUES (CAST('99999999999999999999999999999999999999' AS DECIMAL(38,0))), (CAST('99999999999999999999999999999999999999' AS DECIMAL(38,0))) AS t(x)
