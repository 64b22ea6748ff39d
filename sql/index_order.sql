-- what a query makes of the rows of an index: every node above a scan may rely on their order
CREATE TABLE points (id serial PRIMARY KEY, cat int, e vector(6) NOT NULL);
CREATE FUNCTION draw(i int, j int) RETURNS int LANGUAGE sql IMMUTABLE AS
	'SELECT (''x'' || substr(md5(i || '' '' || j), 1, 7))::bit(28)::int';
INSERT INTO points (cat, e)
	SELECT draw(i, 0) % 100, (SELECT array_agg(draw(i, j) % 10 ORDER BY j) FROM generate_series(1, 6) j)::real[]::vector
	FROM generate_series(1, 20000) i;
CREATE INDEX ON points USING sphx (e) WITH (m = 32, code_bits = 4);
CREATE TABLE distances AS SELECT DISTINCT sqrt(i)::float8 AS x FROM generate_series(0, 200) i;
ANALYZE points, distances;

-- rows of a query with the index and without it: do they agree?
CREATE FUNCTION same_rows(query text, OUT rows bigint, OUT same bool) LANGUAGE plpgsql AS $$
BEGIN
	query := replace(query, 'QUERY', '''[4,4,4,4,4,4]''');
	SET LOCAL enable_seqscan = off;
	EXECUTE 'CREATE TEMP TABLE with_index AS ' || query;
	SET LOCAL enable_seqscan = on;
	SET LOCAL enable_indexscan = off;
	EXECUTE 'CREATE TEMP TABLE without AS ' || query;
	SET LOCAL enable_indexscan = on;
	SELECT count(*) INTO rows FROM with_index;
	SELECT NOT EXISTS (TABLE with_index EXCEPT ALL TABLE without)
		AND NOT EXISTS (TABLE without EXCEPT ALL TABLE with_index) INTO same;
	DROP TABLE with_index, without;
END $$;

