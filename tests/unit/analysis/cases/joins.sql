-- on
SELECT t.a, u.z FROM t LEFT JOIN u ON t.a = u.a
-- using
SELECT *, u.a FROM u AS v JOIN u USING (a)
-- using_right
SELECT a, v.z, u.z FROM u AS v RIGHT JOIN u USING (a)
-- using_full
SELECT a, v.a, u.a FROM u AS v FULL JOIN u USING (a)
-- natural
SELECT * FROM u AS v NATURAL JOIN u
-- semi
SELECT * FROM u LEFT SEMI JOIN t ON t.a = u.a
-- lateral
SELECT * FROM u, LATERAL (SELECT u.a + 1 AS w)
-- lateral_view
SELECT a, v FROM u LATERAL VIEW OUTER explode(array(a, z)) e AS v
-- broadcast_hint
SELECT /*+ BROADCAST(v) */ u.a FROM u JOIN u AS v ON u.a = v.a
-- condition_not_boolean
SELECT * FROM t JOIN u ON t.a
-- using_unknown
SELECT * FROM t JOIN u USING (q)
-- aggregate_in_condition
SELECT * FROM t JOIN u ON sum(t.a) = u.a
