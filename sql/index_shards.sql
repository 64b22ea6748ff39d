-- a build over more rows than maintenance_work_mem has room for at a time
SELECT setseed(0.5) IS NULL AS seeded;
CREATE TABLE shards (id serial, e vector(16));
INSERT INTO shards (e)
SELECT array_agg(random() + 3 * (i % 7))::vector(16)
FROM generate_series(1, 4000) i, generate_series(1, 16) GROUP BY i ORDER BY i;
SET maintenance_work_mem = '1MB';
CREATE INDEX shards_index ON shards USING sphx (e);
SELECT vectors, dead_records FROM sphx_index_stats('shards_index');
SELECT nodes, tids, rows, unreachable_nodes <= 4 AS reached FROM sphx_check('shards_index', true);
SET enable_seqscan = off;
SELECT count(*), count(DISTINCT id) FROM
	(SELECT id FROM shards ORDER BY e <-> (SELECT e FROM shards WHERE id = 1)) s;
SELECT id FROM shards ORDER BY e <-> (SELECT e FROM shards WHERE id = 1) LIMIT 1;
-- the whole table in one cell, which spans shards; and inner product
CREATE INDEX shards_one ON shards USING sphx (e) WITH (lists = 1);
SELECT nodes, tids, rows, unreachable_nodes <= 4 AS reached FROM sphx_check('shards_one', true);
DROP INDEX shards_index;
SELECT count(*), count(DISTINCT id) FROM
	(SELECT id FROM shards ORDER BY e <-> (SELECT e FROM shards WHERE id = 1)) s;
DROP INDEX shards_one;
CREATE INDEX shards_ip ON shards USING sphx (e vector_ip_ops);
SELECT nodes, tids, rows, unreachable_nodes <= 4 AS reached FROM sphx_check('shards_ip', true);
SELECT count(*), count(DISTINCT id) FROM
	(SELECT id FROM shards ORDER BY e <#> (SELECT e FROM shards WHERE id = 1)) s;
-- and all rows equal: still one node only where they were in memory together
UPDATE shards SET e = (SELECT e FROM shards WHERE id = 1);
REINDEX INDEX shards_ip;
SELECT nodes BETWEEN 1 AND 40 AS few, tids, rows, unreachable_nodes
FROM sphx_check('shards_ip', true);
SELECT count(*), count(DISTINCT id) FROM
	(SELECT id FROM shards ORDER BY e <#> '[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]') s;
RESET maintenance_work_mem;
DROP TABLE shards;