SET sphx.ef_search = 400;
SELECT name, s.* FROM (VALUES
	('window by partition', 'SELECT id, count(*) OVER (PARTITION BY e <-> QUERY) FROM points'),
	('rank', 'SELECT id, rank() OVER (ORDER BY e <-> QUERY) FROM points WHERE cat < 10'),
	('lag', 'SELECT d, lag(d) OVER (ORDER BY d) FROM (SELECT e <-> QUERY AS d FROM points WHERE cat < 10) s'),
	('distances of a limit', 'SELECT e <-> QUERY AS d FROM points WHERE cat < 10 ORDER BY 1 LIMIT 100'),
	('left join on the distance', 'SELECT d.x, p.e <-> QUERY AS y FROM points p LEFT JOIN distances d
		ON d.x = p.e <-> QUERY WHERE cat < 10 ORDER BY p.e <-> QUERY LIMIT 100'),
	('join of two limits', 'SELECT count(*), d FROM (SELECT e <-> QUERY d FROM points WHERE cat < 10 ORDER BY 1 LIMIT 100) a
		JOIN (SELECT e <-> QUERY d FROM points WHERE cat < 20 ORDER BY 1 LIMIT 100) b USING (d) GROUP BY d'),
	('distinct over a limit', 'SELECT DISTINCT d FROM (SELECT e <-> QUERY d FROM points WHERE cat < 10 ORDER BY 1 LIMIT 100) s'),
	('distinct on over a limit', 'SELECT DISTINCT ON (d) d FROM (SELECT e <-> QUERY d FROM points WHERE cat < 10 ORDER BY 1 LIMIT 100) s ORDER BY d'),
	('groups of a limit', 'SELECT d, count(*) FROM (SELECT e <-> QUERY d FROM points WHERE cat < 5 ORDER BY 1 LIMIT 100) s GROUP BY d HAVING d < 5'),
	('groups', 'SELECT e <-> QUERY AS d, count(*) FROM points GROUP BY 1'),
	('distinct', 'SELECT DISTINCT e <-> QUERY FROM points'),
	('minimum', 'SELECT min(e <-> QUERY) FROM points WHERE cat = 7'),
	('union', '(SELECT e <-> QUERY AS d FROM points WHERE cat = 1 ORDER BY 1 LIMIT 50) UNION ALL
		(SELECT e <-> QUERY FROM points WHERE cat = 2 ORDER BY 1 LIMIT 50) ORDER BY 1 LIMIT 30'),
	('intersection', '(SELECT e <-> QUERY AS d FROM points WHERE cat < 3 ORDER BY 1 LIMIT 80) INTERSECT
		(SELECT e <-> QUERY FROM points WHERE cat < 6 ORDER BY 1 LIMIT 80)'),
	('lateral', 'SELECT c, d FROM generate_series(1, 5) c, LATERAL (SELECT e <-> QUERY AS d FROM points WHERE cat = c ORDER BY 1 LIMIT 7) s'),
	('common table expression', 'WITH near AS MATERIALIZED (SELECT e <-> QUERY AS d FROM points WHERE cat % 9 = 3 ORDER BY 1)
		SELECT * FROM near ORDER BY d OFFSET 20 LIMIT 40'),
	('array', 'SELECT ARRAY(SELECT e <-> QUERY FROM points WHERE cat = 11 ORDER BY 1)'),
	('everything', 'SELECT id FROM points ORDER BY e <-> QUERY')) q(name, query), same_rows(query) s;
RESET sphx.ef_search;

-- what is read to its end is complete, however narrow the search
SET sphx.ef_search = 1;
SELECT name, s.* FROM (VALUES
	('offset', 'SELECT id FROM points WHERE cat < 50 ORDER BY e <-> QUERY, id OFFSET 5'),
	('offset of a limit of null', 'SELECT count(*) FROM (SELECT id FROM points WHERE cat < 50 ORDER BY e <-> QUERY LIMIT NULL OFFSET 3) s'),
	('count of a fenced query', 'SELECT count(*) FROM (SELECT id FROM points WHERE cat < 50 ORDER BY e <-> QUERY OFFSET 0) s'),
	('common table expression', 'WITH near AS MATERIALIZED (SELECT id FROM points WHERE cat < 50 ORDER BY e <-> QUERY)
		SELECT count(*), sum(id) FROM near'),
	('of two readers', 'WITH near AS MATERIALIZED (SELECT id FROM points WHERE cat < 50 ORDER BY e <-> QUERY)
		SELECT (SELECT id > 0 FROM near LIMIT 1), (SELECT count(*) FROM near)'),
	('lateral, memoized', 'SELECT c % 3, count(*) FROM generate_series(1, 6) c, LATERAL
		(SELECT id FROM points WHERE cat % 3 = c % 3 ORDER BY e <-> QUERY OFFSET 0) s GROUP BY 1'),
	('condition on a rank within partitions', 'SELECT id FROM (SELECT id, row_number() OVER (PARTITION BY e <-> QUERY) AS n
		FROM points WHERE cat < 50) s WHERE n <= 10000'),
	('a limit that changes', 'SELECT r, (SELECT count(*) FROM (SELECT id FROM points WHERE cat < 50 ORDER BY e <-> QUERY LIMIT r OFFSET 2) s)
		FROM (VALUES (7), (NULL), (5), (NULL)) v(r)')) q(name, query), same_rows(query) s;
RESET sphx.ef_search;

-- so are subqueries and joins that look for a row; here for rows that a loop, which reads like a cursor, leaves out
CREATE FUNCTION late_rows() RETURNS TABLE (id int) LANGUAGE plpgsql AS $$
DECLARE
	found int[] = '{}';
	r record;
BEGIN
	SET LOCAL enable_seqscan = off;
	FOR r IN SELECT p.id FROM points p WHERE cat < 50 ORDER BY e <-> '[4,4,4,4,4,4]' LOOP
		found = found || r.id;
	END LOOP;
	RETURN QUERY SELECT p.id FROM points p WHERE cat < 50 AND p.id <> ALL (found) ORDER BY p.id LIMIT 5;
END $$;
SET sphx.ef_search = 1;
CREATE TABLE late AS SELECT * FROM late_rows();
ANALYZE late;
CREATE TABLE copied (id int);
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET enable_sort = off;
SET work_mem = '64kB';
SELECT name, s.* FROM (VALUES
	('exists', 'SELECT id FROM late WHERE EXISTS (SELECT 1 FROM (SELECT id FROM points WHERE cat < 50 ORDER BY e <-> QUERY OFFSET 0) s WHERE s.id = late.id) LIMIT 3'),
	('not exists', 'SELECT id FROM late WHERE NOT EXISTS (SELECT 1 FROM (SELECT id FROM points WHERE cat < 50 ORDER BY e <-> QUERY OFFSET 0) s WHERE s.id = late.id)'),
	('in', 'SELECT id FROM late WHERE id IN (SELECT id FROM points WHERE cat < 50 ORDER BY e <-> QUERY)'),
	('not in', 'SELECT id FROM late WHERE id NOT IN (SELECT id FROM points WHERE cat < 50 ORDER BY e <-> QUERY)'),
	('different from all', 'SELECT id FROM late WHERE id <> ALL (SELECT p.id + 0 * late.id FROM points p WHERE cat < 50 ORDER BY e <-> QUERY)'),
	('value', 'SELECT (SELECT id FROM (SELECT id FROM points WHERE cat < 50 ORDER BY e <-> QUERY OFFSET 0) s WHERE s.id = late.id) FROM late'),
	('exists in a common table expression', 'WITH near AS MATERIALIZED (SELECT id FROM points WHERE cat < 50 ORDER BY e <-> QUERY)
		SELECT id FROM late WHERE EXISTS (SELECT 1 FROM near WHERE near.id = late.id)'),
	('a limited reader and another', 'WITH near AS MATERIALIZED (SELECT id FROM points WHERE cat < 50 ORDER BY e <-> QUERY),
		first AS MATERIALIZED (SELECT id FROM near LIMIT 1) SELECT count(*) FROM (TABLE first UNION ALL TABLE near) s'),
	('recursion', 'WITH RECURSIVE r AS (SELECT id FROM (SELECT id FROM points WHERE cat < 50 ORDER BY e <-> QUERY OFFSET 0) s
		UNION ALL SELECT id FROM r WHERE false) SELECT count(*) FROM r'),
	('a limit of more than is held', 'SELECT count(*) FROM (SELECT id FROM points WHERE cat < 50 ORDER BY e <-> QUERY LIMIT 9223372036854775807) s'))
	q(name, query), same_rows(query) s;
SET enable_seqscan = off;
WITH near AS MATERIALIZED (SELECT id FROM points WHERE cat < 50 ORDER BY e <-> '[4,4,4,4,4,4]'),
	copies AS (INSERT INTO copied SELECT id FROM near RETURNING id) SELECT count(*) FROM late;
RESET ALL;
SELECT count(*) = (SELECT count(*) FROM points WHERE cat < 50) AS all_copied FROM copied;
DROP TABLE late, copied;
DROP FUNCTION late_rows;

-- an index of about as many rows as are read at once
CREATE TABLE few (id int, e vector(6));
INSERT INTO few SELECT id, e FROM points WHERE id <= 1100;
CREATE INDEX ON few USING sphx (e);
SELECT count(*) > 1024 AS several_batches FROM (SELECT DISTINCT e::text FROM few) s;
SELECT s.* FROM (VALUES ('SELECT id FROM few ORDER BY e <-> QUERY'), ('SELECT id FROM few WHERE id % 3 = 0 ORDER BY e <-> QUERY, id LIMIT 300'),
	('SELECT count(*) FROM (SELECT id FROM few ORDER BY e <-> QUERY OFFSET 0) s')) q(query), same_rows(query) s;
DROP TABLE few;

-- an expression of PL/pgSQL asks for two rows at most, and still counts all
DO $$
DECLARE
	q vector = '[4,4,4,4,4,4]';
BEGIN
	SET LOCAL enable_seqscan = off;
	SET LOCAL enable_sort = off;
	IF (SELECT count(*) FROM (SELECT id FROM points WHERE cat < 50 ORDER BY e <-> q OFFSET 0) s)
		<> (SELECT count(*) FROM points WHERE cat < 50)
	THEN RAISE 'rows are missing'; END IF;
END $$;

-- a cursor returns rows in order, or with sphx.order = relaxed all of them
CREATE FUNCTION fetch_all(setting text, OUT all_rows bool, OUT sorted bool) LANGUAGE plpgsql AS $$
DECLARE
	q vector = '[0,0,0,0,0,20]';
	r record;
	last float8 = -1;
	n int = 0;
BEGIN
	PERFORM set_config('sphx.order', setting, true);
	SET LOCAL enable_seqscan = off;
	SET LOCAL sphx.ef_search = 1;
	sorted = true;
	FOR r IN SELECT e <-> q AS d FROM points WHERE cat < 10 ORDER BY 1 LOOP
		sorted = sorted AND r.d >= last;
		last = r.d;
		n = n + 1;
	END LOOP;
	all_rows = n = (SELECT count(*) FROM points WHERE cat < 10);
END $$;
SELECT sorted FROM fetch_all('strict');
SELECT all_rows FROM fetch_all('relaxed');
SET sphx."order" = loose;

-- the buffers that the ten nearest take do not grow with the number of equal vectors
CREATE FUNCTION buffers(query text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT json) ' || query INTO plan;
	RETURN (plan->0->'Plan'->>'Shared Hit Blocks')::int + (plan->0->'Plan'->>'Shared Read Blocks')::int;
END $$;
CREATE TABLE equal (id serial, e vector(40));
INSERT INTO equal (e) SELECT array_fill(1::real, '{40}')::vector FROM generate_series(1, 30000);
INSERT INTO equal (e) SELECT (SELECT array_agg(draw(i, j) % 100 / 50.0) FROM generate_series(1, 40) j)::real[]::vector
	FROM generate_series(1, 500) i;
CREATE INDEX ON equal USING sphx (e);
INSERT INTO equal (e) SELECT array_fill(1::real, '{40}')::vector FROM generate_series(1, 3000);
VACUUM ANALYZE equal;
SET enable_seqscan = off;
SELECT buffers('SELECT id FROM equal ORDER BY e <-> array_fill(1.01::real, ''{40}'')::vector LIMIT 10') < 400 AS few;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM equal ORDER BY e <-> array_fill(1.01::real, '{40}')::vector LIMIT 32000) s;
-- nearly equal ones, which the index cannot tell apart, come in their order
INSERT INTO equal (e) SELECT array_fill((1 + i * 1e-7)::real, '{40}')::vector FROM generate_series(1, 2000) i;
SELECT count(*) FROM (SELECT d < lag(d) OVER () AS disorder FROM
	(SELECT e <-> array_fill(1.01::real, '{40}')::vector AS d FROM equal ORDER BY 1 LIMIT 1500) s) t WHERE disorder;
RESET enable_seqscan;

-- a condition on the distance ends the scan where no row can satisfy it any more
SET enable_seqscan = off;
SELECT name, s.* FROM (VALUES
	('below', 'SELECT id FROM points WHERE e <-> QUERY < 3 ORDER BY e <-> QUERY LIMIT 1000'),
	('at most, another condition', 'SELECT id FROM points WHERE sqrt(9) >= e <-> QUERY AND cat < 50 ORDER BY e <-> QUERY LIMIT 1000'),
	('of a parameter', 'SELECT r, n FROM (VALUES (1.0::float8), (2.5), (NULL), (''NaN'')) v(r),
		LATERAL (SELECT count(*) AS n FROM (SELECT id FROM points WHERE e <-> QUERY < r ORDER BY e <-> QUERY LIMIT 30) s) t'),
	('read to the end', 'SELECT id FROM points WHERE e <-> QUERY <= 4 ORDER BY e <-> QUERY')) q(name, query), same_rows(query) s;
SELECT buffers($$SELECT id FROM points WHERE e <-> '[4,4,4,4,4,4]' < 1 ORDER BY e <-> '[4,4,4,4,4,4]' LIMIT 1000$$) < 400 AS few;
RESET enable_seqscan;

-- a row alone in its node's record, and nearer ones in the records behind it
CREATE TABLE chained (id int, e vector(4));
CREATE INDEX ON chained USING sphx (e);
INSERT INTO chained SELECT i, ARRAY[0.001 + 1e-8 * (i % 2), 1, 1, 1]::vector FROM generate_series(1, 100) i;
DELETE FROM chained WHERE id BETWEEN 3 AND 60 OR id = 1;
VACUUM chained;
SET enable_seqscan = off;
SELECT id % 2 AS nearest FROM chained ORDER BY e <-> '[0.002,1,1,1]' LIMIT 1;
RESET enable_seqscan;

-- a parallel worker does not know a vector of the outer query: none scans such an index
CREATE TABLE parts (id int, cat int, e vector(84)) PARTITION BY HASH (id);
CREATE TABLE parts_0 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO parts SELECT i, draw(i, 0) % 1000, (SELECT array_agg(draw(i, j) % 3 ORDER BY j) FROM generate_series(1, 84) j)::real[]::vector
	FROM generate_series(1, 833) i;
CREATE INDEX ON parts USING sphx (e vector_ip_ops);
CREATE TABLE asked AS SELECT e AS q FROM parts LIMIT 10;
ANALYZE parts, asked;
CREATE FUNCTION plan_has(word text, query text) RETURNS bool LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT json) ' || query INTO plan;
	RETURN plan::text LIKE '%' || word || '%';
END $$;
SET max_parallel_workers_per_gather = 2;
SET enable_seqscan = off;
SELECT plan_has('Gather', q) AS gathered, plan_has('Index Scan', q) AS by_index
FROM (VALUES ('SELECT * FROM asked, LATERAL (SELECT e <#> q AS d, id FROM parts WHERE cat < 6 ORDER BY d LIMIT 9) s')) v(q);
RESET ALL;

DROP TABLE points, distances, equal, chained, parts, asked;
DROP FUNCTION draw, same_rows, fetch_all, buffers, plan_has;
