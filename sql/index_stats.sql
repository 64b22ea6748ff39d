-- sphx_index_stats: layout, training and pages of an index
CREATE FUNCTION spread(i int, d int) RETURNS vector LANGUAGE sql IMMUTABLE AS
	'SELECT array_agg((''x'' || substr(md5(i || '' '' || j), 1, 6))::bit(24)::int / 16777216.0 - 0.5)::real[]::vector
	 FROM generate_series(1, d) j';
CREATE VIEW sizes AS SELECT oid, relname, pg_relation_size(oid) AS bytes FROM pg_class;

CREATE TABLE t (id int, e vector(12));
INSERT INTO t SELECT i, spread(i, 12) FROM generate_series(1, 2000) i;
INSERT INTO t VALUES (2001, NULL);
CREATE INDEX t_l2 ON t USING sphx (e) WITH (lists = 20, m = 16, code_bits = 2, storage = int16);
CREATE INDEX t_cosine ON t USING sphx (e vector_cosine_ops)
	WITH (lists = 90, m = 12, code_bits = 1, storage = int8, gap_weight = 1.5);
CREATE INDEX t_ip ON t USING sphx (e vector_ip_ops) WITH (lists = 20, code_bits = 0.5, gap_weight = 0);

-- layout
SELECT relname, dimensions, metric, vectors, cells, layers, gap_weight, code_bits, neighbours, storage
FROM sizes, sphx_index_stats(oid) WHERE relname IN ('t_l2', 't_cosine', 't_ip') ORDER BY relname;

-- pages by kind are all pages there are
SELECT relname, meta_pages, directory_pages, centroid_pages > 0 AS centroids, node_pages > 0 AS nodes,
	overflow_pages, empty_pages, dead_records, free_slots > 0 AS free,
	(meta_pages + directory_pages + centroid_pages + node_pages + overflow_pages + empty_pages)
		* current_setting('block_size')::int = bytes AS all_pages,
	round((bytes_per_vector * vectors)::numeric) = bytes AS all_bytes
FROM sizes, sphx_index_stats(oid) WHERE relname IN ('t_l2', 't_cosine', 't_ip') ORDER BY relname;

-- training
SELECT relname, separation > 0 AND separation <= nearest_p5 AND nearest_p5 <= nearest_mean AS distances,
	quantization_error > 0 AS error, imbalance >= 1 AND imbalance < cells AS imbalance,
	mean_a > 0.5 AND mean_a < 1 AS mean_a, separation >= kmeans_separation AS separated,
	quantization_error <= 1.03 * kmeans_quantization_error AS exact
FROM sizes, sphx_index_stats(oid) WHERE relname IN ('t_l2', 't_cosine', 't_ip') ORDER BY relname;
SELECT relname, (separation, nearest_mean, nearest_p5, quantization_error, imbalance) =
	(kmeans_separation, kmeans_nearest_mean, kmeans_nearest_p5, kmeans_quantization_error, kmeans_imbalance) AS kmeans
FROM sizes, sphx_index_stats(oid) WHERE relname IN ('t_cosine', 't_ip') ORDER BY relname;

-- inserts, duplicates and vacuum
DROP INDEX t_cosine, t_ip;
INSERT INTO t SELECT 3000 + i, spread(1, 12) FROM generate_series(1, 500) i;
SELECT vectors, overflow_pages > 0 AS overflow, dead_records FROM sphx_index_stats('t_l2');
DELETE FROM t WHERE id > 3000 OR id % 2 = 0;
VACUUM t;
SELECT vectors, dead_records, free_slots >= 1000 AS free FROM sphx_index_stats('t_l2');

-- an index on nothing
CREATE TABLE nothing (e vector(3));
CREATE INDEX nothing_e ON nothing USING sphx (e);
SELECT dimensions, vectors, cells, layers, bytes_per_vector IS NULL AS no_size, node_pages, dead_records, free_slots
FROM sphx_index_stats('nothing_e');
SELECT vectors FROM sphx_index_stats(NULL);

