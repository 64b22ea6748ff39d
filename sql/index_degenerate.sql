-- rows that say little of their distribution, in few and in many dimensions: what
-- the index finds against exact answers

CREATE FUNCTION draw(i int, j int) RETURNS float8 LANGUAGE sql IMMUTABLE AS
	'SELECT (hashint4extended(i, j) & 268435455) / 268435456.0::float8 - 0.5';

CREATE FUNCTION make_row(kind text, dims int, i int) RETURNS vector LANGUAGE sql IMMUTABLE AS $$
	SELECT array_agg(CASE kind
		WHEN 'equal' THEN draw(0, j)
		WHEN 'duplicates' THEN draw(i / 5, j)
		WHEN 'constant columns' THEN CASE WHEN j % 3 = 0 THEN draw(i, j) ELSE j END
		WHEN 'one column' THEN CASE WHEN j = 1 THEN draw(i, j) ELSE 0 END
		WHEN 'low rank' THEN draw(i, 1) * draw(0, j) + draw(i, 2) * draw(-1, j) + draw(i, 3) * draw(-2, j)
		WHEN 'zero' THEN 0
		ELSE draw(i, j) END ORDER BY j)::real[]::vector
	FROM generate_series(1, dims) j
$$;

-- recall@10 of 4 queries that are like the rows; a row as near as the tenth counts
CREATE FUNCTION measure_recall(kind text, op text, dims int) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
	x vector;
	distances float8[];
	wanted int := 0;
	found int := 0;
	hits int;
BEGIN
	FOR i IN 1..4 LOOP
		x := make_row(kind, dims, 100000 + i);
		EXECUTE format('SELECT array_agg(d) FROM (SELECT e %s $1 AS d FROM items ORDER BY (e %1$s $1) + 0 LIMIT 10) s', op)
			INTO distances USING x;
		EXECUTE format('SELECT count(*) FILTER (WHERE d <= $2) FROM (SELECT e %s $1 AS d FROM items ORDER BY e %1$s $1 LIMIT 10) s', op)
			INTO hits USING x, (SELECT max(d) FROM unnest(distances) d);
		wanted := wanted + coalesce(cardinality(distances), 0);
		found := found + hits;
	END LOOP;
	RETURN CASE WHEN wanted = 0 THEN 1 ELSE found::float8 / wanted END;
END $$;

CREATE FUNCTION try(kind text, metric text, dims int, options text, n int,
	OUT built boolean, OUT inserted boolean, OUT reindexed boolean) LANGUAGE plpgsql AS $$
DECLARE
	op CONSTANT text := CASE metric WHEN 'l2' THEN '<->' WHEN 'cosine' THEN '<=>' ELSE '<#>' END;
BEGIN
	EXECUTE format('CREATE UNLOGGED TABLE items (id int, e vector(%s))', dims);
	INSERT INTO items SELECT i, make_row(kind, dims, i) FROM generate_series(1, n) i;
	EXECUTE format('CREATE INDEX items_idx ON items USING sphx (e vector_%s_ops) WITH (%s)', metric, options);
	built := measure_recall(kind, op, dims) >= 0.9;
	INSERT INTO items SELECT i, make_row(kind, dims, i) FROM generate_series(n + 1, n + n / 5 + 1) i;
	inserted := measure_recall(kind, op, dims) >= 0.9;
	PERFORM sphx_check('items_idx', true);
	REINDEX INDEX items_idx;
	reindexed := measure_recall(kind, op, dims) >= 0.9;
	DROP TABLE items;
END $$;

SET enable_seqscan = off;
SET client_min_messages = warning;
-- a build with assertions compares every bound with the operator's value
LOAD 'sphx';
DO $$ BEGIN
	PERFORM set_config(name, 'on', false) FROM pg_settings WHERE name = 'sphx.check_bounds';
END $$;

-- fewer rows than dimensions from 768 on, where half of the kinds do
SELECT dims, kind, metric, rotation, t.*
FROM unnest('{3,128,768,1536}'::int[]) WITH ORDINALITY d (dims, a),
	unnest('{equal,duplicates,constant columns,one column,low rank,random}'::text[]) WITH ORDINALITY k (kind, b),
	LATERAL (SELECT ('{l2,cosine,ip}'::text[])[(a + b) % 3 + 1] AS metric, ('{learned,auto}'::text[])[(a + b) / 3 % 2 + 1] AS rotation) m,
	try(kind, metric, dims, 'rotation = ' || rotation, 210) t
WHERE dims < 768 OR (a + b) % 2 = 0
ORDER BY a, b;

-- none, and one; nothing but zero
SELECT n, dims, kind, metric, t.*
FROM unnest('{0,1}'::int[]) n, unnest('{3,1536}'::int[]) dims, (VALUES ('random', 'l2'), ('zero', 'ip')) k (kind, metric),
	try(kind, metric, dims, 'rotation = learned', n) t
ORDER BY n, dims, kind, metric;
SELECT * FROM try('zero', 'l2', 128, 'rotation = learned', 210);

-- by inner product the query is long where the rows do not vary
SELECT dims, t.* FROM unnest('{12,128}'::int[]) dims, try('constant columns', 'ip', dims, 'rotation = learned', 600) t ORDER BY dims;

DROP FUNCTION draw, make_row, measure_recall, try;
