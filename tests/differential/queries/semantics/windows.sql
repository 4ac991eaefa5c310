-- row_number_total
SELECT id, row_number() OVER (ORDER BY id DESC) AS r FROM emp ORDER BY id
-- ranks
SELECT name, rank() OVER (ORDER BY salary DESC) AS r, dense_rank() OVER (ORDER BY salary DESC) AS d, percent_rank() OVER (ORDER BY salary DESC) AS p, cume_dist() OVER (ORDER BY salary DESC) AS c FROM emp ORDER BY id
-- ntile_groups
SELECT id, ntile(3) OVER (ORDER BY id) AS n FROM emp ORDER BY id
-- lag_lead
SELECT id, lag(name) OVER (ORDER BY id) AS a, lead(name, 2) OVER (ORDER BY id) AS b, lag(id, 1, -1) OVER (ORDER BY id) AS c FROM emp ORDER BY id
-- lag_ignore_nulls
SELECT id, lag(dept) IGNORE NULLS OVER (ORDER BY id) AS a, last_value(manager) IGNORE NULLS OVER (ORDER BY id) AS b FROM emp ORDER BY id
-- first_last_nth
SELECT id, first_value(name) OVER (PARTITION BY dept ORDER BY id) AS f, last_value(name) OVER (PARTITION BY dept ORDER BY id) AS l, nth_value(name, 2) OVER (PARTITION BY dept ORDER BY id) AS n FROM emp ORDER BY id
-- running_sum_range_default
SELECT id, salary, sum(salary) OVER (ORDER BY salary) AS s FROM emp ORDER BY id
-- running_sum_rows
SELECT id, sum(id) OVER (ORDER BY id ROWS UNBOUNDED PRECEDING) AS s FROM emp ORDER BY id
-- whole_partition
SELECT id, sum(salary) OVER (PARTITION BY dept) AS s, count(*) OVER () AS n, avg(salary) OVER (PARTITION BY dept) AS a FROM emp ORDER BY id
-- rows_between
SELECT id, sum(id) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) AS a, sum(id) OVER (ORDER BY id ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) AS b, count(*) OVER (ORDER BY id ROWS BETWEEN 3 PRECEDING AND 2 PRECEDING) AS c FROM emp ORDER BY id
-- rows_following_only
SELECT id, min(id) OVER (ORDER BY id ROWS BETWEEN 1 FOLLOWING AND 2 FOLLOWING) AS a FROM emp ORDER BY id
-- range_between_numbers
SELECT v, count(*) OVER (ORDER BY v RANGE BETWEEN 1 PRECEDING AND 1 FOLLOWING) AS c FROM pairs ORDER BY v
-- range_current_row
SELECT v, count(*) OVER (ORDER BY v RANGE BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) AS c FROM pairs ORDER BY v
-- range_between_desc
SELECT v, sum(v) OVER (ORDER BY v DESC RANGE BETWEEN 1 PRECEDING AND CURRENT ROW) AS c FROM pairs ORDER BY v
-- range_between_dates
SELECT id, count(*) OVER (ORDER BY hired RANGE BETWEEN INTERVAL 200 DAYS PRECEDING AND CURRENT ROW) AS c FROM emp ORDER BY id
-- range_between_timestamps
SELECT id, sum(n) OVER (ORDER BY ts RANGE BETWEEN INTERVAL 10 MINUTES PRECEDING AND CURRENT ROW) AS c FROM events ORDER BY id
-- range_decimal_bound
SELECT id, count(*) OVER (ORDER BY salary RANGE BETWEEN 1000.00 PRECEDING AND CURRENT ROW) AS c FROM emp ORDER BY id
-- nulls_last_window
SELECT id, row_number() OVER (ORDER BY salary NULLS LAST, id) AS r FROM emp ORDER BY id
-- partition_by_null
SELECT id, count(*) OVER (PARTITION BY dept) AS n FROM emp ORDER BY id
-- named_window
SELECT id, sum(id) OVER w AS a, max(id) OVER w AS b FROM emp WINDOW w AS (PARTITION BY dept ORDER BY id) ORDER BY id
-- window_over_aggregate
SELECT dept, sum(salary) AS s, rank() OVER (ORDER BY sum(salary) DESC) AS r, sum(sum(salary)) OVER () AS t FROM emp GROUP BY dept ORDER BY r, dept
-- ratio_to_total
SELECT id, salary / sum(salary) OVER () AS r, salary * 100 / sum(salary) OVER (PARTITION BY dept) AS p FROM emp ORDER BY id
-- window_in_order_by
SELECT id FROM emp ORDER BY row_number() OVER (ORDER BY name DESC)
-- window_filter_subquery
SELECT id, r FROM (SELECT id, row_number() OVER (PARTITION BY dept ORDER BY id) AS r FROM emp) WHERE r = 1 ORDER BY id
-- qualify_like
SELECT id FROM (SELECT id, rank() OVER (PARTITION BY dept ORDER BY salary DESC) AS r FROM emp WHERE dept IS NOT NULL) t WHERE r = 1 ORDER BY id
-- window_names
SELECT row_number() OVER (ORDER BY id), sum(id) OVER (PARTITION BY dept ORDER BY id) FROM emp WHERE id < 3
-- distinct_over_window
SELECT DISTINCT dept, max(id) OVER (PARTITION BY dept) AS m FROM emp ORDER BY m
-- collect_list_window
SELECT id, collect_list(name) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS l FROM emp ORDER BY id
-- stddev_window
SELECT id, stddev_samp(id) OVER (ORDER BY id ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) AS s FROM emp ORDER BY id
-- count_distinct_window
SELECT count(DISTINCT id) OVER (PARTITION BY dept) AS n FROM emp
-- window_in_where
SELECT id FROM emp WHERE row_number() OVER (ORDER BY id) = 1
-- window_in_group_by
SELECT count(*) FROM emp GROUP BY row_number() OVER (ORDER BY id)
-- rank_without_order
SELECT rank() OVER (PARTITION BY dept) AS r FROM emp
-- row_number_with_frame
SELECT row_number() OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS r FROM emp
-- range_two_keys
SELECT sum(id) OVER (ORDER BY id, dept RANGE BETWEEN 1 PRECEDING AND CURRENT ROW) AS r FROM emp
-- frame_bounds_reversed
SELECT sum(id) OVER (ORDER BY id ROWS BETWEEN 1 FOLLOWING AND 1 PRECEDING) AS r FROM emp
-- frame_wrong_type
SELECT sum(id) OVER (ORDER BY hired ROWS BETWEEN 1.5 PRECEDING AND CURRENT ROW) AS r FROM emp
-- range_over_string
SELECT sum(id) OVER (ORDER BY name RANGE BETWEEN 1 PRECEDING AND CURRENT ROW) AS r FROM emp
-- unknown_window_name
SELECT sum(id) OVER w AS r FROM emp
-- nested_window
SELECT sum(row_number() OVER (ORDER BY id)) OVER () AS r FROM emp
-- row_number_needs_over
SELECT row_number() AS r FROM emp
-- lag_default_takes_the_type
SELECT id, lag(id, 1, 7L) OVER (ORDER BY id) AS a, lead(CAST(id AS DECIMAL(10,2)), 1, 1.255) OVER (ORDER BY id) AS b, lag(name, 1, 5) OVER (ORDER BY id) AS c FROM emp ORDER BY id
-- lag_default_of_another_type
SELECT lag(id, 1, array(1)) OVER (ORDER BY id) FROM emp
-- lag_default_too_large
SELECT lag(id, 1, 99999999999) OVER (ORDER BY id) FROM emp
