-- CREATE INDEX ... WITH (centroids = 'relation')
SET extra_float_digits = 0;
CREATE FUNCTION noise(i int, j int) RETURNS float8 LANGUAGE sql IMMUTABLE AS
	'SELECT (''x'' || substr(md5(i || '' '' || j), 1, 6))::bit(24)::int / 16777216.0 - 0.5';
CREATE TABLE t (id int, e vector(8));
INSERT INTO t SELECT i, (SELECT array_agg(noise(i % 20 - 20, j) + 0.2 * noise(i, j) ORDER BY j) FROM generate_series(1, 8) j)::real[]::vector
FROM generate_series(1, 2000) i;
-- do the first 20 of the index and of a sort agree, for 20 queries?
CREATE FUNCTION exact(op text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	query text := format('SELECT id FROM t ORDER BY e %s $1 LIMIT 20', op);
	q vector;
	found int[];
	truth int[];
	same bigint := 0;
BEGIN
	FOR q IN SELECT e FROM t WHERE id <= 20 ORDER BY id LOOP
		SET LOCAL enable_seqscan = off;
		EXECUTE format('SELECT array_agg(id) FROM (%s) s', query) INTO found USING q;
		SET LOCAL enable_indexscan = off;
		SET LOCAL enable_seqscan = on;
		EXECUTE format('SELECT array_agg(id) FROM (%s) s', query) INTO truth USING q;
		SET LOCAL enable_indexscan = on;
		same := same + (SELECT count(*) FROM unnest(found) f WHERE f = ANY (truth));
	END LOOP;
	RETURN same;
END $$;

-- trained from SQL, then built upon
CREATE TABLE codebook AS SELECT * FROM sphx_train_codebook('SELECT e FROM t ORDER BY id', 90);
CREATE TABLE codebook_report AS SELECT * FROM sphx_train_report('SELECT e FROM t ORDER BY id', 90);
CREATE INDEX t_e ON t USING sphx (e) WITH (centroids = 'codebook');
SELECT reloptions FROM pg_class WHERE relname = 't_e';
SELECT cells, layers, vectors, abs(s.separation / r.separation - 1) < 1e-4 AS separation,
	abs(s.nearest_mean / r.nearest_mean - 1) < 1e-4 AS mean, abs(s.nearest_p5 / r.nearest_p5 - 1) < 1e-4 AS p5,
	abs(s.quantization_error / r.quantization_error - 1) < 1e-3 AS error, abs(s.imbalance / r.imbalance - 1) < 1e-3 AS imbalance,
	kmeans_separation, kmeans_nearest_mean, kmeans_nearest_p5, kmeans_quantization_error, kmeans_imbalance, gap_weight
FROM sphx_index_stats('t_e') s, codebook_report r;
SELECT exact('<->') >= 390 AS recall;

-- rebuilt, concurrently, too; with the table as it is by then
DELETE FROM codebook WHERE id > 10;
REINDEX INDEX t_e;
SELECT cells, vectors FROM sphx_index_stats('t_e');
DELETE FROM codebook WHERE id > 5;
REINDEX INDEX CONCURRENTLY t_e;
SELECT cells, vectors FROM sphx_index_stats('t_e');
SELECT exact('<->') >= 390 AS recall;
CREATE INDEX CONCURRENTLY t_e2 ON t USING sphx (e) WITH (centroids = 'public.codebook');
SELECT cells, vectors FROM sphx_index_stats('t_e2');
DROP INDEX t_e2;
VACUUM FULL t;
SELECT cells, vectors FROM sphx_index_stats('t_e');

-- the table of centroids is gone
DROP TABLE codebook;
REINDEX INDEX t_e;
\set VERBOSITY terse
SELECT exact('<->') >= 390 AS recall;
ALTER INDEX t_e RESET (centroids);
REINDEX INDEX t_e;
SELECT cells > 1 AS cells, kmeans_separation > 0 AS kmeans, gap_weight FROM sphx_index_stats('t_e');
DROP INDEX t_e;

-- cosine: directions count; equal ones are merged
CREATE SCHEMA "Elsewhere";
CREATE TABLE "Elsewhere"."Code Book" (e1 vector, centroid vector, note text);
INSERT INTO "Elsewhere"."Code Book"(centroid) SELECT (SELECT array_agg(x * 100) FROM unnest(e::real[]) x)::vector FROM t WHERE id <= 20;
CREATE INDEX t_e ON t USING sphx (e vector_cosine_ops) WITH (centroids = '"Elsewhere"."Code Book"', lists = 20);
SELECT cells, metric, separation < 2 AS unit, quantization_error < 0.1 AS error FROM sphx_index_stats('t_e');
SELECT exact('<=>') >= 390 AS recall;
INSERT INTO "Elsewhere"."Code Book"(centroid) VALUES ('[1,0,0,0,0,0,0,0]'), ('[4,0,0,0,0,0,0,0]'), ('[0.5,0,0,0,0,0,0,0]');
CREATE INDEX t_c ON t USING sphx (e vector_cosine_ops) WITH (centroids = '"Elsewhere"."Code Book"');
SELECT cells FROM sphx_index_stats('t_c');
DROP INDEX t_e, t_c;

-- inner product; a view
CREATE VIEW book AS SELECT centroid AS c FROM "Elsewhere"."Code Book";
CREATE INDEX t_e ON t USING sphx (e vector_ip_ops) WITH (centroids = book);
SELECT cells, metric FROM sphx_index_stats('t_e');
SELECT exact('<#>') >= 390 AS recall;
DROP INDEX t_e;

-- on nothing: rows that come later find their cells
CREATE TABLE later (e vector(8));
CREATE INDEX later_e ON later USING sphx (e) WITH (centroids = 'book');
SELECT dimensions, cells, vectors, quantization_error, imbalance, separation > 0 AS separation FROM sphx_index_stats('later_e');
INSERT INTO later SELECT e FROM t;
SELECT vectors, node_pages >= 20 AS pages FROM sphx_index_stats('later_e');
SET enable_seqscan = off;
SELECT count(*) FROM (SELECT e FROM later ORDER BY e <-> '[1,1,1,1,1,1,1,1]') s;
RESET enable_seqscan;
INSERT INTO later VALUES ('[1,2]');
TRUNCATE later;
SELECT cells, vectors FROM sphx_index_stats('later_e');
CREATE UNLOGGED TABLE unlogged (e vector(8));
CREATE INDEX unlogged_e ON unlogged USING sphx (e) WITH (centroids = 'book');
SELECT cells FROM sphx_index_stats('unlogged_e');

-- one centroid
CREATE TABLE one AS SELECT '[1,1,1,1,1,1,1,1]'::vector AS x;
CREATE INDEX t_e ON t USING sphx (e) WITH (centroids = 'one', lists = 1);
SELECT cells, vectors, separation, imbalance FROM sphx_index_stats('t_e');
SELECT exact('<->') >= 390 AS recall;
DROP INDEX t_e;

-- bad input
\set VERBOSITY default
CREATE INDEX ON t USING sphx (e) WITH (centroids = '');
CREATE INDEX ON t USING sphx (e) WITH (centroids = 'a.b.c.d');
CREATE INDEX ON t USING sphx (e) WITH (centroids = 'no quotes"');
CREATE INDEX ON t USING sphx (e) WITH (centroids = 'nowhere');
CREATE INDEX ON t USING sphx (e) WITH (centroids = 'no_schema.nowhere');
CREATE INDEX ON t USING sphx (e) WITH (centroids = 't');
CREATE INDEX ON t USING sphx (e) WITH (centroids = 'one', lists = 2);
CREATE MATERIALIZED VIEW materialized AS SELECT * FROM one;
CREATE INDEX ON t USING sphx (e) WITH (centroids = 'materialized');
CREATE INDEX ON t USING sphx (e) WITH (centroids = 'later_e');
CREATE TABLE bad (i int);
CREATE INDEX ON t USING sphx (e) WITH (centroids = 'bad');
ALTER TABLE bad ADD a vector, ADD b vector;
CREATE INDEX ON t USING sphx (e) WITH (centroids = 'bad');
ALTER TABLE bad DROP b;
CREATE INDEX ON t USING sphx (e) WITH (centroids = 'bad');
INSERT INTO bad VALUES (1, '[1,1,1,1,1,1,1,1]'), (2, NULL);
CREATE INDEX ON t USING sphx (e) WITH (centroids = 'bad');
UPDATE bad SET a = '[1,2,3]' WHERE i = 2;
CREATE INDEX ON t USING sphx (e) WITH (centroids = 'bad');
UPDATE bad SET a = '[0,0,0,0,0,0,0,0]' WHERE i = 2;
CREATE INDEX ON t USING sphx (e vector_cosine_ops) WITH (centroids = 'bad');
CREATE INDEX t_e ON t USING sphx (e) WITH (centroids = 'bad');
DROP INDEX t_e;
CREATE VIEW failing AS SELECT format('[%s]', 1 / (i - 1))::vector AS centroid FROM bad;
CREATE INDEX ON t USING sphx (e) WITH (centroids = 'failing');
CREATE VIEW many AS SELECT ARRAY[i,1,1,1,1,1,1,1]::vector AS centroid FROM generate_series(1, 65537) i;
CREATE INDEX ON t USING sphx (e) WITH (centroids = 'many');
SELECT exact('<->') >= 390 AS recall;

-- the rights are those of the table's owner, and the search path is nobody's
CREATE ROLE regress_sphx_owner;
GRANT CREATE, USAGE ON SCHEMA public TO regress_sphx_owner;
ALTER TABLE t OWNER TO regress_sphx_owner;
CREATE INDEX ON t USING sphx (e) WITH (centroids = 'one');
CREATE INDEX ON t USING sphx (e) WITH (centroids = '"Elsewhere"."Code Book"');
GRANT SELECT ON one TO regress_sphx_owner;
CREATE SCHEMA first;
CREATE TABLE first.one AS SELECT centroid FROM "Elsewhere"."Code Book" LIMIT 7;
SET search_path = first, public;
CREATE INDEX t_e ON t USING sphx (e) WITH (centroids = 'one');
SELECT cells FROM sphx_index_stats('t_e');
RESET search_path;
SET search_path = '';
REINDEX INDEX public.t_e;
RESET search_path;
SELECT cells FROM sphx_index_stats('t_e');
SET ROLE regress_sphx_owner;
REINDEX TABLE t;
SELECT cells FROM sphx_index_stats('t_e');
RESET ROLE;

-- partitions build each their own
CREATE TABLE parts (id int, e vector(8)) PARTITION BY HASH (id);
CREATE TABLE part0 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE part1 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO parts SELECT * FROM t;
CREATE INDEX parts_e ON parts USING sphx (e) WITH (centroids = 'book');
SELECT cells FROM unnest('{part0_e_idx,part1_e_idx}'::regclass[]) i, sphx_index_stats(i);

SET client_min_messages = warning;
DROP TABLE parts, t, later, unlogged, one, bad, codebook_report CASCADE;
DROP SCHEMA "Elsewhere", first CASCADE;
DROP VIEW many;
REVOKE ALL ON SCHEMA public FROM regress_sphx_owner;
DROP ROLE regress_sphx_owner;
DROP FUNCTION exact(text);
DROP FUNCTION noise(int, int);
