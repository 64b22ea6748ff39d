-- kinds of tables and indexes
CREATE FUNCTION spread(i int, d int) RETURNS vector LANGUAGE sql IMMUTABLE AS
	'SELECT array_agg((''x'' || substr(md5(i || '' '' || j), 1, 6))::bit(24)::int / 16777216.0 - 0.5)::real[]::vector
	 FROM generate_series(1, d) j';
SET enable_seqscan = off;

-- partial
CREATE TABLE t (id int, e vector(4));
INSERT INTO t SELECT i, spread(i, 4) FROM generate_series(1, 1000) i;
CREATE INDEX t_part ON t USING sphx (e) WHERE id <= 100;
INSERT INTO t SELECT i, spread(i, 4) FROM generate_series(1001, 1010) i;
INSERT INTO t VALUES (0, spread(0, 4));
EXPLAIN (COSTS off) SELECT id FROM t WHERE id <= 100 ORDER BY e <-> '[1,2,3,4]' LIMIT 1;
SELECT id FROM t WHERE id <= 100 ORDER BY e <-> spread(7, 4) LIMIT 1;
SELECT count(*) FROM (SELECT id FROM t WHERE id <= 100 ORDER BY e <-> spread(7, 4)) x;
DROP INDEX t_part;

-- expression
CREATE INDEX t_expr ON t USING sphx ((l2_normalize(e)::vector(4)));
EXPLAIN (COSTS off) SELECT id FROM t ORDER BY l2_normalize(e)::vector(4) <-> l2_normalize('[1,2,3,4]'::vector) LIMIT 1;
SELECT id FROM t ORDER BY l2_normalize(e)::vector(4) <-> l2_normalize(spread(7, 4)) LIMIT 1;
DROP INDEX t_expr;

-- concurrently
CREATE INDEX CONCURRENTLY t_e ON t USING sphx (e);
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM t ORDER BY e <-> spread(7, 4)) x;
REINDEX INDEX CONCURRENTLY t_e;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM t ORDER BY e <-> spread(7, 4)) x;
REINDEX INDEX t_e;
SELECT id FROM t ORDER BY e <-> spread(7, 4) LIMIT 1;

-- rolled back and truncated
BEGIN;
INSERT INTO t SELECT i, spread(i, 4) FROM generate_series(2001, 2100) i;
ROLLBACK;
SELECT count(*) FROM (SELECT id FROM t ORDER BY e <-> spread(7, 4)) x;
BEGIN;
TRUNCATE t;
INSERT INTO t VALUES (1, spread(1, 4));
SELECT id FROM t ORDER BY e <-> spread(7, 4);
ROLLBACK;
SELECT count(*) FROM (SELECT id FROM t ORDER BY e <-> spread(7, 4)) x;
TRUNCATE t;
SELECT count(*) FROM (SELECT id FROM t ORDER BY e <-> spread(7, 4)) x;
INSERT INTO t SELECT i, spread(i, 4) FROM generate_series(1, 100) i;
SELECT id FROM t ORDER BY e <-> spread(7, 4) LIMIT 1;
DROP TABLE t;

-- created, filled and truncated in one transaction
BEGIN;
CREATE TABLE t (id int, e vector(4));
CREATE INDEX t_e ON t USING sphx (e);
INSERT INTO t SELECT i, spread(i, 4) FROM generate_series(1, 300) i;
SELECT id FROM t ORDER BY e <-> spread(7, 4) LIMIT 1;
TRUNCATE t;
INSERT INTO t SELECT i, spread(i, 4) FROM generate_series(1, 30) i;
SELECT id FROM t ORDER BY e <-> spread(7, 4) LIMIT 1;
COMMIT;
SELECT count(*) FROM (SELECT id FROM t ORDER BY e <-> spread(7, 4)) x;
DROP TABLE t;

-- temporary
CREATE TEMP TABLE t (id int, e vector(4)) ON COMMIT DELETE ROWS;
CREATE INDEX ON t USING sphx (e);
BEGIN;
INSERT INTO t SELECT i, spread(i, 4) FROM generate_series(1, 300) i;
SELECT id FROM t ORDER BY e <-> spread(7, 4) LIMIT 1;
COMMIT;
BEGIN;
SELECT count(*) FROM (SELECT id FROM t ORDER BY e <-> spread(7, 4)) x;
INSERT INTO t SELECT i, spread(i, 4) FROM generate_series(1, 20) i;
SELECT id FROM t ORDER BY e <-> spread(7, 4) LIMIT 1;
COMMIT;
DROP TABLE t;

-- unlogged
CREATE UNLOGGED TABLE t (id int, e vector(4));
CREATE INDEX t_e ON t USING sphx (e);
INSERT INTO t SELECT i, spread(i, 4) FROM generate_series(1, 300) i;
SELECT id FROM t ORDER BY e <-> spread(7, 4) LIMIT 1;
SELECT pg_relation_size('t_e', 'init') > 0 AS has_init_fork;
ALTER TABLE t SET LOGGED;
SELECT id FROM t ORDER BY e <-> spread(7, 4) LIMIT 1;
ALTER TABLE t SET UNLOGGED;
DELETE FROM t WHERE id % 2 = 0;
VACUUM t;
SELECT count(*) FROM (SELECT id FROM t ORDER BY e <-> spread(7, 4)) x;
DROP TABLE t;

-- partitioned
CREATE TABLE t (id int, e vector(4)) PARTITION BY RANGE (id);
CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (500);
CREATE TABLE t2 PARTITION OF t FOR VALUES FROM (500) TO (2000);
INSERT INTO t SELECT i, spread(i, 4) FROM generate_series(1, 1000) i;
CREATE INDEX ON t USING sphx (e);
EXPLAIN (COSTS off) SELECT id FROM t ORDER BY e <-> '[1,2,3,4]' LIMIT 1;
SELECT id FROM t ORDER BY e <-> spread(7, 4) LIMIT 1;
SELECT id FROM t ORDER BY e <-> spread(700, 4) LIMIT 1;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM t ORDER BY e <-> spread(7, 4)) x;
DROP TABLE t;

-- a domain over the type
CREATE DOMAIN embedding AS vector(4);
CREATE TABLE t (id int, e embedding);
CREATE INDEX ON t USING sphx (e);
INSERT INTO t SELECT i, spread(i, 4) FROM generate_series(1, 300) i;
SELECT id FROM t ORDER BY e <-> spread(7, 4) LIMIT 1;
DROP TABLE t;
DROP DOMAIN embedding;
DROP FUNCTION spread(int, int);
