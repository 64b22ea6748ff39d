-- Optimised spherical codes

SET extra_float_digits = 0;

-- smallest angle between two points, in degrees
CREATE FUNCTION opt_min_angle(n integer, dim integer, objective text DEFAULT 'packing', restarts integer DEFAULT 0)
RETURNS double precision LANGUAGE sql AS $$
	WITH code AS MATERIALIZED (SELECT * FROM sphx_optimize_code(n, dim, objective, restarts))
	SELECT min(2 * degrees(asin(least((a.point <-> b.point) / 2, 1))))
	FROM code a JOIN code b ON a.id < b.id
$$;

-- known packings, default arguments
SELECT dim, n, known, abs(opt_min_angle(n, dim) - known) < 0.001 AS found
FROM (VALUES (3, 7, 77.8695), (3, 8, 74.8585), (3, 9, 70.5288), (3, 10, 66.1468), (3, 11, 63.4349),
	(3, 12, 63.4349), (3, 13, 57.1367), (3, 16, 52.2444), (3, 20, 47.4310), (3, 24, 43.6908),
	(4, 9, 80.676), (4, 10, 80.406), (4, 11, 76.679), (4, 12, 75.522), (4, 13, 72.104), (4, 24, 60)) t (dim, n, known);

-- known constructions: simplex, orthoplex, polygon
SELECT n, dim, round(opt_min_angle(n, dim)::numeric, 2) AS angle
FROM (VALUES (2, 1), (2, 2), (5, 2), (2, 3), (3, 3), (4, 3), (5, 3), (6, 3), (8, 7), (9, 7), (14, 7)) t (n, dim);
SELECT * FROM sphx_optimize_code(1, 1);
SELECT * FROM sphx_optimize_code(1, 3);
SELECT * FROM sphx_optimize_code(2, 1, 'covering');
SELECT * FROM sphx_optimize_code(2, 3);

-- coverings: the radius of the deepest hole, from 500 random directions, as an angle in degrees
SELECT n, known, abs(degrees(2 * asin(sphx_covering_radius(array_agg(point), 500) / 2)) - known) < 0.001 AS found
FROM (VALUES (4, 70.5288), (5, 63.4349), (6, 54.7356), (7, 51.0266), (12, 37.3774)) t (n, known),
	sphx_optimize_code(n, 3, 'covering', 12)
GROUP BY n, known ORDER BY n;

-- separation under a covering bound: between the two
SELECT round(opt_min_angle(8, 3, 'covering', 8)::numeric, 2) AS covering,
	round(opt_min_angle(8, 3, 'separation under a covering bound', 8)::numeric, 2) AS bounded,
	round(opt_min_angle(8, 3)::numeric, 2) AS packing;
SELECT round(opt_min_angle(12, 3, 'Separation under a covering bound', 8)::numeric, 3) AS icosahedron;

-- unit vectors, one row each
SELECT count(*), min(id), max(id), bool_and(abs(vector_norm(point) - 1) < 1e-6)
FROM sphx_optimize_code(20, 6, restarts => 1, iterations => 50);

-- the same seed gives the same answer
SELECT a.point = b.point AND a.point <> c.point AS same
FROM sphx_optimize_code(9, 4, restarts => 2, seed => 7) a
	JOIN sphx_optimize_code(9, 4, restarts => 2, seed => 7) b USING (id)
	JOIN sphx_optimize_code(9, 4, restarts => 2, seed => 8) c USING (id)
WHERE id = 1;

-- class prototypes: cosine of the nearest two
SELECT n, dim, round(max(-(a.point <#> b.point))::numeric, 4) AS nearest
FROM (VALUES (10, 16), (20, 16), (10, 4)) t (n, dim),
	LATERAL sphx_class_prototypes(n, dim) a, LATERAL sphx_class_prototypes(n, dim) b
WHERE a.id < b.id
GROUP BY n, dim ORDER BY n, dim;

-- NULL gives no rows
SELECT count(*) FROM sphx_optimize_code(NULL, 3);

-- cancelled in the middle
SET statement_timeout = '100ms';
SELECT count(*) FROM sphx_optimize_code(2000, 100);
SELECT count(*) FROM sphx_optimize_code(24, 4, 'covering', 10000);
RESET statement_timeout;

-- bad input, before any work
DO $$
DECLARE
	query text;
	state text;
	message text;
BEGIN
	FOREACH query IN ARRAY ARRAY[
		'sphx_optimize_code(0, 3)',
		'sphx_optimize_code(-1, 3)',
		'sphx_optimize_code(3, 0)',
		'sphx_optimize_code(3, 1)',
		'sphx_optimize_code(7, 3, ''best'')',
		'sphx_optimize_code(7, 3, restarts => -1)',
		'sphx_optimize_code(7, 3, iterations => -1)',
		'sphx_optimize_code(7, 3, ''separation under a covering bound'', slack => -0.1)',
		'sphx_optimize_code(7, 3, ''separation under a covering bound'', slack => ''NaN'')',
		'sphx_optimize_code(7, 3, ''separation under a covering bound'', slack => ''infinity'')',
		'sphx_optimize_code(100, 50, ''covering'')',
		'sphx_optimize_code(2147483647, 3)',
		'sphx_optimize_code(2147483647, 2147483647)',
		'sphx_optimize_code(2, 20000)',
		'sphx_class_prototypes(0, 3)',
		'sphx_class_prototypes(10, -2)',
		'sphx_class_prototypes(10000000, 100)']
	LOOP
		BEGIN
			EXECUTE 'SELECT count(*) FROM ' || query;
			RAISE INFO '%: no error', query;
		EXCEPTION WHEN OTHERS THEN
			GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT;
			RAISE INFO '%: % %', query, state, message;
		END;
	END LOOP;
END
$$;

DROP FUNCTION opt_min_angle(integer, integer, text, integer);
