-- scans: completeness, filters, cursors, rescans, the planner's choice
CREATE FUNCTION spread(i int, d int) RETURNS vector LANGUAGE sql IMMUTABLE AS
	'SELECT array_agg((''x'' || substr(md5(i || '' '' || j), 1, 6))::bit(24)::int / 16777216.0 - 0.5)::real[]::vector
	 FROM generate_series(1, d) j';

-- Does the plan use an index?  (Plans of disabled scans are printed differently
-- from version 18 on.)
CREATE FUNCTION index_used(query text) RETURNS bool LANGUAGE plpgsql AS $$
DECLARE
	line text;
	used bool := false;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS off) ' || query LOOP
		used := used OR line LIKE '%Index Scan using%';
	END LOOP;
	RETURN used;
END $$;

CREATE TABLE t (id int, e vector(8));
INSERT INTO t SELECT i, spread(i, 8) FROM generate_series(1, 5000) i;
CREATE INDEX t_e ON t USING sphx (e);
ANALYZE t;

-- the planner chooses it without being told, for small limits on large tables
EXPLAIN (COSTS off) SELECT id FROM t ORDER BY e <-> '[1,2,3,4,5,6,7,8]' LIMIT 10;
EXPLAIN (COSTS off) SELECT id FROM t ORDER BY e <-> '[1,2,3,4,5,6,7,8]';
EXPLAIN (COSTS off) SELECT id FROM t ORDER BY e <-> '[1,2,3,4,5,6,7,8]' LIMIT 4000;
EXPLAIN (COSTS off) SELECT count(*) FROM t;
CREATE TABLE small (id int, e vector(8));
INSERT INTO small SELECT i, spread(i, 8) FROM generate_series(1, 50) i;
CREATE INDEX ON small USING sphx (e);
ANALYZE small;
EXPLAIN (COSTS off) SELECT id FROM small ORDER BY e <-> '[1,2,3,4,5,6,7,8]' LIMIT 10;
DROP TABLE small;

-- without an order there is nothing to scan for
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SELECT index_used('SELECT id FROM t WHERE id = 3');
SELECT index_used('SELECT id FROM t ORDER BY e <-> spread(1, 8) DESC LIMIT 3');
SELECT index_used('SELECT id FROM t ORDER BY e <-> spread(1, 8) LIMIT 3');

-- every row that is asked for comes, once
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM t ORDER BY e <-> spread(1, 8)) x;
SELECT count(*), count(DISTINCT id)
FROM (SELECT id FROM t WHERE id % 100 = 7 ORDER BY e <-> spread(1, 8) LIMIT 50) x;
SELECT count(*), count(DISTINCT id)
FROM (SELECT id FROM t WHERE id % 100 = 7 ORDER BY e <-> spread(1, 8) LIMIT 51) x;
SELECT count(*) FROM (SELECT id FROM t WHERE id < 0 ORDER BY e <-> spread(1, 8) LIMIT 1) x;
SELECT count(*) FROM (SELECT id FROM t ORDER BY e <-> spread(1, 8) LIMIT 1000 OFFSET 4500) x;
SET sphx.ef_search = 1;
SELECT count(*) FROM (SELECT id FROM t ORDER BY e <-> spread(1, 8) LIMIT 500) x;
RESET sphx.ef_search;

-- bounded
SET sphx.max_scan_tuples = 200;
SELECT count(*) FROM (SELECT id FROM t ORDER BY e <-> spread(1, 8)) x;
SELECT count(*) < 50 AS bounded
FROM (SELECT id FROM t WHERE id % 100 = 7 ORDER BY e <-> spread(1, 8) LIMIT 50) x;
RESET sphx.max_scan_tuples;

-- the first rows are in exact order
SELECT bool_and(d >= before) AS ordered
FROM (SELECT d, lag(d, 1, 0.0) OVER () AS before
	  FROM (SELECT e <-> spread(9000, 8) AS d FROM t ORDER BY e <-> spread(9000, 8) LIMIT 30) x) y;

-- so are all that a limit asks for, wherever it is, however narrow the search
CREATE FUNCTION in_order(query text, rows int) RETURNS bool LANGUAGE plpgsql AS $$
DECLARE
	d float8;
	before float8 := '-inf';
	count int := 0;
	sorted bool := true;
BEGIN
	FOR d IN EXECUTE query USING rows, spread(9000, 8) LOOP
		sorted := sorted AND d >= before;
		before := d;
		count := count + 1;
	END LOOP;
	RETURN sorted AND count = rows;
