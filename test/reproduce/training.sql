-- The claim of Mathews, "Spherical Codes and k-Nearest Neighbor Search",
-- section 8.3, on its configuration: 50,000 samples of 128 dimensions around
-- 100 places on the sphere, 64 centroids; separation and error against
-- k-means++.  The noise, which the paper does not tell, is set so that k-means
-- has the error of its section 8.1 (1.466; its separation there is 1.21).
--
-- Ours (method push) must keep the claim at the cost that it promises.  The
-- paper's own method is run to the letter of its appendix A, and beside that
-- stopped earlier.  What separation it comes to depends on the temperature at
-- which it ends, 0.5 * 0.9995^iterations: its soft minimum is below the
-- minimum by up to the temperature times log(2016), and it is the soft minimum
-- that is held at .9 times the separation of k-means.  It is chaotic as well,
-- so that another seed or weight comes to something else; but the same come to
-- the same on every machine, and from PostgreSQL 15 on, whose random() is a
-- generator of its own, the figures must be those that sql/README.md has.  Takes
-- about twelve minutes of one core.

SET client_min_messages = warning;
DO $$ BEGIN PERFORM setseed(0.5); END $$;

CREATE FUNCTION pg_temp.normal() RETURNS double precision LANGUAGE sql VOLATILE AS
	'SELECT sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random())';
CREATE TEMP TABLE place AS
	SELECT c, l2_normalize((SELECT array_agg(pg_temp.normal()) FROM generate_series(1, 128) WHERE c > 0)::vector) AS e
	FROM generate_series(1, 100) c;
CREATE TEMP TABLE noise AS
	SELECT i, 1 + floor(random() * 100)::integer AS c,
		(SELECT array_agg(0.3 * pg_temp.normal()) FROM generate_series(1, 128) WHERE i > 0)::vector AS e
	FROM generate_series(1, 50000) i;
CREATE TEMP TABLE sample AS
	SELECT i, l2_normalize(place.e + noise.e) AS e FROM noise JOIN place USING (c) ORDER BY i;

CREATE TEMP TABLE run (id integer, method text, gap_weight double precision, iterations integer,
	paper_separation double precision, paper_error double precision, expected_separation numeric, expected_error numeric);
INSERT INTO run VALUES
	(1, 'push', 2, 100, NULL, NULL, 17.7, 0.89),
	(2, 'push', 5, 100, NULL, NULL, 17.7, 0.89),
	(3, 'softmin', 2, 5000, 10.0, 3.1, 4.9, 0.51),
	(4, 'softmin', 5, 5000, 12.7, 3.1, 0.0, 3.25),
	(5, 'softmin', 2, 3000, NULL, NULL, 16.6, 0.76);

CREATE TEMP TABLE result AS
	SELECT run.*, r.kmeans_separation, r.kmeans_quantization_error,
		100 * (r.separation / r.kmeans_separation - 1) AS separation,
		100 * (r.quantization_error / r.kmeans_quantization_error - 1) AS error
	FROM run, LATERAL sphx_train_report('SELECT e FROM sample ORDER BY i', 64, gap_weight => run.gap_weight,
		spherical => true, iterations => run.iterations, method => run.method) r;

SELECT method, gap_weight AS weight, iterations, paper_separation AS "paper: separation %", paper_error AS "error %",
	round(separation::numeric, 1) AS "ours: separation %", round(error::numeric, 2) AS "error % ",
	round(kmeans_separation::numeric, 3) AS "k-means: separation", round(kmeans_quantization_error::numeric, 3) AS error
FROM result ORDER BY id;

DO $$
BEGIN
	IF EXISTS (SELECT FROM result WHERE method = 'push' AND
			NOT (separation >= 10 AND error <= least(0.5 * gap_weight, 3.1))) THEN
		RAISE EXCEPTION 'separation +10 %% at an error of at most half the weight in percent was not reached';
	END IF;
	IF EXISTS (SELECT FROM result WHERE method = 'softmin' AND iterations < 5000 AND
			NOT (separation >= 10 AND error <= 3.1)) THEN
		RAISE EXCEPTION 'the paper''s method, stopped early, did not keep its claim';
	END IF;
	IF current_setting('server_version_num')::integer >= 150000 AND EXISTS (SELECT FROM result WHERE
			round(separation::numeric, 1) <> expected_separation OR round(error::numeric, 2) <> expected_error) THEN
		RAISE EXCEPTION 'the same seed gave another answer than on the machine where this was written';
	END IF;
	IF EXISTS (SELECT FROM result WHERE NOT abs(kmeans_quantization_error - 1.466) < 0.01) THEN
		RAISE EXCEPTION 'the data are not those of the paper';
	END IF;
END
$$;
