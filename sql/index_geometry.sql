-- learned rotation, center, uneven codes and narrow vectors with data of all kinds:
-- bounds hold, nothing is missing
CREATE FUNCTION draw(i int, j int) RETURNS float8 LANGUAGE sql IMMUTABLE AS
	'SELECT (hashint4extended(i, j) & 268435455) / 268435456.0::float8 - 0.5';

CREATE FUNCTION coordinate(kind text, i int, j int) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE kind
		WHEN 'equal' THEN draw(0, j)
		WHEN 'duplicates' THEN draw(i / 5, j)
		WHEN 'constant columns' THEN CASE WHEN j % 3 = 0 THEN draw(i, j) ELSE j END
		WHEN 'one column' THEN CASE WHEN j = 1 THEN draw(i, j) ELSE 0 END
		WHEN 'low rank' THEN draw(i, 1) * draw(0, j) + draw(i, 2) * draw(-1, j) + draw(i, 3) * draw(-2, j)
		WHEN 'falling' THEN draw(i, j) / (j * j)
		WHEN 'non-negative' THEN greatest(draw(i, j), 0)
		WHEN 'heavy tails' THEN draw(i, j) / power(draw(i, -j) + 0.5001, 2)
		WHEN 'offset' THEN 1e6 + draw(i, j)
		WHEN 'tiny' THEN draw(i, j) * 1e-30
		WHEN 'huge' THEN draw(i, j) * 1e38
		ELSE draw(i, j) END
$$;

-- rows in another order than that of their distances, and those that are missing, of 3 queries
CREATE FUNCTION check_order(kind text, op text, dims int, OUT disorder bigint, OUT missing bigint) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('SELECT sum((d < before)::int), 3 * (SELECT count(*) FROM items WHERE e IS NOT NULL) - count(*)
		FROM (SELECT d, lag(d) OVER (PARTITION BY q ORDER BY n) AS before
			FROM generate_series(1, 3) q,
				LATERAL (SELECT array_agg(coordinate(%L, 10000 + q, j))::real[]::vector AS x FROM generate_series(1, %s) j OFFSET 0) query,
				LATERAL (SELECT d, row_number() OVER () AS n FROM (SELECT e %s x AS d FROM items ORDER BY e %3$s x) s) s) s',
		kind, dims, op) INTO disorder, missing;
END $$;

CREATE FUNCTION check_geometry(kind text, opclass text, op text, options text,
	OUT built text, OUT changed text, OUT reindexed text) LANGUAGE plpgsql AS $$
DECLARE
	dims CONSTANT int := 12;
BEGIN
	EXECUTE format('CREATE UNLOGGED TABLE items (id int, e vector(%s))', dims);
	INSERT INTO items SELECT i, (SELECT array_agg(coordinate(kind, i, j))::real[]::vector FROM generate_series(1, dims) j)
		FROM generate_series(1, 210) i;
	INSERT INTO items VALUES (0, NULL);
	EXECUTE format('CREATE INDEX items_idx ON items USING sphx (e %s) WITH (%s)', opclass, options);
	built := check_order(kind, op, dims);
	PERFORM sphx_check('items_idx', true);
	-- of the same and of another kind
	INSERT INTO items SELECT i, (SELECT array_agg(coordinate(CASE WHEN i % 2 = 0 THEN kind END, i, j))::real[]::vector
		FROM generate_series(1, dims) j) FROM generate_series(301, 340) i;
	UPDATE items SET id = -id WHERE id % 7 = 0;
	DELETE FROM items WHERE id % 3 = 0;
	changed := check_order(kind, op, dims);
	PERFORM sphx_check('items_idx', true);
	REINDEX INDEX items_idx;
	reindexed := check_order(kind, op, dims);
	PERFORM sphx_check('items_idx', true);
	DROP TABLE items;
END $$;

SET enable_seqscan = off;
SET enable_sort = off;
SET client_min_messages = warning;
-- a build with assertions compares every bound with the operator's value
LOAD 'sphx';
DO $$ BEGIN
	PERFORM set_config(name, 'on', false) FROM pg_settings WHERE name = 'sphx.check_bounds';
END $$;
SELECT kind, op, c.* FROM (VALUES ('normal', 'l2'), ('equal', 'l2'), ('duplicates', 'cosine'), ('constant columns', 'ip'),
		('one column', 'l2'), ('low rank', 'cosine'), ('falling', 'ip'), ('heavy tails', 'l2'), ('offset', 'l2'),
		('tiny', 'ip'), ('huge', 'l2')) k(kind, metric)
	JOIN (VALUES ('l2', '<->'), ('cosine', '<=>'), ('ip', '<#>')) o(metric, op) USING (metric),
	check_geometry(kind, 'vector_' || metric || '_ops', op, 'rotation = learned') c
ORDER BY kind;
SELECT options, c.* FROM unnest('{"m = 4, code_bits = 0.125, storage = int2","m = 96, code_bits = 4, storage = int16"}'::text[]) options,
	check_geometry('falling', 'vector_l2_ops', '<->', options) c
ORDER BY options;

-- what is learned, and of how many rows
CREATE TABLE items (id int, e vector(40));
INSERT INTO items SELECT i, (SELECT array_agg(coordinate('low rank', i, j))::real[]::vector FROM generate_series(1, 40) j)
	FROM generate_series(1, 199) i;
CREATE INDEX items_idx ON items USING sphx (e);
SELECT rotation, directions, anisotropy IS NULL AS nothing_learned, basis_pages FROM sphx_index_stats('items_idx');
INSERT INTO items SELECT i, (SELECT array_agg(coordinate('low rank', i, j))::real[]::vector FROM generate_series(1, 40) j)
	FROM generate_series(200, 200) i;
REINDEX INDEX items_idx;
SELECT rotation, directions, anisotropy > 2 AS learned, basis_pages FROM sphx_index_stats('items_idx');
DROP TABLE items;

-- rows of another kind, in directions that codes do not know: found all the same, and a REINDEX is advised
CREATE TABLE items (id int, e vector(128));
SELECT setseed(.5);
INSERT INTO items SELECT i, (SELECT array_agg(random() - .5 + i * 0 + CASE WHEN j > 16 THEN 0 ELSE 8 * (random() - .5) END)::real[]::vector
	FROM generate_series(1, 128) j) FROM generate_series(1, 2000) i;
CREATE INDEX items_idx ON items USING sphx (e);
SELECT rotation, reindex_advised FROM sphx_index_stats('items_idx');
INSERT INTO items SELECT i, (SELECT array_agg(random() - .5 + i * 0 + CASE WHEN j <= 112 THEN 0 ELSE 8 * (random() - .5) END)::real[]::vector
	FROM generate_series(1, 128) j) FROM generate_series(2001, 4000) i;
SELECT reindex_advised FROM sphx_index_stats('items_idx');
CREATE FUNCTION mean_recall(from_id int) RETURNS real LANGUAGE sql AS $$
	SELECT (avg(found) / 10)::real FROM (SELECT (SELECT count(*) FROM (SELECT id FROM items ORDER BY e <-> q.e LIMIT 10) f
			WHERE f.id IN (SELECT id FROM items x ORDER BY (x.e <-> q.e) + 0 LIMIT 10)) AS found
		FROM items q WHERE id BETWEEN from_id AND from_id + 29) s $$;
SELECT mean_recall(1) >= .95 AS old, mean_recall(2001) >= .85 AS new;
REINDEX INDEX items_idx;
SELECT reindex_advised FROM sphx_index_stats('items_idx');
DROP TABLE items;
DROP FUNCTION draw, coordinate, check_order, check_geometry, mean_recall;
