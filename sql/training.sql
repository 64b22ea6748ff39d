-- Codebook training
SET extra_float_digits = 0;

-- 2,000 points around 20 places, the same on every machine
CREATE FUNCTION noise(i int, j int) RETURNS float8 LANGUAGE sql IMMUTABLE AS
	'SELECT (''x'' || substr(md5(i || '' '' || j), 1, 6))::bit(24)::int / 16777216.0 - 0.5';
CREATE TABLE t AS
	SELECT i, (SELECT array_agg(noise(i % 20 - 20, j) + 0.2 * noise(i, j) ORDER BY j) FROM generate_series(1, 8) j)::real[]::vector AS e
	FROM generate_series(1, 2000) i;

-- four corners
CREATE TABLE corners AS
	SELECT i, format('[%s,%s]', 10 * (i % 2) + (i / 4) % 2, 10 * (i / 2 % 2) + (i / 8) % 2)::vector AS e FROM generate_series(0, 159) i;
SELECT centroid FROM sphx_kmeans('SELECT e FROM corners', 4) ORDER BY 1;
SELECT centroid FROM sphx_kmeans((SELECT array_agg(e) FROM corners), 4) ORDER BY 1;
SELECT centroid FROM sphx_train_codebook('SELECT e FROM corners', 4) ORDER BY 1;
SELECT * FROM sphx_train_codebook('SELECT e FROM corners', 2, subspaces => 2) ORDER BY subspace, centroid;
SELECT vectors, dimensions, k, kmeans_k, round(quantization_error::numeric, 4) AS error, round(separation::numeric, 4) AS separation,
	round(imbalance::numeric, 4) AS imbalance
FROM sphx_train_report('SELECT e FROM corners', 4, gap_weight => 0);
SELECT subspace, vectors, dimensions, k, round(quantization_error::numeric, 4) AS error
FROM sphx_train_report('SELECT e FROM corners', 2, subspaces => 2);

-- one implementation: array and query, k-means and a codebook without regularisation, the same seed again
SELECT count(*) AS centroids, bool_and(a.centroid = b.centroid AND a.centroid = c.centroid) AS same,
	bool_or(a.centroid <> d.centroid) AS other_seed
FROM sphx_kmeans('SELECT e FROM t ORDER BY i', 30) a
	JOIN sphx_kmeans((SELECT array_agg(e ORDER BY i) FROM t), 30) b USING (id)
	JOIN sphx_train_codebook('SELECT e FROM t ORDER BY i', 30, gap_weight => 0) c USING (id)
	JOIN sphx_kmeans('SELECT e FROM t ORDER BY i', 30, seed => 2) d USING (id);
SELECT r.* FROM sphx_train_report('SELECT e FROM t ORDER BY i', 30) r
EXCEPT SELECT r.* FROM sphx_train_report((SELECT array_agg(e ORDER BY i) FROM t), 30) r;

-- the report's figures are those of the centroids
CREATE TEMP TABLE c AS SELECT id, centroid FROM sphx_train_codebook('SELECT e FROM t ORDER BY i', 30, spherical => true);
CREATE TEMP TABLE r AS SELECT * FROM sphx_train_report('SELECT e FROM t ORDER BY i', 30, spherical => true);
SELECT count(*) AS centroids, bool_and(abs(vector_norm(centroid) - 1) < 1e-6) AS unit FROM c;
SELECT abs(error / quantization_error - 1) < 1e-4 AS error, abs(r.imbalance / m.imbalance - 1) < 1e-6 AS imbalance
FROM r, (SELECT sum(square) / sum(n) AS error, 30 * sum(n * n) / sum(n) ^ 2 AS imbalance
	FROM (SELECT id, sum(d * d) AS square, count(*) AS n
		FROM t, LATERAL (SELECT id, centroid <-> l2_normalize(e) AS d FROM c ORDER BY 2 LIMIT 1) nearest GROUP BY id) cell) m;
SELECT abs(r.separation / m.separation - 1) < 1e-4 AS separation, abs(r.nearest_mean / m.mean - 1) < 1e-4 AS mean,
	abs(r.nearest_p5 / m.p5 - 1) < 1e-4 AS p5
