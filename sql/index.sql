-- an index through the life of its table

-- Does the plan use an index?  (Plans of disabled scans are printed differently
-- from version 18 on.)
CREATE FUNCTION index_used(query text) RETURNS bool LANGUAGE plpgsql AS $$
DECLARE
	line text;
	used bool := false;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS off) ' || query LOOP
		used := used OR line LIKE '%Index Scan using%';
	END LOOP;
	RETURN used;
END $$;

CREATE TABLE t (id int, e vector(8));

-- a vector for every number, spread over a cube, the same in all server versions
CREATE FUNCTION spread(i int, d int) RETURNS vector LANGUAGE sql IMMUTABLE AS
	'SELECT array_agg((''x'' || substr(md5(i || '' '' || j), 1, 6))::bit(24)::int / 16777216.0 - 0.5)::real[]::vector
	 FROM generate_series(1, d) j';

-- how many of the exact k nearest the index finds, over queries from the table
CREATE FUNCTION recall(tab text, op text, k int, queries int) RETURNS float LANGUAGE plpgsql AS $$
DECLARE
	q record;
	found int[];
	exact int[];
	hits int := 0;
BEGIN
	FOR q IN EXECUTE format('SELECT e FROM %s ORDER BY id LIMIT %s', tab, queries) LOOP
		SET LOCAL enable_seqscan = off;
		SET LOCAL enable_indexscan = on;
		EXECUTE format('SELECT array_agg(id) FROM (SELECT id FROM %s ORDER BY e %s $1 LIMIT %s) x', tab, op, k)
			INTO found USING q.e;
		SET LOCAL enable_seqscan = on;
		SET LOCAL enable_indexscan = off;
		EXECUTE format('SELECT array_agg(id) FROM (SELECT id FROM %s ORDER BY e %s $1 LIMIT %s) x', tab, op, k)
			INTO exact USING q.e;
		hits := hits + (SELECT count(*) FROM unnest(found) f WHERE f = ANY (exact));
	END LOOP;
	RETURN hits::float / (k * queries);
END $$;

-- empty
CREATE INDEX t_e ON t USING sphx (e);
SET enable_seqscan = off;
EXPLAIN (COSTS off) SELECT id FROM t ORDER BY e <-> '[1,2,3,4,5,6,7,8]' LIMIT 3;
SELECT id FROM t ORDER BY e <-> spread(1, 8) LIMIT 3;

-- one row
INSERT INTO t VALUES (1, spread(1, 8));
SELECT id, e <-> spread(1, 8) AS distance FROM t ORDER BY e <-> spread(1, 8) LIMIT 3;

-- many
INSERT INTO t SELECT i, spread(i, 8) FROM generate_series(2, 1500) i;
SELECT id FROM t ORDER BY e <-> spread(77, 8) LIMIT 1;
SELECT recall('t', '<->', 10, 40) > 0.95 AS good;

-- NULLs are not in the index
INSERT INTO t VALUES (0, NULL);
SELECT count(*) FROM (SELECT id FROM t ORDER BY e <-> spread(1, 8)) x;

-- deleted and updated rows
DELETE FROM t WHERE id % 3 = 0;
SELECT count(*) FROM (SELECT id FROM t ORDER BY e <-> spread(1, 8)) x;
VACUUM t;
SELECT count(*), count(*) FILTER (WHERE id % 3 = 0) AS dead
FROM (SELECT id FROM t ORDER BY e <-> spread(1, 8)) x;
SELECT recall('t', '<->', 10, 40) > 0.95 AS good;
UPDATE t SET e = spread(id + 10000, 8) WHERE id % 3 = 1;
SELECT id FROM t ORDER BY e <-> spread(10076, 8) LIMIT 1;
SELECT count(*) FROM (SELECT id FROM t ORDER BY e <-> spread(1, 8)) x;

-- space of deleted rows is used again
VACUUM t;
SELECT pg_relation_size('t_e') AS size \gset
DELETE FROM t WHERE id % 2 = 0;
VACUUM t;
INSERT INTO t SELECT i, spread(i, 8) FROM generate_series(2001, 2400) i;
SELECT pg_relation_size('t_e') <= :size AS reused;
SELECT nodes, dead_nodes, tids, rows FROM sphx_check('t_e', true);
SELECT recall('t', '<->', 10, 40) > 0.95 AS good;

-- everything deleted
DELETE FROM t;
VACUUM t;
SELECT count(*) FROM (SELECT id FROM t ORDER BY e <-> spread(1, 8)) x;
INSERT INTO t SELECT i, spread(i, 8) FROM generate_series(1, 100) i;
SELECT id FROM t ORDER BY e <-> spread(42, 8) LIMIT 1;
SELECT count(*) FROM (SELECT id FROM t ORDER BY e <-> spread(1, 8)) x;

SELECT nodes, dead_nodes, tids, rows FROM sphx_check('t_e', true);