END $$;
CREATE FUNCTION of_variable(rows int, q vector) RETURNS SETOF float8 LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY SELECT e <-> q FROM t ORDER BY e <-> q LIMIT rows;
END $$;
CREATE TABLE parts (id int, e vector(8)) PARTITION BY RANGE (id);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (3000);
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (3000) TO (9000);
INSERT INTO parts SELECT * FROM t;
CREATE INDEX ON parts USING sphx (e);
SET sphx.ef_search = 1;
SET plan_cache_mode = force_generic_plan;
SELECT in_order('SELECT e <-> $2 FROM t ORDER BY e <-> $2 LIMIT 24', 24) AS constant,
	in_order('SELECT e <-> $2 FROM t ORDER BY e <-> $2 LIMIT $1', 20) AS parameter,
	in_order('SELECT e <-> $2 FROM t ORDER BY e <-> $2 LIMIT $1 OFFSET 10', 14) AS "offset",
	in_order('SELECT of_variable($1, $2)', 22) AS variable,
	in_order('SELECT d FROM (SELECT $1 AS n) x, LATERAL (SELECT e <-> $2 AS d FROM t ORDER BY e <-> $2 LIMIT n) y', 21) AS "lateral",
	in_order('SELECT e <-> $2 FROM t ORDER BY e <-> $2 LIMIT $1 FOR SHARE', 23) AS locked,
	in_order('SELECT e <-> $2 FROM parts ORDER BY e <-> $2 LIMIT $1', 24) AS parts;
RESET plan_cache_mode;
RESET sphx.ef_search;
DROP TABLE parts;
DROP FUNCTION in_order, of_variable;

-- a NULL query: rows in any order
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM t ORDER BY e <-> NULL::vector) x;
SELECT count(*) FROM (SELECT id FROM t ORDER BY e <-> NULL::vector LIMIT 7) x;

-- wrong dimensions
SELECT id FROM t ORDER BY e <-> '[1,2,3]' LIMIT 1;

-- rescans
SELECT q.id, n.id
FROM (SELECT * FROM t WHERE id IN (10, 200, 3000) ORDER BY id OFFSET 0) q,
	 LATERAL (SELECT id FROM t ORDER BY t.e <-> q.e LIMIT 1) n
ORDER BY q.id;
SELECT count(*)
FROM generate_series(1, 20) q, LATERAL (SELECT id FROM t ORDER BY t.e <-> spread(q, 8) LIMIT 200) n;

-- cursors: what changes meanwhile is not seen
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM t ORDER BY e <-> spread(123, 8);
FETCH 1 FROM c;
MOVE 998 FROM c;
INSERT INTO t SELECT i, spread(i, 8) FROM generate_series(5001, 5100) i;
DELETE FROM t WHERE id > 4900;
MOVE 3900 FROM c;
FETCH 1 FROM c \gset c_
SELECT :c_id BETWEEN 1 AND 5000 AS last;
MOVE FORWARD ALL FROM c \g /dev/null
FETCH 1 FROM c;
DECLARE d SCROLL CURSOR FOR SELECT id FROM t ORDER BY e <-> spread(123, 8) LIMIT 3;
FETCH 1 FROM d;
MOVE 1 FROM d;
FETCH BACKWARD 1 FROM d;
ROLLBACK;

-- two scans of one index in one query
SELECT a.id, b.id
FROM (SELECT id FROM t ORDER BY e <-> spread(5, 8) LIMIT 1) a,
	 (SELECT id FROM t ORDER BY e <-> spread(6, 8) LIMIT 1) b;

-- several distances: the second orders what is as far by the first
CREATE TABLE grid (id int, e vector(2));
INSERT INTO grid SELECT i, ARRAY[i % 10, i / 10]::vector FROM generate_series(0, 99) i;
CREATE INDEX ON grid USING sphx (e);
EXPLAIN (COSTS off) SELECT id FROM grid ORDER BY e <-> '[4,4]', e <-> '[0,3]', e <-> '[3,0]' LIMIT 12;
SELECT id FROM grid ORDER BY e <-> '[4,4]', e <-> '[0,3]', e <-> '[3,0]' LIMIT 12;
SELECT id FROM grid ORDER BY e <-> NULL, e <-> '[0,3]', e <-> '[5,5]' LIMIT 5;
DROP TABLE grid;

-- prepared, with a generic plan
SET plan_cache_mode = force_generic_plan;
PREPARE nearest AS SELECT id FROM t ORDER BY e <-> $1 LIMIT 1;
EXECUTE nearest(spread(11, 8));
EXECUTE nearest(spread(12, 8));
EXECUTE nearest(NULL) \gset none_
DEALLOCATE nearest;
DROP TABLE t;
DROP FUNCTION spread(int, int), index_used(text);
