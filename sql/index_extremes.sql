-- elements of every size: bounds hold, so the order is that of the operator
CREATE FUNCTION draw(i int, j int) RETURNS float8 LANGUAGE sql IMMUTABLE AS
	'SELECT (''x'' || substr(md5(i || '' '' || j), 1, 7))::bit(28)::int / 268435456.0';

-- vector i: dimensions of one magnitude, 1.5 * 10^-45 to 2 * 10^38, or each of its own;
-- every third vector is there twice
CREATE FUNCTION extreme(i int, dims int, mixed bool) RETURNS vector LANGUAGE sql IMMUTABLE AS $$
	SELECT array_agg(CASE WHEN draw(i, j) < 0.1 THEN 0
		ELSE (sign(draw(i, 100 + j) - 0.5) * (1 + 2 * draw(i, 300 + j)) *
			power(10::float8, -44.8 + 82.6 * draw(i, CASE WHEN mixed THEN 200 + j ELSE 0 END)))::real END)::real[]::vector
	FROM generate_series(1, dims) j
$$;

-- rows in another order than that of their distances, with the index; and
-- those that are missing
CREATE FUNCTION compare_order(op text, query vector, OUT disorder bigint, OUT missing bigint) LANGUAGE plpgsql AS $$
DECLARE
	part text := 'SELECT id, e ' || op || ' $1 AS d, row_number() OVER () AS n
		FROM (SELECT * FROM extremes ORDER BY e ' || op || ' $1 LIMIT 1000) s';
BEGIN
	EXECUTE 'CREATE TEMP TABLE by_index AS ' || part USING query;
	EXECUTE 'SELECT count(*) FROM by_index a JOIN by_index b ON b.n = a.n + 1 WHERE b.d < a.d' INTO disorder;
	EXECUTE 'SELECT count(*) FROM extremes WHERE NOT EXISTS (SELECT FROM by_index i WHERE i.id = extremes.id)
		AND NOT ($1 = ''<=>'' AND largest(e::real[]) = 0)' INTO missing USING op;
	DROP TABLE by_index;
END $$;
CREATE FUNCTION largest(real[]) RETURNS real LANGUAGE sql IMMUTABLE AS
	'SELECT max(abs(x)) FROM unnest($1) x';

CREATE FUNCTION check_extremes(dims int, opclass text, op text, storage text,
	OUT queries bigint, OUT disorder numeric, OUT missing numeric) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('CREATE TABLE extremes (id int, e vector(%s))', dims);
	INSERT INTO extremes SELECT i, extreme(CASE WHEN i % 3 = 0 THEN i - 1 ELSE i END, dims, i % 2 = 0)
		FROM generate_series(1, 450) i;
	EXECUTE format('CREATE INDEX ON extremes USING sphx (e %s) WITH (storage = %s)', opclass, storage);
	SELECT count(*), sum(c.disorder), sum(c.missing) INTO queries, disorder, missing
	FROM generate_series(1, 10) q, compare_order(op, extreme(1000 + q, dims, q % 2 = 0)) c;
	DROP TABLE extremes;
END $$;

SET enable_seqscan = off;
SET client_min_messages = warning;
-- a build with assertions compares every bound with the operator's value
LOAD 'sphx';
DO $$ BEGIN
	PERFORM set_config(name, 'on', false) FROM pg_settings WHERE name = 'sphx.check_bounds';
END $$;
SELECT dims, op, storage, c.*
FROM unnest('{4,40}'::int[]) dims,
	(VALUES ('vector_l2_ops', '<->'), ('vector_cosine_ops', '<=>'), ('vector_ip_ops', '<#>')) o(opclass, op),
	unnest('{int16,int8}'::text[]) storage, check_extremes(dims, opclass, op, storage) c
ORDER BY dims, op, storage;

-- the norm of a query whose squares vanish in single precision
CREATE TABLE extremes (id serial, e vector(4));
INSERT INTO extremes (e) SELECT unnest('{"[1,2,3,4]","[1,2,3,4]","[4,3,2,1]","[4,3,2,1]"}'::vector[]);
CREATE INDEX ON extremes USING sphx (e vector_ip_ops);
SELECT count(*) FROM (SELECT id FROM extremes ORDER BY e <#> '[1e-24,3e-24,0,7e-24]') s;
DROP TABLE extremes;
DROP FUNCTION draw, extreme, compare_order, largest, check_extremes;
