-- updates of another column, without a vacuum between them: the index has room for two
-- row versions a vector, and those pruned make room for the next (PostgreSQL 15 and later)
CREATE TABLE versions (id int, n int, e vector(100)) WITH (autovacuum_enabled = false);
INSERT INTO versions SELECT i, 0, (SELECT array_agg(('x' || substr(md5(i || ' ' || j), 1, 7))::bit(28)::int / 268435456.0)
	FROM generate_series(1, 100) j)::real[]::vector FROM generate_series(1, 1000) i;
CREATE INDEX versions_idx ON versions USING sphx (e);
CREATE TABLE size AS SELECT pg_relation_size('versions_idx') AS before;
UPDATE versions SET n = n + 1;
UPDATE versions SET n = n + 1;
UPDATE versions SET n = n + 1;
UPDATE versions SET n = n + 1;
UPDATE versions SET n = n + 1;
SELECT pg_relation_size('versions_idx') < before * 1.2 OR current_setting('server_version_num')::int < 150000 AS stays_small FROM size;
SELECT rows FROM sphx_check('versions_idx', true);
SET enable_seqscan = off;
SELECT count(*), count(DISTINCT id), min(n), max(n)
FROM (SELECT id, n FROM versions ORDER BY e <-> (SELECT e FROM versions WHERE id = 1) LIMIT 1000) s;
-- one whose update is rolled back keeps its row
BEGIN;
UPDATE versions SET n = n + 1 WHERE id <= 10;
ROLLBACK;
UPDATE versions SET n = n + 1 WHERE id <= 10;
UPDATE versions SET n = n + 1 WHERE id <= 10;
SELECT id, n FROM versions ORDER BY e <-> (SELECT e FROM versions WHERE id = 7) LIMIT 1;
VACUUM versions;
SELECT tids, rows FROM sphx_check('versions_idx', true);
DROP TABLE versions, size;
-- a row whose neighbours are all deleted is linked to others by the vacuum
CREATE TABLE clusters (id int, e vector(12));
INSERT INTO clusters SELECT i, (SELECT array_agg(('x' || substr(md5(CASE WHEN i = 7 THEN '' ELSE c || ' ' || j END), 1, 4))::bit(16)::int / 65536.0 +
		('x' || substr(md5(i || ' ' || j), 1, 4))::bit(16)::int / 262144.0 ORDER BY j) FROM generate_series(1, 12) j)::real[]::vector
	FROM generate_series(1, 600) i, LATERAL (SELECT CASE WHEN i % 6 = 1 AND i > 300 THEN 0 ELSE i % 6 END AS c) k;
CREATE INDEX ON clusters USING sphx (e) WITH (m = 8);
DELETE FROM clusters WHERE id % 6 = 1 AND id > 7;
VACUUM clusters;
SET enable_seqscan = off;
SELECT id FROM clusters ORDER BY e <-> (SELECT e FROM clusters WHERE id = 7) LIMIT 1;
SELECT unreachable_nodes FROM sphx_check('clusters_e_idx');
RESET enable_seqscan;
DROP TABLE clusters;
-- inner product: rows that are longer than any before
CREATE TABLE longer (id int, e vector(20));
CREATE FUNCTION draw20(i int, f float8) RETURNS vector LANGUAGE sql IMMUTABLE AS $$
	SELECT array_agg((('x' || substr(md5(i || ' ' || j), 1, 4))::bit(16)::int / 65536.0 - 0.5) * f ORDER BY j)::real[]::vector FROM generate_series(1, 20) j
$$;
INSERT INTO longer SELECT i, draw20(i, 1) FROM generate_series(1, 2000) i;
CREATE INDEX ON longer USING sphx (e vector_ip_ops);
INSERT INTO longer SELECT i, draw20(i, 1 + i / 500.0) FROM generate_series(2001, 6000) i;
DELETE FROM longer WHERE id <= 2000;
VACUUM longer;
CREATE FUNCTION hits(q vector) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	found int[];
	truth int[];
BEGIN
	SET LOCAL enable_seqscan = off;
	SELECT array_agg(id) INTO found FROM (SELECT id FROM longer ORDER BY e <#> q LIMIT 10) s;
	SET LOCAL enable_seqscan = on;
	SET LOCAL enable_indexscan = off;
	SELECT array_agg(id) INTO truth FROM (SELECT id FROM longer ORDER BY e <#> q LIMIT 10) s;
	SET LOCAL enable_indexscan = on;
	RETURN (SELECT count(*) FROM unnest(found) id WHERE id = ANY (truth));
END $$;
SELECT sum(hits(draw20(i, 1))) / 1000 > 0.98 AS found FROM generate_series(10001, 10100) i;
DROP TABLE longer;
DROP FUNCTION hits, draw20;