FROM r, (SELECT min(d) AS separation, avg(d) AS mean, percentile_disc(0.04) WITHIN GROUP (ORDER BY d) AS p5
	FROM (SELECT min(a.centroid <-> b.centroid) AS d FROM c a JOIN c b ON a.id <> b.id GROUP BY a.id) nearest) m;

-- what is promised: far apart for little error, and more of both for a larger weight
SELECT gap_weight, separation >= 1.1 * kmeans_separation AS separation, nearest_p5 >= 1.1 * kmeans_nearest_p5 AS p5,
	quantization_error <= (1 + 0.005 * gap_weight) * kmeans_quantization_error AS error,
	imbalance <= 1.05 * kmeans_imbalance AS imbalance
FROM unnest('{1,2,5}'::float8[]) gap_weight,
	sphx_train_report('SELECT e FROM t ORDER BY i', 60, gap_weight => gap_weight, spherical => true, iterations => 30) r
ORDER BY gap_weight;

-- the method of the paper
SELECT k, iterations, kmeans_k, separation >= 1.1 * kmeans_separation AS separation
FROM sphx_train_report('SELECT e FROM t ORDER BY i', 30, spherical => true, method => 'SoftMin', iterations => 500);
SELECT count(*), bool_and(abs(vector_norm(centroid) - 1) < 1e-6) AS unit
FROM sphx_train_codebook('SELECT e FROM t ORDER BY i', 10, spherical => true, method => 'softmin', iterations => 50);

-- fewer rows or fewer different ones than centroids
SELECT count(*) FROM sphx_kmeans('SELECT e FROM t LIMIT 7', 10);
SELECT count(*) FROM sphx_kmeans('SELECT e FROM t LIMIT 7', 2147483647);
SELECT count(*) FROM sphx_train_codebook('SELECT e FROM corners', 100);
SELECT centroid FROM sphx_kmeans(ARRAY['[3,4]'::vector], 1, spherical => true);
SELECT vectors, k, separation, quantization_error FROM sphx_train_report(ARRAY['[3,4]'::vector], 1);

-- samples of a query
SELECT vectors FROM sphx_train_report('SELECT e FROM t', 10, sample => 500);
SELECT vectors FROM sphx_train_report('SELECT e FROM t', 10, sample => 5000);
SELECT count(*) AS centroids, bool_and(a.centroid = b.centroid) AS same
FROM sphx_kmeans('SELECT e FROM t ORDER BY i', 10, sample => 500) a
	JOIN sphx_kmeans('SELECT e FROM t ORDER BY i', 10, sample => 500) b USING (id);
-- they are even: rows 1 to n, in order
SELECT count(*), round(avg(x)) BETWEEN 450 AND 550 AS mean, min(x) < 100 AS low, max(x) > 900 AS high
FROM (SELECT (centroid::real[])[1] AS x FROM sphx_kmeans('SELECT ARRAY[i]::vector FROM generate_series(1, 1000) i', 200, sample => 200, iterations => 1)) s;

-- nulls are passed over, a domain is its base type, arguments that are null give nothing
CREATE DOMAIN embedding AS vector(2);
SELECT centroid FROM sphx_kmeans('SELECT CASE WHEN i > 0 THEN ''[1,2]''::vector END::embedding FROM generate_series(0, 9) i', 1);
SELECT count(*) FROM sphx_kmeans(NULL::text, 3);
SELECT count(*) FROM sphx_kmeans('SELECT e FROM t', NULL);

-- progress
SET client_min_messages = debug1;
SELECT centroid FROM sphx_kmeans('VALUES (''[0]''::vector), (''[2]'')', 1);
RESET client_min_messages;

-- cancelled in the middle
SET statement_timeout = '100ms';
SELECT count(*) FROM sphx_train_codebook('SELECT e FROM t', 100, spherical => true, method => 'softmin', iterations => 1000000);
SELECT count(*) FROM sphx_kmeans('SELECT a.e FROM t a, t b', 100);
RESET statement_timeout;

-- the caller's rights
CREATE ROLE regress_sphx_training;
SET ROLE regress_sphx_training;
SELECT count(*) FROM sphx_kmeans('SELECT e FROM t', 3);
RESET ROLE;
GRANT SELECT ON t TO regress_sphx_training;
SET ROLE regress_sphx_training;
SELECT count(*) FROM sphx_kmeans('SELECT e FROM t', 3);
RESET ROLE;

