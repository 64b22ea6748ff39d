-- The packings and coverings of the sphere that are known, beside what
-- sphx_optimize_code finds with default arguments.  Angles in degrees.
-- Sources: N. J. A. Sloane, with R. H. Hardin, W. D. Smith and others, tables
-- of spherical codes and of coverings of the sphere; closed forms where these
-- exist.

CREATE TEMP TABLE known (objective text, dim integer, n integer, angle double precision);
INSERT INTO known VALUES
	('packing', 3, 7, 77.8695), ('packing', 3, 8, 74.8585), ('packing', 3, 9, 70.5288),
	('packing', 3, 10, 66.1468), ('packing', 3, 11, 63.4349), ('packing', 3, 12, 63.4349),
	('packing', 3, 13, 57.1367), ('packing', 3, 16, 52.2444), ('packing', 3, 20, 47.4310),
	('packing', 3, 24, 43.6908), ('packing', 4, 9, 80.676), ('packing', 4, 10, 80.406),
	('packing', 4, 11, 76.679), ('packing', 4, 12, 75.522), ('packing', 4, 13, 72.104),
	('packing', 4, 24, 60),
	('covering', 3, 4, 70.5288), ('covering', 3, 5, 63.4349), ('covering', 3, 6, 54.7356),
	('covering', 3, 7, 51.0266), ('covering', 3, 8, 48.1395), ('covering', 3, 9, 45.8789),
	('covering', 3, 10, 42.3078), ('covering', 3, 11, 41.4272), ('covering', 3, 12, 37.3774),
	('covering', 3, 13, 37.0685), ('covering', 3, 14, 34.9379), ('covering', 4, 8, 60);

CREATE FUNCTION pg_temp.found(objective text, n integer, dim integer) RETURNS double precision
LANGUAGE sql AS $$
	WITH code AS MATERIALIZED (SELECT * FROM sphx_optimize_code(n, dim, objective))
	SELECT CASE WHEN objective = 'packing'
		THEN (SELECT min(2 * degrees(asin(least((a.point <-> b.point) / 2, 1))))
			FROM code a JOIN code b ON a.id < b.id)
		ELSE (SELECT degrees(2 * asin(sphx_covering_radius(array_agg(point), 2000) / 2)) FROM code)
		END
$$;

CREATE TEMP TABLE result AS
	SELECT *, pg_temp.found(objective, n, dim) AS found FROM known;

SELECT objective, dim, n, angle AS known, round(found::numeric, 4) AS found,
	CASE WHEN abs(found - angle) < 0.01 THEN 'pass' ELSE 'FAIL' END AS verdict
FROM result ORDER BY objective DESC, dim, n;

-- fails, and so does psql with ON_ERROR_STOP, when one was missed
DO $$
BEGIN
	IF EXISTS (SELECT FROM result r WHERE NOT abs(r.found - r.angle) < 0.01) THEN
		RAISE EXCEPTION 'known optima were missed';
	END IF;
END
$$;
