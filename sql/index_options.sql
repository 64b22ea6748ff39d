-- WITH (...), layouts and operator classes
CREATE TABLE t (id int, e vector(4));
CREATE INDEX ON t USING sphx (e) WITH (m = 3);
CREATE INDEX ON t USING sphx (e) WITH (m = 5);
CREATE INDEX ON t USING sphx (e) WITH (m = 98);
CREATE INDEX ON t USING sphx (e) WITH (ef_construction = 3);
CREATE INDEX ON t USING sphx (e) WITH (ef_construction = 1001);
CREATE INDEX ON t USING sphx (e) WITH (lists = -1);
CREATE INDEX ON t USING sphx (e) WITH (lists = 65537);
CREATE INDEX ON t USING sphx (e) WITH (gap_weight = 101);
CREATE INDEX ON t USING sphx (e) WITH (code_bits = 0.1);
CREATE INDEX ON t USING sphx (e) WITH (code_bits = 5);
CREATE INDEX ON t USING sphx (e) WITH (storage = int3);
CREATE INDEX ON t USING sphx (e) WITH (rotation = none);
CREATE INDEX ON t USING sphx (e) WITH (fillfactor = 90);
CREATE INDEX t_e ON t USING sphx (e)
	WITH (m = 16, ef_construction = 40, lists = 0, gap_weight = 0, code_bits = 1, storage = int16);
SELECT reloptions FROM pg_class WHERE relname = 't_e';
ALTER INDEX t_e SET (m = 7);
ALTER INDEX t_e SET (m = 8);
REINDEX INDEX t_e;
CREATE INDEX ON t USING sphx (e, e);
CREATE UNIQUE INDEX ON t USING sphx (e);
CREATE INDEX ON t USING sphx (id);
DROP TABLE t;

-- settings
SET sphx.ef_search = 0;
SET sphx.ef_search = 10001;
SET sphx.max_scan_tuples = -1;
SHOW sphx.ef_search;
SHOW sphx.max_scan_tuples;

-- no dimensions to be had
CREATE TABLE t (id int, e vector);
CREATE INDEX ON t USING sphx (e);
CREATE INDEX ON t USING sphx (l2_normalize(e));
INSERT INTO t VALUES (1, NULL), (2, '[1,2]'), (3, '[1,2,3]');
CREATE INDEX ON t USING sphx (e);
CREATE INDEX ON t USING sphx ((e::vector(2)));
DELETE FROM t WHERE id = 3;
CREATE INDEX ON t USING sphx ((e::vector(2)));
DROP TABLE t;

-- large vectors
CREATE FUNCTION axis(i int, d int) RETURNS vector LANGUAGE sql IMMUTABLE AS
	'SELECT (array_fill(0, ARRAY[i - 1]) || 1 || array_fill(0, ARRAY[d - i]))::vector';
SET enable_seqscan = off;
CREATE TABLE t (id int, e vector(1536));
CREATE INDEX ON t USING sphx (e);
INSERT INTO t SELECT i, axis(i, 1536) FROM generate_series(1, 20) i;
SELECT id FROM t ORDER BY e <-> axis(7, 1536) LIMIT 1;
DROP TABLE t;
CREATE TABLE t (id int, e vector(3072));
INSERT INTO t SELECT i, axis(i, 3072) FROM generate_series(1, 20) i;
CREATE INDEX ON t USING sphx (e vector_cosine_ops);
SELECT id FROM t ORDER BY e <=> axis(7, 3072) LIMIT 1;
CREATE INDEX ON t USING sphx (e) WITH (storage = int16, m = 32, code_bits = 4);
CREATE INDEX ON t USING sphx (e) WITH (storage = int16, code_bits = 4);
CREATE INDEX ON t USING sphx (e) WITH (m = 96, code_bits = 2);
DROP TABLE t;
CREATE TABLE t (id int, e vector(16000));
INSERT INTO t SELECT i, axis(i, 16000) FROM generate_series(1, 5) i;
CREATE INDEX ON t USING sphx (e) WITH (storage = int8);
CREATE INDEX ON t USING sphx (e) WITH (storage = int2, m = 16);
SELECT id FROM t ORDER BY e <-> axis(3, 16000) LIMIT 1;
CREATE INDEX t_e ON t USING sphx (e);
INSERT INTO t SELECT i, axis(i, 16000) FROM generate_series(6, 8) i;
SELECT id FROM t ORDER BY e <-> axis(7, 16000) LIMIT 1;
SELECT nodes FROM sphx_check('t_e', true);
DROP TABLE t;
DROP FUNCTION axis(int, int);

-- operator classes
SELECT opcname, amvalidate(oid) FROM pg_opclass
WHERE opcmethod = (SELECT oid FROM pg_am WHERE amname = 'sphx') ORDER BY opcname;
CREATE OPERATOR CLASS incomplete_ops FOR TYPE vector USING sphx AS
	OPERATOR 1 <-> (vector, vector) FOR ORDER BY float_ops;
SELECT amvalidate(oid) FROM pg_opclass WHERE opcname = 'incomplete_ops';
CREATE TABLE t (id int, e vector(2));
CREATE INDEX ON t USING sphx (e incomplete_ops);
CREATE OPERATOR CLASS wrong_ops FOR TYPE vector USING sphx AS
	OPERATOR 1 <-> (vector, vector) FOR ORDER BY float_ops,
	FUNCTION 1 vector_norm(vector),
	FUNCTION 2 sphx_metric_l2();
SELECT amvalidate(oid) FROM pg_opclass WHERE opcname = 'wrong_ops';
DROP OPERATOR FAMILY wrong_ops USING sphx;

-- a class of the user's own
CREATE OPERATOR CLASS own_ops FOR TYPE vector USING sphx AS
	OPERATOR 1 <=> (vector, vector) FOR ORDER BY float_ops,
	FUNCTION 1 cosine_distance(vector, vector),
	FUNCTION 2 sphx_metric_cosine();
INSERT INTO t VALUES (1, '[1,0]'), (2, '[0,5]'), (3, '[3,3]');
CREATE INDEX ON t USING sphx (e own_ops);
EXPLAIN (COSTS off) SELECT id FROM t ORDER BY e <=> '[1,1]';
SELECT id FROM t ORDER BY e <=> '[1,1]', id LIMIT 1;
DROP TABLE t;
DROP OPERATOR FAMILY own_ops USING sphx;
DROP OPERATOR FAMILY incomplete_ops USING sphx;
