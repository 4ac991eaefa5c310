-- two_specs
SELECT sum(a) OVER (PARTITION BY b), row_number() OVER (ORDER BY x DESC), max(a) OVER (PARTITION BY b) FROM t
-- computed_keys
SELECT rank() OVER (PARTITION BY a + 1 ORDER BY x * 2) AS r FROM t
-- nested
SELECT sum(sum(a) OVER (PARTITION BY b)) OVER () AS r FROM t
-- frames
SELECT sum(a) OVER (ORDER BY x ROWS BETWEEN 1 PRECEDING AND CURRENT ROW), sum(a) OVER (ORDER BY a RANGE BETWEEN 2 PRECEDING AND 1 FOLLOWING) FROM t
-- lag_looks_at_the_partition
SELECT lag(a) OVER (ORDER BY x) FROM t
-- needs_order
SELECT row_number() OVER (PARTITION BY a) FROM t
-- needs_over
SELECT row_number() FROM t
-- frame_of_lag
SELECT lag(a) OVER (ORDER BY a ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM t
-- range_over_text
SELECT sum(a) OVER (ORDER BY b RANGE BETWEEN 1 PRECEDING AND CURRENT ROW) FROM t
-- range_without_order
SELECT sum(a) OVER (RANGE BETWEEN 1 PRECEDING AND CURRENT ROW) FROM t
-- frame_reversed
SELECT sum(a) OVER (ORDER BY a ROWS BETWEEN 1 FOLLOWING AND 1 PRECEDING) FROM t
-- in_where
SELECT a FROM t WHERE row_number() OVER (ORDER BY a) > 1
-- distinct
SELECT count(DISTINCT a) OVER () FROM t
