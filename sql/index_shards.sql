-- a build over more rows than maintenance_work_mem has room for at a time
SELECT setseed(0.5) IS NULL AS seeded;
CREATE TABLE shards (id serial, e vector(16));
INSERT INTO shards (e)
SELECT array_agg(random() + 3 * (i % 7))::vector(16)
FROM generate_series(1, 4000) i, generate_series(1, 16) GROUP BY i ORDER BY i;
SET maintenance_work_mem = '1MB';
CREATE INDEX shards_index ON shards USING sphx (e);
RESET maintenance_work_mem;
SELECT vectors, dead_records FROM sphx_index_stats('shards_index');
SELECT nodes, tids, rows, unreachable_nodes <= 4 AS reached FROM sphx_check('shards_index', true);
SET enable_seqscan = off;
SELECT count(*), count(DISTINCT id) FROM
	(SELECT id FROM shards ORDER BY e <-> (SELECT e FROM shards WHERE id = 1)) s;
SELECT id FROM shards ORDER BY e <-> (SELECT e FROM shards WHERE id = 1) LIMIT 1;
DROP TABLE shards;
