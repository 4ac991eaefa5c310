SELECT count(*), count(a), count(1), count(DISTINCT a), sum(a), avg(a), min(a), max(a), sum(DISTINCT a) FROM VALUES (1), (2), (NULL), (2) AS t(a)
SELECT count(*), count(a), sum(a), avg(a), min(a), max(a), stddev(a), collect_list(a), bool_and(a > 1), first(a), count_if(a > 1) FROM VALUES (1), (2) AS t(a) WHERE a > 5
SELECT sum(a), avg(a), sum(b), avg(b), sum(c), avg(c) FROM VALUES (1.50, 1.5D, 1.5F), (2.25, 2.5D, 2.5F), (-7.01, NULL, 0.1F) AS t(a, b, c)
SELECT sum(a) FROM VALUES (9223372036854775807L), (1L) AS t(a)
SELECT try_sum(a), try_avg(a) FROM VALUES (9223372036854775807L), (1L) AS t(a)
SELECT sum(a), avg(a) FROM VALUES ('1'), ('2.5') AS t(a)
SELECT avg(a), sum(a) FROM VALUES (CAST(1 AS DECIMAL(38, 10))), (CAST(2 AS DECIMAL(38, 10))), (CAST(2 AS DECIMAL(38, 10))) AS t(a)
SELECT avg(a) FROM VALUES (CAST('12345678901234567890123456.789' AS DECIMAL(38, 5))), (CAST('2' AS DECIMAL(38, 5))), (CAST(2 AS DECIMAL(38, 5))) AS t(a)
SELECT stddev(a), stddev_samp(a), stddev_pop(a), variance(a), var_samp(a), var_pop(a), skewness(a), kurtosis(a), std(a) FROM VALUES (1), (2), (4), (9) AS t(a)
SELECT stddev(a), var_pop(a), skewness(a), kurtosis(a), var_samp(a) FROM VALUES (5) AS t(a)
SELECT skewness(a), kurtosis(a) FROM VALUES (5), (5), (5) AS t(a)
SELECT skewness(a), kurtosis(a) FROM VALUES (-10), (-20), (100), (1000) AS t(a)
SELECT skewness(a), kurtosis(a) FROM VALUES (1), (10) AS t(a)
SELECT corr(a, b), covar_pop(a, b), covar_samp(a, b), regr_count(a, b), regr_avgx(a, b), regr_avgy(a, b), regr_slope(a, b), regr_intercept(a, b), regr_r2(a, b), regr_sxx(a, b), regr_syy(a, b), regr_sxy(a, b) FROM VALUES (1, 2), (2, 3), (3, 7), (NULL, 4) AS t(a, b)
SELECT corr(a, b), covar_samp(a, b) FROM VALUES (1, 2) AS t(a, b)
SELECT sort_array(collect_list(a)), sort_array(collect_set(a)), sort_array(array_agg(a)) FROM VALUES (1), (2), (NULL), (2) AS t(a)
SELECT percentile(a, 0.5), percentile(a, array(0.25, 0.75)), median(a), percentile_approx(a, 0.5), percentile_approx(a, array(0.5, 0.9), 100), approx_percentile(a, 0.1), percentile(a, 0), percentile(a, 1) FROM VALUES (0), (6), (7), (9), (10) AS t(a)
SELECT percentile_cont(0.25) WITHIN GROUP (ORDER BY a), percentile_disc(0.25) WITHIN GROUP (ORDER BY a), percentile_cont(0.25) WITHIN GROUP (ORDER BY a DESC), percentile_disc(0.25) WITHIN GROUP (ORDER BY a DESC), mode() WITHIN GROUP (ORDER BY a) FROM VALUES (0), (6), (6), (7), (9), (10) AS t(a)
SELECT approx_count_distinct(a), mode(a) FROM VALUES (1), (1), (2), (NULL) AS t(a)
SELECT bool_and(a), bool_or(a), every(a), some(a), any(a) FROM VALUES (true), (false), (NULL) AS t(a)
SELECT bit_and(a), bit_or(a), bit_xor(a) FROM VALUES (3), (5), (NULL) AS t(a)
SELECT max_by(a, b), min_by(a, b) FROM VALUES ('a', 10), ('b', 50), ('c', 20), (NULL, NULL) AS t(a, b)
SELECT max_by(a, b) FROM VALUES (NULL, 50), ('c', 20) AS t(a, b)
SELECT first(a), last(a), any_value(a), first(a, true), last(a, true), first_value(a) IGNORE NULLS FROM VALUES (NULL), (1), (2), (NULL) AS t(a)
SELECT count_if(a > 1), count(a) FILTER (WHERE a > 1), sum(a) FILTER (WHERE a > 5), count(DISTINCT a, b) FROM VALUES (1, 'x'), (2, NULL), (3, 'y'), (3, 'y') AS t(a, b)
SELECT listagg(a), listagg(a, ','), string_agg(a, '-') WITHIN GROUP (ORDER BY a DESC), listagg(DISTINCT b) FROM VALUES ('a', 'x'), ('b', 'x'), (NULL, 'x') AS t(a, b)
SELECT max(a), min(a), max(b), min(b) FROM VALUES (CAST('NaN' AS DOUBLE), 'b'), (1.0D, 'a'), (NULL, NULL) AS t(a, b)
SELECT max(a), min(a) FROM VALUES (array(1, 2)), (array(1, 3)) AS t(a)
SELECT max(a), min(a), count(DISTINCT a) FROM VALUES (DATE '2020-01-01'), (DATE '2019-01-01') AS t(a)
SELECT sum(a), avg(a), max(a) FROM VALUES (INTERVAL '1' DAY), (INTERVAL '2' DAY) AS t(a)
SELECT sum(a), avg(a) FROM VALUES (INTERVAL '1' MONTH), (INTERVAL '2' MONTH) AS t(a)
SELECT a, sum(b), avg(b) FROM VALUES ('x', 1.5), ('y', 2.5), ('x', 3.5) AS t(a, b) GROUP BY a ORDER BY a
SELECT count(DISTINCT a) FROM VALUES (0.0D), (-0.0D), (CAST('NaN' AS DOUBLE)), (CAST('NaN' AS DOUBLE)) AS t(a)
SELECT histogram_numeric(a, 5) FROM VALUES (0), (1), (2), (10) AS t(a)
SELECT sum(a) FROM VALUES (true) AS t(a)
SELECT sum(a) OVER (ORDER BY a), avg(a) OVER (PARTITION BY b), row_number() OVER (ORDER BY a DESC), rank() OVER (ORDER BY b), dense_rank() OVER (ORDER BY b), percent_rank() OVER (ORDER BY a), cume_dist() OVER (ORDER BY a), ntile(2) OVER (ORDER BY a), a FROM VALUES (1, 'x'), (2, 'x'), (3, 'y') AS t(a, b) ORDER BY a
SELECT lag(a) OVER (ORDER BY a), lead(a, 1, 0) OVER (ORDER BY a), first_value(a) OVER (ORDER BY a), last_value(a) OVER (ORDER BY a), nth_value(a, 2) OVER (ORDER BY a), sum(a) OVER (ORDER BY a ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING), sum(a) OVER (ORDER BY a RANGE BETWEEN 1 PRECEDING AND CURRENT ROW), count(*) OVER (), avg(a * 1.5) OVER (ORDER BY a), a FROM VALUES (1), (2), (4) AS t(a) ORDER BY a
SELECT sum(a) OVER (ORDER BY d RANGE BETWEEN INTERVAL 1 DAY PRECEDING AND CURRENT ROW), max(a) OVER (ORDER BY d DESC), lag(a) IGNORE NULLS OVER (ORDER BY d), last_value(a, true) OVER (ORDER BY d), a FROM VALUES (1, DATE '2020-01-01'), (NULL, DATE '2020-01-02'), (3, DATE '2020-01-05') AS t(a, d) ORDER BY d
SELECT stddev(a) OVER (ORDER BY a), skewness(a) OVER (), collect_list(a) OVER (ORDER BY a), percentile(a, 0.5) OVER (), corr(a, a) OVER () FROM VALUES (1), (2), (4) AS t(a) ORDER BY 1
SELECT sum(a) OVER (ORDER BY a DESC NULLS LAST ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), min(a) OVER (ORDER BY a ROWS 2 PRECEDING) FROM VALUES (1), (NULL), (4) AS t(a) ORDER BY 1, 2
SELECT approx_percentile(id, 0.5, -1) FROM range(3)
SELECT bitmap_count(x'FFFF'), bitmap_count(x''), bitmap_count(cast(null AS binary)), bitmap_count(x'0103')
SELECT bitmap_count('a')
SELECT substring(hex(bitmap_construct_agg(c)), 1, 8), length(bitmap_construct_agg(c)), bitmap_count(bitmap_construct_agg(c)) FROM VALUES (0), (NULL), (9), (9), (32767), (7) t(c)
SELECT hex(bitmap_construct_agg(c)) = repeat('00', 4096) FROM VALUES (1L) t(c) WHERE c > 5
SELECT bitmap_construct_agg(c) FROM VALUES (32768) t(c)
SELECT bitmap_construct_agg(c) FROM VALUES (-1) t(c)
SELECT k, bitmap_count(bitmap_construct_agg(bitmap_bit_position(c))), bitmap_count(bitmap_construct_agg(c) FILTER (WHERE c > 2)) FROM VALUES ('a', 1), ('b', 2), ('a', 3), ('a', 3) t(k, c) GROUP BY k ORDER BY k
SELECT substring(hex(bitmap_or_agg(b)), 1, 10), length(bitmap_or_agg(b)), substring(hex(bitmap_and_agg(b)), 1, 10), length(bitmap_and_agg(b)) FROM VALUES (x'F0'), (x'70FF'), (x'71FF01'), (NULL) t(b)
SELECT hex(bitmap_or_agg(b)) = repeat('00', 4096), hex(bitmap_and_agg(b)) = repeat('FF', 4096) FROM VALUES (x'10') t(b) WHERE false
SELECT length(bitmap_or_agg(b)), substring(hex(bitmap_or_agg(b)), 8190, 8) FROM VALUES (unhex(repeat('01', 5000))) t(b)
SELECT bitmap_or_agg(1)
