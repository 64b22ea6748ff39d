-- sphx_recall, sphx_calibration, sphx_calibrate, sphx.target_recall
CREATE FUNCTION spread(i int, d int) RETURNS vector LANGUAGE sql IMMUTABLE AS
	'SELECT array_agg((''x'' || substr(md5(i || '' '' || j), 1, 6))::bit(24)::int / 16777216.0 - 0.5)::real[]::vector
	 FROM generate_series(1, d) j';

CREATE TABLE t (id int, e vector(16));
INSERT INTO t SELECT i, spread(i, 16) FROM generate_series(1, 4000) i;
CREATE INDEX t_e ON t USING sphx (e);

-- the build keeps a calibration
SELECT array_agg(DISTINCT k ORDER BY k) AS ks, min(ef_search), min(recall) > 0.5 AS some, max(recall) > 0.99 AS most,
	bool_and(recall >= before) AS ascending
FROM (SELECT *, coalesce(lag(recall) OVER (PARTITION BY k ORDER BY ef_search), 0) AS before
	FROM sphx_calibration('t_e')) c;
SELECT calibrated_vectors, calibration_stale FROM sphx_index_stats('t_e');

-- rows as queries, a query's, an array's
SELECT recall > 0.95 AS recall, lower < recall AS lower, upper >= recall AS upper, queries_run, at_k, ef_search,
	nodes_read BETWEEN 10 AND 4000 AS nodes_read
FROM sphx_recall('t_e');
SELECT recall > 0.95 AS recall, queries_run, at_k FROM sphx_recall('t_e', 5, 50);
SELECT recall > 0.95 AS recall, lower < recall AS lower, queries_run, at_k
FROM sphx_recall('t_e', 100, 'SELECT spread(i, 16) FROM generate_series(5001, 5050) i');
SELECT recall > 0.9 AS recall, queries_run
FROM sphx_recall('t_e', 1, (SELECT array_agg(spread(i, 16)) FROM generate_series(5001, 5040) i));

-- the same from exact answers by hand
SET sphx.ef_search = 5;
CREATE TABLE q AS SELECT i, spread(i, 16) AS v FROM generate_series(5001, 5100) i;
SET enable_indexscan = off;
CREATE TABLE exact AS SELECT i, (SELECT array_agg(id) FROM (SELECT id FROM t ORDER BY e <-> v LIMIT 10) n) AS ids FROM q;
SET enable_indexscan = on;
SET enable_seqscan = off;
CREATE TABLE found AS SELECT i, (SELECT array_agg(id) FROM (SELECT id FROM t ORDER BY e <-> v LIMIT 10) n) AS ids FROM q;
SELECT r.recall < 1 AS approximate, abs(r.recall - s.recall) < 1e-9 AS same
FROM sphx_recall('t_e', 10, 'SELECT v FROM q') r,
	(SELECT avg((SELECT count(*) FROM unnest(f.ids) x WHERE x = ANY (e.ids)) / 10.0) AS recall
	 FROM exact e JOIN found f USING (i)) s;
RESET enable_seqscan;
RESET sphx.ef_search;

-- a target chooses the width, by the limit
SET sphx.target_recall = 0.9;
SELECT recall BETWEEN 0.87 AND 0.96 AS recall, ef_search < 80 AS narrow
FROM sphx_recall('t_e', 10, 'SELECT spread(i, 16) FROM generate_series(5001, 5400) i');
SELECT ef_search >= 50 AS wide FROM sphx_recall('t_e', 100, 'SELECT v FROM q');
SET enable_seqscan = off;
SELECT count(*) FROM (SELECT id FROM t ORDER BY e <-> (SELECT v FROM q LIMIT 1) LIMIT 3) s;
SELECT index, rows_returned FROM sphx_last_scan();
SELECT count(*) FROM (SELECT id FROM t ORDER BY e <-> (SELECT v FROM q LIMIT 1)) s;
RESET enable_seqscan;
SET sphx.target_recall = 0;
SELECT ef_search FROM sphx_recall('t_e', 10, 'SELECT v FROM q');