-- other dimensions: refused, and the index is as before
INSERT INTO t VALUES (-1, '[1,2,3]');
SELECT id FROM t ORDER BY e <-> '[1,2,3]' LIMIT 1;
DROP TABLE t;
CREATE TABLE t (id int, e vector);
INSERT INTO t VALUES (1, '[1,2,3]'), (2, '[4,5,6]');
CREATE INDEX t_e ON t USING sphx ((e::vector(3)));
INSERT INTO t VALUES (3, '[1,2]');
INSERT INTO t VALUES (4, '[7,8,9]');
SELECT id FROM t ORDER BY e::vector(3) <-> '[7,8,9]';
SELECT id FROM t ORDER BY e::vector(3) <-> '[1,2]';
TRUNCATE t;
INSERT INTO t VALUES (5, '[7,8,9]');
SELECT id FROM t ORDER BY e::vector(3) <-> '[7,8,9]';
DROP TABLE t;

-- duplicates
CREATE TABLE t (id int, e vector(3));
CREATE INDEX t_e ON t USING sphx (e);
INSERT INTO t SELECT i, '[1,2,3]' FROM generate_series(1, 3000) i;
INSERT INTO t SELECT i, '[1,2,4]' FROM generate_series(3001, 4000) i;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM t ORDER BY e <-> '[1,2,3]') x;
SELECT min(id), max(id), count(DISTINCT id)
FROM (SELECT id FROM t ORDER BY e <-> '[1,2,3]' LIMIT 3000) x;
SELECT min(id), max(id), count(DISTINCT id)
FROM (SELECT id FROM t ORDER BY e <-> '[1,2,5]' LIMIT 1000) x;
SELECT pg_relation_size('t_e') < 30 * 8192 AS small;
DELETE FROM t WHERE id % 7 <> 0;
VACUUM t;
SELECT count(*), count(DISTINCT id), bool_and(id % 7 = 0)
FROM (SELECT id FROM t ORDER BY e <-> '[1,2,3]') x;
INSERT INTO t SELECT i, '[1,2,3]' FROM generate_series(5001, 7000) i;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM t ORDER BY e <-> '[1,2,3]') x;
DELETE FROM t WHERE e = '[1,2,3]';
VACUUM t;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM t ORDER BY e <-> '[1,2,3]') x;
REINDEX INDEX t_e;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM t ORDER BY e <-> '[1,2,3]') x;
DROP TABLE t;

-- built on rows: none, one, equal ones, only NULLs, only zero vectors
CREATE TABLE t (id int, e vector(3));
CREATE INDEX t_e ON t USING sphx (e vector_cosine_ops);
INSERT INTO t VALUES (1, '[1,1,1]'), (2, NULL), (3, '[0,0,0]'), (4, '[-1,-1,-1]');
SELECT id FROM t ORDER BY e <=> '[1,1,1]';
REINDEX INDEX t_e;
SELECT id FROM t ORDER BY e <=> '[1,1,1]';
TRUNCATE t;
INSERT INTO t SELECT i, '[2,2,2]' FROM generate_series(1, 500) i;
REINDEX INDEX t_e;
SELECT count(DISTINCT id) FROM (SELECT id FROM t ORDER BY e <=> '[1,0,0]') x;
UPDATE t SET e = NULL;
VACUUM t;
REINDEX INDEX t_e;
SELECT count(DISTINCT id) FROM (SELECT id FROM t ORDER BY e <=> '[1,0,0]') x;
UPDATE t SET e = '[0,0,0]';
VACUUM t;
REINDEX INDEX t_e;
SELECT count(DISTINCT id) FROM (SELECT id FROM t ORDER BY e <=> '[1,0,0]') x;
INSERT INTO t SELECT i, spread(i, 3) FROM generate_series(501, 1000) i;
SELECT id FROM t WHERE e <> '[0,0,0]' ORDER BY e <=> spread(700, 3) LIMIT 1;
DROP TABLE t;

-- the other metrics
CREATE TABLE t (id int, e vector(20));
INSERT INTO t SELECT i, spread(i, 20) * (array_fill(1 + i % 5, ARRAY[20])::vector)
FROM generate_series(1, 1000) i;
CREATE INDEX t_e ON t USING sphx (e vector_cosine_ops);
SELECT recall('t', '<=>', 10, 30) > 0.95 AS good;
DROP INDEX t_e;
CREATE INDEX t_e ON t USING sphx (e vector_ip_ops);
SELECT recall('t', '<#>', 10, 30) > 0.8 AS good;
DROP INDEX t_e;
CREATE INDEX t_e ON t USING sphx (e) WITH (storage = int8, code_bits = 0.5);
SELECT recall('t', '<->', 10, 30) > 0.6 AS good;

-- an operator of another class does not use the index
SELECT index_used('SELECT id FROM t ORDER BY e <=> spread(1, 20) LIMIT 3') AS other,
	index_used('SELECT id FROM t ORDER BY e <-> spread(1, 20) LIMIT 3') AS own;
DROP TABLE t;
DROP FUNCTION recall(text, text, int, int), spread(int, int), index_used(text);