-- unlogged and temporary ones
CREATE UNLOGGED TABLE u AS SELECT * FROM t;
ALTER TABLE u ALTER e TYPE vector(12);
CREATE INDEX u_e ON u USING sphx (e);
CREATE TEMP TABLE tt AS SELECT * FROM t;
ALTER TABLE tt ALTER e TYPE vector(12);
CREATE INDEX tt_e ON tt USING sphx (e);
SELECT (SELECT vectors FROM sphx_index_stats('u_e')) AS unlogged, (SELECT vectors FROM sphx_index_stats('tt_e')) AS temp;

-- what has no statistics
CREATE INDEX t_id ON t (id);
SELECT vectors FROM sphx_index_stats('t_id');
SELECT vectors FROM sphx_index_stats('t');
SELECT vectors FROM sphx_index_stats(0);
CREATE TABLE parts (id int, e vector(3)) PARTITION BY RANGE (id);
CREATE TABLE part PARTITION OF parts DEFAULT;
CREATE INDEX parts_e ON parts USING sphx (e);
SELECT vectors FROM sphx_index_stats('parts_e');
SELECT vectors FROM sphx_index_stats('part_e_idx');

-- the table's readers may see them
CREATE ROLE regress_sphx_stats;
SET ROLE regress_sphx_stats;
SELECT vectors FROM sphx_index_stats('t_l2');
RESET ROLE;
GRANT SELECT ON t TO regress_sphx_stats;
SET ROLE regress_sphx_stats;
SELECT vectors FROM sphx_index_stats('t_l2');
RESET ROLE;

-- cosine of very short vectors: the index has the operator's order
CREATE TABLE tiny (id int, e vector(12));
INSERT INTO tiny SELECT i, (SELECT array_agg(x * 3e-22) FROM unnest(spread(i, 12)::real[]) x)::vector
FROM generate_series(1, 200) i;
CREATE INDEX tiny_e ON tiny USING sphx (e vector_cosine_ops);
SET enable_seqscan = off;
EXPLAIN (COSTS off) SELECT id FROM tiny ORDER BY e <=> spread(500, 12) LIMIT 100;
SELECT count(*), bool_and(d >= before) AS ordered
FROM (SELECT d, lag(d, 1, 0.0) OVER () AS before
	  FROM (SELECT e <=> spread(500, 12) AS d FROM tiny ORDER BY e <=> spread(500, 12) LIMIT 100) x) y;
RESET enable_seqscan;

DROP TABLE t, nothing, u, tt, parts, tiny;
DROP ROLE regress_sphx_stats;
DROP VIEW sizes;
DROP FUNCTION spread(int, int);

-- what a scan did
CREATE TABLE scanned (id int, e vector(3));
INSERT INTO scanned SELECT i, ARRAY[i % 100, i / 100, 0]::real[]::vector FROM generate_series(1, 5000) i;
CREATE INDEX scanned_idx ON scanned USING sphx (e);
\c -
SELECT * FROM sphx_last_scan();
SET enable_seqscan = off;
SELECT id FROM scanned ORDER BY e <-> '[50,20,0]' LIMIT 1;
SELECT index, nodes_read BETWEEN 40 AND 500 AS some, cells_read, widenings, nodes_late, rows_returned, table_read FROM sphx_last_scan();
SELECT count(*) FROM (SELECT id FROM scanned ORDER BY e <-> '[50,20,0]' OFFSET 0) s;
SELECT nodes_read, cells_read > 1 AS cells, nodes_late, rows_returned, rows_rechecked < 5000 AS certain FROM sphx_last_scan();
SELECT count(*) FROM (SELECT id FROM scanned WHERE id % 1000 = 7 ORDER BY e <-> '[50,20,0]' LIMIT 10) s;
SELECT table_read, rows_returned FROM sphx_last_scan();
SELECT relid = 'scanned'::regclass AS relid, schemaname, relname, indexrelname, scans, nodes_read > 5000 AS nodes, cells_read > 1 AS cells,
	rows_returned, rows_rechecked < rows_returned AS certain, table_reads
FROM sphx_stat_indexes WHERE indexrelid = 'scanned_idx'::regclass;
SELECT sphx_stat_reset();
SELECT * FROM sphx_scan_figures('scanned_idx');
SELECT * FROM sphx_scan_figures('scanned');
RESET enable_seqscan;
DROP TABLE scanned;
