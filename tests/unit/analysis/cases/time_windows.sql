-- tumbling
SELECT window.start, count(*) FROM events GROUP BY window(at, '10 minutes') HAVING max(window.end) IS NOT NULL ORDER BY window
-- sliding
SELECT window, sum(n) FROM events GROUP BY window(at, '10 minutes', '4 minutes')
-- in_select_list
SELECT n, window(at, '1 hour', '1 hour', '5 minutes') FROM events
-- two_windows
SELECT count(*) FROM events GROUP BY window(at, '5 minutes'), window(at, '10 minutes')
-- months
SELECT count(*) FROM events GROUP BY window(at, '1 month')
-- not_a_time
SELECT count(*) FROM events GROUP BY window(n, '5 minutes')
-- slide_longer_than_window
SELECT count(*) FROM events GROUP BY window(at, '5 minutes', '10 minutes')
-- microseconds_between_windows
SELECT count(*) FROM events GROUP BY window(at, '10 seconds', 5)
