-- plans: distances that nobody reads are not computed
CREATE FUNCTION spread(i int, d int) RETURNS vector LANGUAGE sql IMMUTABLE AS
	'SELECT array_agg((''x'' || substr(md5(i || '' '' || j), 1, 6))::bit(24)::int / 16777216.0 - 0.5)::real[]::vector
	 FROM generate_series(1, d) j';

-- Is the index used, and the order's column made NULL?
CREATE FUNCTION distance_blank(query text) RETURNS bool LANGUAGE plpgsql AS $$
DECLARE
	line text;
	used bool := false;
	blank bool := false;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (VERBOSE, COSTS off) ' || query LOOP
		used := used OR line LIKE '%Index Scan using%';
		blank := blank OR line LIKE '%NULL::double precision%';
	END LOOP;
	RETURN CASE WHEN used THEN blank END;
END $$;

CREATE TABLE t (id int, e vector(8));
INSERT INTO t SELECT i, spread(i, 8) FROM generate_series(1, 1000) i;
CREATE INDEX t_e ON t USING sphx (e);
ANALYZE t;
SET enable_seqscan = off;

EXPLAIN (VERBOSE, COSTS off) SELECT id FROM t ORDER BY e <-> '[1,2,3,4,5,6,7,8]' LIMIT 3;

-- nothing above the scan looks at the distance
SELECT distance_blank('SELECT id FROM t ORDER BY e <-> spread(1, 8) LIMIT 3');
SELECT distance_blank('SELECT id FROM t ORDER BY e <-> spread(1, 8)');
SELECT distance_blank('SELECT id FROM t ORDER BY e <-> spread(1, 8), e <-> spread(2, 8) LIMIT 3');
SELECT distance_blank('SELECT id FROM t ORDER BY e <-> spread(1, 8) LIMIT 3 FOR UPDATE');
SELECT distance_blank('SELECT id FROM (SELECT id FROM t ORDER BY e <-> spread(1, 8) LIMIT 3) x ORDER BY id');
SELECT distance_blank('SELECT ARRAY(SELECT id FROM t ORDER BY e <-> spread(1, 8) LIMIT 3)');
SELECT distance_blank('INSERT INTO t SELECT id, e FROM t ORDER BY e <-> spread(1, 8) LIMIT 3');
SELECT distance_blank('DECLARE c CURSOR FOR SELECT id FROM t ORDER BY e <-> spread(1, 8)');
SELECT distance_blank('SELECT a, id FROM generate_series(1, 2) a,
	LATERAL (SELECT id FROM t ORDER BY e <-> spread(a, 8) LIMIT 3) x');
SELECT distance_blank('(SELECT id FROM t ORDER BY e <-> spread(1, 8) LIMIT 3) UNION ALL
	(SELECT id FROM t ORDER BY e <-> spread(2, 8) LIMIT 3)');

-- it is part of the answer, or compared
SELECT distance_blank('SELECT id, e <-> spread(1, 8) FROM t ORDER BY e <-> spread(1, 8) LIMIT 3');
SELECT distance_blank('SELECT id FROM t ORDER BY e <-> spread(1, 8) FETCH FIRST 3 ROWS WITH TIES');
SELECT distance_blank('SELECT id, rank() OVER (ORDER BY e <-> spread(1, 8)) FROM t LIMIT 3');
SELECT distance_blank('SELECT id FROM (SELECT id, e <-> spread(1, 8) AS d FROM t ORDER BY 2 LIMIT 3) x
	WHERE d < 1');

-- rows that are found late must not be grouped or merged with: another plan
SELECT distance_blank('SELECT e <-> spread(1, 8), count(*) FROM t GROUP BY 1 ORDER BY 1 LIMIT 3') IS NULL AS unused;
SELECT distance_blank('SELECT DISTINCT e <-> spread(1, 8) FROM t ORDER BY 1 LIMIT 3') IS NULL AS unused;
SELECT distance_blank('SELECT DISTINCT ON (e <-> spread(1, 8)) id FROM t LIMIT 3') IS NULL AS unused;
SELECT distance_blank('SELECT e <-> spread(1, 8) FROM t UNION SELECT 1.0 ORDER BY 1 LIMIT 3') IS NULL AS unused;
SET enable_hashjoin = off;
SET enable_nestloop = off;
SELECT distance_blank('SELECT id FROM t JOIN (SELECT x / 10.0::float8 AS d FROM generate_series(0, 10) x) s ON d = e <-> spread(1, 8)
	ORDER BY e <-> spread(1, 8) LIMIT 3') IS NULL AS unused;
RESET enable_hashjoin;
RESET enable_nestloop;

CREATE TABLE p (id int, e vector(8)) PARTITION BY HASH (id);
CREATE TABLE p0 PARTITION OF p FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE p1 PARTITION OF p FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO p SELECT * FROM t;
CREATE INDEX ON p USING sphx (e);
SELECT distance_blank('SELECT id FROM p ORDER BY e <-> spread(1, 8) LIMIT 3');

-- the same rows either way
SELECT a, (SELECT array_agg(id) FROM (SELECT id FROM t ORDER BY e <-> spread(a, 8) LIMIT 20) x) =
	(SELECT array_agg(id) FROM (SELECT id, e <-> spread(a, 8) FROM t ORDER BY 2 LIMIT 20) x) AS same,
	(SELECT array_agg(id) FROM (SELECT id FROM t ORDER BY e <-> spread(a, 8) LIMIT 20) x) =
	(SELECT array_agg(id) FROM (SELECT id FROM p ORDER BY e <-> spread(a, 8) LIMIT 20) x) AS parts
FROM generate_series(1, 3) a;
-- also where the executor checks the order: equal vectors, and cut-off intervals
INSERT INTO t SELECT 2000 + i, spread(i % 3, 8) FROM generate_series(1, 30) i;
SELECT array_agg(id % 3 ORDER BY id % 3) FROM
	(SELECT id FROM t ORDER BY e <-> spread(1, 8) LIMIT 11) x WHERE id > 2000;

-- a distance costs more where the vectors must be fetched from out of line
RESET enable_seqscan;
CREATE TABLE wide (id int, e vector(1000));
INSERT INTO wide SELECT i, array_fill(i::real, '{1000}')::vector FROM generate_series(1, 1000) i;
CREATE TABLE plain (LIKE wide);
ALTER TABLE plain ALTER e SET STORAGE PLAIN;
INSERT INTO plain TABLE wide;
CREATE INDEX ON wide USING sphx (e);
ANALYZE wide, plain;
SELECT distance_blank('SELECT id FROM wide ORDER BY e <-> array_fill(7::real, ''{1000}'')::vector LIMIT 10') IS NOT NULL AS used;
CREATE FUNCTION cost_of(query text) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT json) ' || query INTO plan;
	RETURN plan->0->'Plan'->>'Total Cost';
END $$;
SELECT cost_of('SELECT e <-> e FROM wide') / cost_of('SELECT id FROM wide') > 10 AS fetched,
	cost_of('SELECT e <-> e FROM plain') / cost_of('SELECT id FROM plain') < 2 AS at_hand;

DROP TABLE t, p, wide, plain;
DROP FUNCTION cost_of;
DROP FUNCTION distance_blank, spread;
