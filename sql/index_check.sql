-- sphx_check: the structure of an index, and the rows of its table
CREATE FUNCTION spread(i int, d int) RETURNS vector LANGUAGE sql IMMUTABLE AS
	'SELECT array_agg((''x'' || substr(md5(i || '' '' || j), 1, 6))::bit(24)::int / 16777216.0 - 0.5)::real[]::vector
	 FROM generate_series(1, d) j';

CREATE TABLE t (id int, kind int, e vector(12));
CREATE INDEX t_empty ON t USING sphx (e);
SELECT nodes, edges, tids, rows FROM sphx_check('t_empty', true);
INSERT INTO t SELECT i, i % 3, spread(i, 12) FROM generate_series(1, 1200) i;
INSERT INTO t VALUES (0, 1, NULL), (-1, 1, array_fill(0, '{12}')::vector);

-- every metric, storage and code; a partial one and one on an expression
CREATE INDEX t_l2 ON t USING sphx (e) WITH (lists = 20, m = 8, code_bits = 2, storage = int16);
CREATE INDEX t_cosine ON t USING sphx (e vector_cosine_ops) WITH (lists = 90, code_bits = 1, storage = int8);
CREATE INDEX t_ip ON t USING sphx (e vector_ip_ops) WITH (lists = 20, code_bits = 0.5, gap_weight = 0);
CREATE INDEX t_partial ON t USING sphx (e) WITH (lists = 4) WHERE kind = 1;
CREATE INDEX t_expression ON t USING sphx ((subvector(e, 2, 5)::vector(5))) WITH (lists = 4);
CREATE FUNCTION check_all(OUT index name, OUT nodes bigint, OUT overflow bool, OUT dead_nodes bigint, OUT full_degree bool,
	OUT reached bool, OUT tids bigint, OUT rows bigint) RETURNS SETOF record LANGUAGE sql AS
	'SELECT relname, nodes, overflow_records > 0, dead_nodes, edges > 4 * nodes, unreachable_nodes <= nodes / 100, tids, rows
	 FROM pg_class, sphx_check(oid, true) WHERE relname ~ ''^t_'' AND relkind = ''i'' ORDER BY relname';
SELECT * FROM check_all();

-- more rows, duplicates past the room of their node, and updates
INSERT INTO t SELECT 3000 + i, i % 3, spread(i % 400 + 1500, 12) FROM generate_series(1, 600) i;
INSERT INTO t SELECT 4000 + i, 1, spread(1, 12) FROM generate_series(1, 300) i;
UPDATE t SET e = spread(id + 9000, 12) WHERE id BETWEEN 100 AND 199;
SELECT * FROM check_all();

-- without the rows, that column is NULL; with NULL, everything is
SELECT nodes, rows FROM sphx_check('t_l2');
SELECT nodes, rows FROM sphx_check('t_l2', NULL);

-- dead rows, the same vacuumed, and their slots used again
DELETE FROM t WHERE id % 2 = 0;
SELECT index, rows FROM check_all();
VACUUM t;
SELECT * FROM check_all();
INSERT INTO t SELECT 5000 + i, i % 3, spread(i + 20000, 12) FROM generate_series(1, 500) i;
SELECT * FROM check_all();

-- in a transaction that has changed the table, and one that sees an old state
BEGIN;
INSERT INTO t SELECT 6000 + i, 1, spread(i + 30000, 12) FROM generate_series(1, 10) i;
SELECT index, rows FROM check_all();
ROLLBACK;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT count(*) FROM t;
CREATE INDEX t_later ON t USING sphx (e);
SELECT index, rows FROM check_all();
COMMIT;

-- all gone
DELETE FROM t;
VACUUM t;
SELECT * FROM check_all();

-- rebuilt, unlogged and temporary ones, and one in several shards
INSERT INTO t SELECT i, i % 3, spread(i, 12) FROM generate_series(1, 400) i;
SELECT * FROM check_all();
REINDEX TABLE t;
SELECT * FROM check_all();
CREATE UNLOGGED TABLE u AS SELECT i AS id, 1 AS kind, spread(i, 12) AS e FROM generate_series(1, 3000) i;
CREATE TEMP TABLE tt AS SELECT * FROM u;
ALTER TABLE tt ALTER e TYPE vector(12);
ALTER TABLE u ALTER e TYPE vector(12);
CREATE INDEX u_e ON u USING sphx (e);
SET maintenance_work_mem = '1MB';
CREATE INDEX tt_e ON tt USING sphx (e);
SELECT nodes, tids, rows FROM sphx_check('u_e', true);
SELECT nodes, tids, rows FROM sphx_check('tt_e', true);
RESET maintenance_work_mem;

-- an index that lacks rows of its table
UPDATE pg_index SET indisready = false, indisvalid = false WHERE indexrelid = 'u_e'::regclass;
SELECT rows FROM sphx_check('u_e', true);
INSERT INTO u SELECT 10000, 1, spread(10000, 12);
UPDATE pg_index SET indisready = true, indisvalid = true WHERE indexrelid = 'u_e'::regclass;
SELECT tids FROM sphx_check('u_e');
DO $$
BEGIN
	PERFORM sphx_check('u_e', true);
EXCEPTION WHEN index_corrupted THEN
	RAISE NOTICE '%', regexp_replace(SQLERRM, '\d+,\d+', 'TID');
END $$;
REINDEX INDEX u_e;
SELECT tids, rows FROM sphx_check('u_e', true);

-- what cannot be checked
CREATE INDEX t_id ON t (id);
SELECT nodes FROM sphx_check('t_id');
DROP INDEX t_id;
SELECT nodes FROM sphx_check('t');
SELECT nodes FROM sphx_check(0);
CREATE TABLE parts (id int, e vector(3)) PARTITION BY RANGE (id);
CREATE TABLE part PARTITION OF parts DEFAULT;
CREATE INDEX parts_e ON parts USING sphx (e);
SELECT nodes FROM sphx_check('parts_e');
SELECT nodes FROM sphx_check('part_e_idx');

-- only the table's owner may
CREATE ROLE regress_sphx_check;
GRANT ALL ON t TO regress_sphx_check;
SET ROLE regress_sphx_check;
SELECT nodes FROM sphx_check('t_l2');
RESET ROLE;
ALTER TABLE u OWNER TO regress_sphx_check;
SET ROLE regress_sphx_check;
SELECT nodes FROM sphx_check('u_e');
RESET ROLE;

-- functions of the index run as the owner, whoever checks
CREATE FUNCTION whose(e vector) RETURNS vector LANGUAGE plpgsql IMMUTABLE AS
	'BEGIN IF current_user <> ''regress_sphx_check'' THEN RAISE ''called by %'', current_user; END IF; RETURN e; END';
CREATE TABLE w (e vector(3));
INSERT INTO w VALUES ('[1,2,3]');
ALTER TABLE w OWNER TO regress_sphx_check;
CREATE INDEX w_e ON w USING sphx ((whose(e)::vector(3)));
SELECT rows FROM sphx_check('w_e', true);
SELECT current_user = session_user AS back;

DROP TABLE t, u, tt, parts, w;
DROP ROLE regress_sphx_check;
DROP FUNCTION check_all(), spread(int, int), whose(vector);