-- many inserts make the calibration stale
INSERT INTO t SELECT i, spread(i, 16) FROM generate_series(6001, 7000) i;
SELECT calibrated_vectors, calibration_stale FROM sphx_index_stats('t_e');
SELECT count(*) > 10 AS rows FROM sphx_calibrate('t_e');
SELECT calibrated_vectors, calibration_stale FROM sphx_index_stats('t_e');
SELECT sphx_check('t_e', true) IS NOT NULL AS sound;

-- an expression, a part of the table, other metrics; the caller's rights
CREATE INDEX t_part ON t USING sphx ((e::vector(16)) vector_cosine_ops) WHERE id > 1000;
CREATE INDEX t_ip ON t USING sphx (e vector_ip_ops);
SELECT recall > 0.9 AS recall FROM sphx_recall('t_part', 10, 40);
SELECT recall > 0.9 AS recall FROM sphx_recall('t_ip', 10, 40);
CREATE ROLE regress_sphx_reader;
SET ROLE regress_sphx_reader;
SELECT sphx_recall('t_e');
SELECT sphx_calibration('t_e');
SELECT sphx_calibrate('t_e');
RESET ROLE;
GRANT SELECT ON t TO regress_sphx_reader;
ALTER TABLE t ENABLE ROW LEVEL SECURITY;
CREATE POLICY few ON t TO regress_sphx_reader USING (id <= 30);
SET ROLE regress_sphx_reader;
SELECT recall = 1 AS exact, queries_run FROM sphx_recall('t_e', 10);
SELECT sphx_calibrate('t_e');
RESET ROLE;
ALTER TABLE t DISABLE ROW LEVEL SECURITY;

-- bad input
\set VERBOSITY default
SELECT sphx_recall('t_e', 0);
SELECT sphx_recall('t_e', 10, 0);
SELECT sphx_recall('t_e', 6000, 3);
SELECT sphx_recall('t_e', 10, 'SELECT ''[1,2]''::vector');
SELECT sphx_recall('t_e', 10, '{"[1,2,3]"}'::vector[]);
SELECT sphx_recall('t_e', 10, 'SELECT NULL::vector');
SELECT sphx_recall('t_e', 10, 'SELECT v FROM q LIMIT 0');
SELECT sphx_recall('t');
CREATE INDEX t_id ON t (id);
SELECT sphx_recall('t_id');
SELECT sphx_calibrate('t_id');
SELECT sphx_calibration('t_id');
CREATE TABLE nothing (e vector(16));
CREATE INDEX nothing_e ON nothing USING sphx (e);
SELECT sphx_recall('nothing_e');
SELECT sphx_recall('nothing_e', 10, ARRAY[spread(1, 16)]);
SELECT sphx_calibrate('nothing_e');
SELECT sphx_calibration('nothing_e');
SET sphx.target_recall = 1.5;
SET sphx.target_recall = 'much';
BEGIN READ ONLY;
SELECT sphx_calibrate('t_e');
ROLLBACK;

-- another index has the same order
CREATE INDEX t_e2 ON t USING sphx (e) WITH (m = 8);
SELECT count(*) FROM (SELECT sphx_recall('t_e', 10, 5)) s;

-- filled after the build: a target needs a calibration
INSERT INTO nothing SELECT e FROM t;
SET sphx.target_recall = 0.9;
SET enable_seqscan = off;
SELECT count(*) FROM (SELECT e FROM nothing ORDER BY e <-> spread(1, 16) LIMIT 5) s;
SELECT count(*) > 10 AS rows FROM sphx_calibrate('nothing_e');
SELECT count(*) FROM (SELECT e FROM nothing ORDER BY e <-> spread(1, 16) LIMIT 5) s;
RESET enable_seqscan;
RESET sphx.target_recall;

DROP TABLE t, q, exact, found, nothing;
DROP FUNCTION spread;
DROP ROLE regress_sphx_reader;
