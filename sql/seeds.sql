-- The same seed gives the same answer, to the last bit, with every set of
-- kernels that this machine has

-- 600 points around 20 places, the same on every machine
CREATE FUNCTION noise(i int, j int) RETURNS float8 LANGUAGE sql IMMUTABLE AS
	'SELECT (''x'' || substr(md5(i || '' '' || j), 1, 6))::bit(24)::int / 16777216.0 - 0.5';
CREATE TABLE t AS
	SELECT i, (SELECT array_agg(noise(i % 20 - 20, j) + 0.3 * noise(i, j) ORDER BY j) FROM generate_series(1, 19) j)::real[]::vector AS e
	FROM generate_series(1, 600) i;

CREATE VIEW answers AS
SELECT 'k-means' AS what, md5(string_agg(r::text, ';' ORDER BY id)) AS answer FROM sphx_kmeans('SELECT e FROM t ORDER BY i', 40, seed => 3) r
UNION ALL SELECT 'push', md5(string_agg(r::text, ';' ORDER BY id))
FROM sphx_train_codebook('SELECT e FROM t ORDER BY i', 30, spherical => true, iterations => 40) r
UNION ALL SELECT 'product quantisation', md5(string_agg(r::text, ';' ORDER BY subspace, id))
FROM sphx_train_codebook('SELECT subvector(e, 1, 18)::vector(18) FROM t ORDER BY i', 24, subspaces => 3) r
UNION ALL SELECT 'softmin', md5(string_agg(r::text, ';' ORDER BY id))
FROM sphx_train_codebook('SELECT e FROM t ORDER BY i', 20, spherical => true, method => 'softmin', iterations => 1000) r
UNION ALL SELECT 'report', md5(r::text)
FROM sphx_train_report('SELECT e FROM t ORDER BY i', 30, gap_weight => 5, sample => 500, seed => 4) r
UNION ALL SELECT 'packing', md5(string_agg(r::text, ';' ORDER BY id)) FROM sphx_optimize_code(20, 4, restarts => 2) r
UNION ALL SELECT 'covering', md5(string_agg(r::text, ';' ORDER BY id)) FROM sphx_optimize_code(9, 3, 'covering', restarts => 2) r
UNION ALL SELECT 'bounded', md5(string_agg(r::text, ';' ORDER BY id))
FROM sphx_optimize_code(8, 3, 'separation under a covering bound', restarts => 2) r
UNION ALL SELECT 'prototypes', md5(string_agg(r::text, ';' ORDER BY id)) FROM sphx_class_prototypes(40, 8) r
UNION ALL SELECT 'random codes', md5(string_agg(r::text, ';' ORDER BY f, id))
FROM unnest('{gaussian(60),"antipodal(60)","cross-polytopes(60)"}'::text[]) f, sphx_code(f, 10) r
UNION ALL SELECT 'gap', sphx_gap((SELECT array_agg(e ORDER BY i) FROM t), 0.1, 2000, false)::text
UNION ALL SELECT 'covering radius', sphx_covering_radius((SELECT array_agg(l2_normalize(subvector(e, 1, 4)) ORDER BY i) FROM t), 200)::text
UNION ALL SELECT 'reference cosine',
	(SELECT round(estimate::numeric, 10) || ' ' || round(error_bound::numeric, 10)
		FROM sphx_reference_cosine((SELECT array_agg(l2_normalize(e) ORDER BY i) FROM t), 2, 500, 7))
UNION ALL SELECT 'hashes', md5(string_agg(sphx_hash('E8', 8, 5, e)::text, ';' ORDER BY i)) FROM t
UNION ALL SELECT 'angle tests', md5(string_agg(sphx_ks2(l2_normalize(a.e), l2_normalize(b.e), 'antipodal(64)', 6)::text, ';' ORDER BY a.i))
FROM t a JOIN t b ON b.i = a.i + 1 WHERE a.i <= 20;

CREATE TABLE with_auto AS SELECT * FROM answers;
SELECT count(*) AS answers, count(answer) AS given FROM with_auto;

CREATE FUNCTION try_level(level text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	BEGIN
		PERFORM set_config('sphx.simd', level, false);
	EXCEPTION WHEN invalid_parameter_value THEN
		RETURN;
	END;
	RETURN QUERY SELECT level || ': ' || what FROM answers JOIN with_auto USING (what)
		WHERE answers.answer IS DISTINCT FROM with_auto.answer;
END
$$;
-- what differs
SELECT difference FROM unnest('{scalar,avx2,avx512,neon}'::text[]) level, try_level(level) difference;
RESET sphx.simd;
-- and another seed is another answer
SELECT count(DISTINCT md5(k.centroids)) AS k_means, count(DISTINCT md5(o.points)) AS packing
FROM generate_series(1, 3) s, LATERAL
	(SELECT string_agg(centroid::text, ';' ORDER BY id) AS centroids FROM sphx_kmeans('SELECT e FROM t ORDER BY i', 40, seed => s)) k, LATERAL
	(SELECT string_agg(point::text, ';' ORDER BY id) AS points FROM sphx_optimize_code(20, 4, restarts => 1, seed => s)) o;

DROP FUNCTION try_level(text);
DROP TABLE with_auto;
DROP VIEW answers;
DROP TABLE t;
DROP FUNCTION noise(int, int);