-- bad input
DO $$
DECLARE
	call text;
	state text;
	message text;
BEGIN
	FOREACH call IN ARRAY ARRAY[
		'sphx_kmeans(''SELECT e FROM t'', 0)',
		'sphx_kmeans(''SELECT e FROM t'', -5)',
		'sphx_kmeans(''SELECT e FROM t'', 3, iterations => -1)',
		'sphx_kmeans(''SELECT e FROM t'', 3, sample => -1)',
		'sphx_kmeans(''SELECT e FROM t'', 3, sample => 1000000000000)',
		'sphx_kmeans(''SELECT e FROM t WHERE false'', 3)',
		'sphx_kmeans(''SELECT NULL::vector'', 3)',
		'sphx_kmeans(''{}''::vector[], 3)',
		'sphx_kmeans(ARRAY[NULL]::vector[], 3)',
		'sphx_kmeans(ARRAY[''[1]'', ''[1,2]'']::vector[], 1)',
		'sphx_kmeans(''VALUES (''''[1]''''::vector), (''''[1,2]'''')'', 1)',
		'sphx_kmeans(''VALUES (''''[1]''''::vector), (''''[1,2]'''')'', 1, sample => 1)',
		'sphx_kmeans(''VALUES (''''[NaN]''''::vector)'', 1)',
		'sphx_kmeans(''VALUES (''''[1,1]''''::vector), (''''[0,0]'''')'', 1, spherical => true)',
		'sphx_kmeans(ARRAY[''[0]'']::vector[], 1, spherical => true)',
		'sphx_kmeans(''SELECT i FROM t'', 3)',
		'sphx_kmeans(''SELECT e::real[] FROM t'', 3)',
		'sphx_kmeans(''SELECT e, e FROM t'', 3)',
		'sphx_kmeans(''SELECT FROM t'', 3)',
		'sphx_kmeans(''SELECT e FROM nowhere'', 3)',
		'sphx_kmeans(''t'', 3)',
		'sphx_kmeans('''', 3)',
		'sphx_kmeans(''SELECT e FROM t; SELECT e FROM t'', 3)',
		'sphx_kmeans(''SELECT e FROM t WHERE i = $1'', 3)',
		'sphx_kmeans(''SELECT e FROM t FOR UPDATE'', 3)',
		'sphx_kmeans(''DELETE FROM t RETURNING e'', 3)',
		'sphx_kmeans(''WITH d AS (DELETE FROM t RETURNING e) SELECT e FROM d'', 3)',
		'sphx_kmeans(''SELECT e INTO t2 FROM t'', 3)',
		'sphx_kmeans(''CREATE TABLE t2 (i int)'', 3)',
		'sphx_train_codebook(''SELECT e FROM t'', 3, gap_weight => -1)',
		'sphx_train_codebook(''SELECT e FROM t'', 3, gap_weight => 101)',
		'sphx_train_codebook(''SELECT e FROM t'', 3, gap_weight => ''NaN'')',
		'sphx_train_codebook(''SELECT e FROM t'', 3, subspaces => 0)',
		'sphx_train_codebook(''SELECT e FROM t'', 3, subspaces => 3)',
		'sphx_train_codebook(''SELECT e FROM t'', 3, subspaces => 16)',
		'sphx_train_codebook(''SELECT e FROM t'', 3, method => ''best'')',
		'sphx_train_codebook(''SELECT e FROM t'', 3, method => ''softmin'')',
		'sphx_train_codebook(''SELECT e FROM t'', 3, method => ''softmin'', spherical => true, subspaces => 2)',
		'sphx_train_codebook(''SELECT e FROM t'', 5000, method => ''softmin'', spherical => true)',
		'sphx_train_report(''{}''::vector[], 3)']
	LOOP
		BEGIN
			EXECUTE 'SELECT count(*) FROM ' || call;
			RAISE INFO '%: no error', call;
		EXCEPTION WHEN OTHERS THEN
			GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT;
			RAISE INFO '%: % %', call, state, message;
		END;
	END LOOP;
END
$$;
SELECT count(*) FROM t;

DROP TABLE t, corners, c, r;
DROP DOMAIN embedding;
DROP ROLE regress_sphx_training;
DROP FUNCTION noise(int, int);
