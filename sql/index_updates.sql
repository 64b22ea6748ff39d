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
