-- cells made anew by vacuum: an index built over nothing, one that has grown,
-- one most of whose cells are empty
SET enable_seqscan = off;
CREATE FUNCTION spread(i int, d int) RETURNS vector LANGUAGE sql IMMUTABLE AS
	'SELECT array_agg((''x'' || substr(md5(i || '' '' || j), 1, 6))::bit(24)::int / 16777216.0 - 0.5)::real[]::vector
	 FROM generate_series(1, d) j';

CREATE TABLE t (id int, e vector(8));
CREATE INDEX t_l2 ON t USING sphx (e);
CREATE INDEX t_cosine ON t USING sphx (e vector_cosine_ops);
CREATE INDEX t_ip ON t USING sphx (e vector_ip_ops);
CREATE INDEX t_lists ON t USING sphx (e) WITH (lists = 100);
CREATE INDEX t_one ON t USING sphx (e) WITH (lists = 1);
CREATE FUNCTION cells(OUT index name, OUT cells int, OUT layers int, OUT spare_pages bool, OUT sound bool)
	RETURNS SETOF record LANGUAGE sql AS
	'SELECT relname, s.cells, s.layers, unused_pages > 0, c.rows = c.tids AND unreachable_nodes <= nodes / 100
	 FROM pg_class, sphx_index_stats(oid) s, sphx_check(oid, true) c WHERE relname ~ ''^t_'' AND relkind = ''i'' ORDER BY relname';

-- too few rows to have cells for
INSERT INTO t SELECT i, spread(i, 8) FROM generate_series(1, 1000) i;
VACUUM t;
SELECT * FROM cells();
SELECT reindex_advised FROM sphx_index_stats('t_l2');

-- enough; also in a session that knows the index as it was
INSERT INTO t SELECT i, spread(i, 8) FROM generate_series(1001, 1700) i;
SELECT id FROM t ORDER BY e <-> spread(1500, 8) LIMIT 1;
VACUUM t;
SELECT * FROM cells();
SELECT id FROM t ORDER BY e <-> spread(1500, 8) LIMIT 1;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM t ORDER BY e <-> spread(1, 8)) x;

-- rows go to the new cells; nothing to do at the next vacuum
INSERT INTO t SELECT i, spread(i, 8) FROM generate_series(1701, 2000) i;
VACUUM t;
SELECT * FROM cells();

-- four times the rows, and duplicates; nothing has been learned of them
DROP INDEX t_cosine, t_one;
INSERT INTO t SELECT i, spread(i, 8) FROM generate_series(2001, 5800) i;
INSERT INTO t SELECT 10000 + i, spread(1, 8) FROM generate_series(1, 200) i;
VACUUM t;
SELECT * FROM cells();
SELECT reindex_advised FROM sphx_index_stats('t_l2');
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM t ORDER BY e <-> spread(1, 8)) x;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM t ORDER BY e <#> spread(1, 8)) x;

-- overflow records of before and after
INSERT INTO t SELECT 20000 + i, spread(1, 8) FROM generate_series(1, 200) i;
DELETE FROM t WHERE id BETWEEN 10001 AND 10150 OR id BETWEEN 20001 AND 20050;
VACUUM t;
SELECT index, sound FROM cells();
SELECT count(*) FROM (SELECT id FROM t ORDER BY e <-> spread(1, 8) LIMIT 201) x WHERE id = 1 OR id > 10000;

-- the rows that are left are all in one place; most of its 100 cells are empty
SELECT centroid_pages AS before FROM sphx_index_stats('t_lists') \gset
DELETE FROM t WHERE id > 10000 OR (e <-> spread(1, 8)) > (SELECT e <-> spread(1, 8) FROM t ORDER BY 1 OFFSET 1900 LIMIT 1);
VACUUM t;
SELECT * FROM cells();
SELECT centroid_pages > :before AS anew FROM sphx_index_stats('t_lists');
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM t ORDER BY e <-> spread(1, 8)) x;
DELETE FROM t;
VACUUM t;
INSERT INTO t SELECT i, spread(i, 8) FROM generate_series(1, 100) i;
SELECT index, sound FROM cells();
DROP TABLE t;

-- centroids trained elsewhere stay
CREATE TABLE given AS SELECT spread(i, 8) AS e FROM generate_series(1, 3) i;
CREATE TABLE t (id int, e vector(8));
CREATE INDEX t_given ON t USING sphx (e) WITH (centroids = 'given');
INSERT INTO t SELECT i, spread(i, 8) FROM generate_series(1, 2000) i;
VACUUM t;
SELECT * FROM cells();
DROP TABLE t, given;

-- unlogged and temporary ones
CREATE UNLOGGED TABLE t (id int, e vector(8));
CREATE INDEX t_e ON t USING sphx (e);
INSERT INTO t SELECT i, spread(i, 8) FROM generate_series(1, 1700) i;
VACUUM t;
SELECT * FROM cells();
DROP TABLE t;
CREATE TEMPORARY TABLE t (id int, e vector(8));
CREATE INDEX t_e ON t USING sphx (e);
INSERT INTO t SELECT i, spread(i, 8) FROM generate_series(1, 1700) i;
VACUUM t;
INSERT INTO t SELECT i, spread(i, 8) FROM generate_series(1701, 1800) i;
SELECT * FROM cells();
DROP TABLE t;

DROP FUNCTION cells();
DROP FUNCTION spread(int, int);
