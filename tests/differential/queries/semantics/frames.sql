-- range_interval
SELECT id, sum(n) OVER (ORDER BY ts RANGE BETWEEN INTERVAL 10 MINUTES PRECEDING AND CURRENT ROW) AS s FROM events ORDER BY id
-- range_interval_both
SELECT id, count(*) OVER (ORDER BY ts RANGE BETWEEN INTERVAL '5' MINUTE PRECEDING AND INTERVAL '3' MINUTE FOLLOWING) AS c FROM events ORDER BY id
-- range_interval_desc
SELECT id, count(*) OVER (ORDER BY ts DESC RANGE BETWEEN INTERVAL 10 MINUTES PRECEDING AND CURRENT ROW) AS c FROM events ORDER BY id
-- range_dates_days
SELECT id, count(*) OVER (ORDER BY hired RANGE BETWEEN INTERVAL 1 YEAR PRECEDING AND CURRENT ROW) AS c FROM emp ORDER BY id
-- range_dates_int
SELECT id, count(*) OVER (ORDER BY hired RANGE BETWEEN 200 PRECEDING AND CURRENT ROW) AS c FROM emp ORDER BY id
-- range_number
SELECT id, sum(id) OVER (ORDER BY salary RANGE BETWEEN 1000 PRECEDING AND 500 FOLLOWING) AS s FROM emp ORDER BY id
-- range_decimal
SELECT id, count(*) OVER (ORDER BY salary RANGE BETWEEN 1000.5 PRECEDING AND CURRENT ROW) AS s FROM emp ORDER BY id
-- range_double
SELECT i, count(*) OVER (ORDER BY d RANGE BETWEEN 0.5D PRECEDING AND 1.5D FOLLOWING) AS c FROM nums ORDER BY i
-- range_nulls_last
SELECT id, count(*) OVER (ORDER BY salary DESC NULLS FIRST RANGE BETWEEN UNBOUNDED PRECEDING AND 100 FOLLOWING) AS c FROM emp ORDER BY id
-- range_two_keys
SELECT id, sum(id) OVER (ORDER BY dept, id RANGE BETWEEN 1 PRECEDING AND CURRENT ROW) AS c FROM emp
-- range_text_key
SELECT id, sum(id) OVER (ORDER BY name RANGE BETWEEN 1 PRECEDING AND CURRENT ROW) AS c FROM emp
-- range_no_order
SELECT id, sum(id) OVER (RANGE BETWEEN 1 PRECEDING AND CURRENT ROW) AS c FROM emp
-- range_interval_type
SELECT id, sum(id) OVER (ORDER BY id RANGE BETWEEN INTERVAL 1 DAY PRECEDING AND CURRENT ROW) AS c FROM emp
-- rows_reverse_bounds
SELECT id, sum(id) OVER (ORDER BY id ROWS BETWEEN 1 FOLLOWING AND 1 PRECEDING) AS c FROM emp
-- rows_following
SELECT id, sum(id) OVER (ORDER BY id ROWS BETWEEN 1 FOLLOWING AND 2 FOLLOWING) AS c FROM emp ORDER BY id
-- rows_preceding_only
SELECT id, max(id) OVER (ORDER BY id ROWS BETWEEN 3 PRECEDING AND 2 PRECEDING) AS c FROM emp ORDER BY id
-- rows_expression_bound
SELECT id, sum(id) OVER (ORDER BY id ROWS 1 + 1 PRECEDING) AS c FROM emp ORDER BY id
-- default_frame_peers
SELECT k, v, sum(v) OVER (PARTITION BY k ORDER BY v) AS s, last_value(v) OVER (PARTITION BY k ORDER BY v) AS l FROM pairs ORDER BY k, v
-- lag_lead_defaults
SELECT id, lag(name, 2, 'none') OVER (ORDER BY id) AS a, lead(id, -1) OVER (ORDER BY id) AS b, lag(salary) IGNORE NULLS OVER (ORDER BY id) AS c FROM emp ORDER BY id
-- nth_value_frames
SELECT id, nth_value(name, 2) OVER (ORDER BY id) AS a, nth_value(salary, 1) IGNORE NULLS OVER (ORDER BY id DESC) AS b FROM emp ORDER BY id
-- first_last_ignore
SELECT id, first_value(manager) IGNORE NULLS OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) AS a, last_value(salary, true) OVER (ORDER BY id) AS b FROM emp ORDER BY id
-- ranks_nulls
SELECT id, rank() OVER (ORDER BY salary) AS a, dense_rank() OVER (ORDER BY salary DESC) AS b, percent_rank() OVER (ORDER BY salary) AS c, cume_dist() OVER (ORDER BY salary) AS d, ntile(3) OVER (ORDER BY id) AS e FROM emp ORDER BY id
-- aggregate_in_window
SELECT dept, sum(salary) AS s, rank() OVER (ORDER BY sum(salary) DESC) AS r, sum(sum(salary)) OVER () AS total FROM emp GROUP BY dept ORDER BY dept
-- named_window_refined
SELECT id, sum(id) OVER w AS a, count(*) OVER (w) AS b FROM emp WINDOW w AS (PARTITION BY dept ORDER BY id) ORDER BY id
-- window_filter
SELECT id, count(*) FILTER (WHERE salary > 4000) OVER (ORDER BY id) AS c FROM emp ORDER BY id
-- collect_in_window
SELECT id, collect_list(name) OVER (PARTITION BY dept ORDER BY id) AS l FROM emp ORDER BY id
-- window_in_where
SELECT id FROM emp WHERE row_number() OVER (ORDER BY id) = 1
-- qualify_basic
SELECT id, dept, salary FROM emp QUALIFY row_number() OVER (PARTITION BY dept ORDER BY salary DESC) = 1 ORDER BY id
-- qualify_alias
SELECT id, rank() OVER (ORDER BY salary DESC NULLS LAST) AS r FROM emp QUALIFY r <= 3 ORDER BY r, id
-- qualify_grouped
SELECT dept, count(*) AS n FROM emp GROUP BY dept QUALIFY rank() OVER (ORDER BY count(*) DESC) = 1 ORDER BY dept
-- qualify_hidden_column
SELECT name FROM emp QUALIFY max(salary) OVER (PARTITION BY dept) = salary AND dept > 10 ORDER BY name
-- qualify_no_window
SELECT id FROM emp QUALIFY id > 3
-- stddev_window
SELECT id, round(stddev(id) OVER (ORDER BY id ROWS 2 PRECEDING), 6) AS s FROM emp ORDER BY id
-- window_order_by_window
SELECT id FROM emp ORDER BY row_number() OVER (ORDER BY name DESC)
-- distinct_window_refused
SELECT count(DISTINCT dept) OVER () AS c FROM emp
-- bounds_computed
SELECT id, sum(id) OVER (ORDER BY id ROWS BETWEEN 3 - 1 PRECEDING AND 2 * 1 FOLLOWING) AS a, sum(id) OVER (ORDER BY id RANGE BETWEEN 1 + 1 PRECEDING AND CURRENT ROW) AS b FROM emp ORDER BY id
