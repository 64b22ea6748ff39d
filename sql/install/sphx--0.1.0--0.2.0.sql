-- sphx 0.2.0: what is new since 0.1.0

-- complain if the script is run by psql rather than by ALTER EXTENSION
\echo Use "ALTER EXTENSION sphx UPDATE" to load this file. \quit


-- Inspection of an index

CREATE FUNCTION sphx_check(index regclass, heap boolean DEFAULT false,
		OUT pages bigint, OUT unused_pages bigint, OUT nodes bigint, OUT dead_nodes bigint,
		OUT overflow_records bigint, OUT edges bigint, OUT unreachable_nodes bigint,
		OUT tids bigint, OUT rows bigint)
	RETURNS record
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

COMMENT ON FUNCTION sphx_check(regclass, boolean) IS 'verifies the structure of an sphx index and, with heap, that every row of the table is in it once; an error where it is corrupted, otherwise counts; for the owner of the table; reads the whole index while inserts and queries go on';

-- Codebook training.  Rows are those of an array, or of a query: one SELECT of
-- one column of type vector, run with the caller's rights.

CREATE FUNCTION sphx_kmeans(points vector[], k integer, spherical boolean DEFAULT false,
		iterations integer DEFAULT 0, seed bigint DEFAULT 1)
	RETURNS TABLE (id integer, centroid vector)
	AS 'MODULE_PATHNAME', 'sphx_kmeans_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION sphx_kmeans(vector[], integer, boolean, integer, bigint) IS 'k-means++ and Lloyd steps (0 = 10 at most) over an array of vectors; spherical: over their directions, with unit centroids; fewer than k centroids where different rows are fewer';

CREATE FUNCTION sphx_kmeans(query text, k integer, spherical boolean DEFAULT false,
		iterations integer DEFAULT 0, seed bigint DEFAULT 1, sample bigint DEFAULT 0)
	RETURNS TABLE (id integer, centroid vector)
	AS 'MODULE_PATHNAME', 'sphx_kmeans_query' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

COMMENT ON FUNCTION sphx_kmeans(text, integer, boolean, integer, bigint, bigint) IS 'k-means++ and Lloyd steps (0 = 10 at most) over the vectors of a query, or of a random sample of so many of them; spherical: over their directions, with unit centroids; fewer than k centroids where different rows are fewer';

CREATE FUNCTION sphx_train_codebook(points vector[], k integer, gap_weight double precision DEFAULT 2.0,
		spherical boolean DEFAULT false, subspaces integer DEFAULT 1, iterations integer DEFAULT 0,
		seed bigint DEFAULT 1, method text DEFAULT 'push')
	RETURNS TABLE (subspace integer, id integer, centroid vector)
	AS 'MODULE_PATHNAME', 'sphx_train_codebook_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION sphx_train_codebook(vector[], integer, double precision, boolean, integer, integer, bigint, text) IS 'k-means with gap regularisation (Mathews) over an array of vectors: centroids kept apart for at most gap_weight / 2 percent more quantization error; subspaces: a codebook of product quantization for each equal share of the dimensions; method softmin: that of the paper, spherical only';

CREATE FUNCTION sphx_train_codebook(query text, k integer, gap_weight double precision DEFAULT 2.0,
		spherical boolean DEFAULT false, subspaces integer DEFAULT 1, iterations integer DEFAULT 0,
		seed bigint DEFAULT 1, method text DEFAULT 'push', sample bigint DEFAULT 0)
	RETURNS TABLE (subspace integer, id integer, centroid vector)
	AS 'MODULE_PATHNAME', 'sphx_train_codebook_query' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

COMMENT ON FUNCTION sphx_train_codebook(text, integer, double precision, boolean, integer, integer, bigint, text, bigint) IS 'k-means with gap regularisation (Mathews) over the vectors of a query, or of a random sample of so many of them: centroids kept apart for at most gap_weight / 2 percent more quantization error; subspaces: a codebook of product quantization for each equal share of the dimensions; method softmin: that of the paper, spherical only';

CREATE FUNCTION sphx_train_report(points vector[], k integer, gap_weight double precision DEFAULT 2.0,
		spherical boolean DEFAULT false, subspaces integer DEFAULT 1, iterations integer DEFAULT 0,
		seed bigint DEFAULT 1, method text DEFAULT 'push')
	RETURNS TABLE (subspace integer, dimensions integer, vectors bigint,
		k integer, separation double precision, nearest_mean double precision, nearest_p5 double precision,
		quantization_error double precision, imbalance double precision, iterations integer,
		kmeans_k integer, kmeans_separation double precision, kmeans_nearest_mean double precision,
		kmeans_nearest_p5 double precision, kmeans_quantization_error double precision,
		kmeans_imbalance double precision, kmeans_iterations integer)
	AS 'MODULE_PATHNAME', 'sphx_train_report_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION sphx_train_report(vector[], integer, double precision, boolean, integer, integer, bigint, text) IS 'what sphx_train_codebook with the same arguments comes to, a row a subspace: smallest, mean and 5th percentile of the distances of centroids to the nearest other, mean squared distance of a row to its centroid, imbalance k * sum n_i^2 / n^2, each beside plain k-means';

CREATE FUNCTION sphx_train_report(query text, k integer, gap_weight double precision DEFAULT 2.0,
		spherical boolean DEFAULT false, subspaces integer DEFAULT 1, iterations integer DEFAULT 0,
		seed bigint DEFAULT 1, method text DEFAULT 'push', sample bigint DEFAULT 0)
	RETURNS TABLE (subspace integer, dimensions integer, vectors bigint,
		k integer, separation double precision, nearest_mean double precision, nearest_p5 double precision,
		quantization_error double precision, imbalance double precision, iterations integer,
		kmeans_k integer, kmeans_separation double precision, kmeans_nearest_mean double precision,
		kmeans_nearest_p5 double precision, kmeans_quantization_error double precision,
		kmeans_imbalance double precision, kmeans_iterations integer)
	AS 'MODULE_PATHNAME', 'sphx_train_report_query' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

COMMENT ON FUNCTION sphx_train_report(text, integer, double precision, boolean, integer, integer, bigint, text, bigint) IS 'what sphx_train_codebook with the same arguments comes to, a row a subspace: smallest, mean and 5th percentile of the distances of centroids to the nearest other, mean squared distance of a row to its centroid, imbalance k * sum n_i^2 / n^2, each beside plain k-means';


-- Angle testing

CREATE FUNCTION sphx_ks1(q vector, v vector, family text DEFAULT 'antipodal(256)', seed bigint DEFAULT 1)
	RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;

COMMENT ON FUNCTION sphx_ks1(vector, vector, text, bigint) IS 'kernel function for comparing angles with a unit vector q: inner product of v and the point of HS nearest to q, S a spherical code of vector_dims(q) dimensions and H a random rotation drawn from the seed (Lu, Xiao, Ishikawa, Eq. 2; v of any norm, Eq. 8); sphx_ks1(q, q, ...) is the cosine of the reference angle of q';

CREATE FUNCTION sphx_ks2(q vector, v vector, family text DEFAULT 'antipodal(256)', seed bigint DEFAULT 1)
	RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000;

COMMENT ON FUNCTION sphx_ks2(vector, vector, text, bigint) IS 'kernel function for comparing the angle of unit vectors with a threshold, an unbiased estimate of their inner product: that of Hq and the point of S nearest to Hv, divided by the cosine of the reference angle of v, which is sphx_ks1(v, v, family, seed) (Lu, Xiao, Ishikawa, Eq. 3)';

CREATE FUNCTION sphx_ks1_cdf(x double precision, phi double precision, psi double precision, dim integer)
	RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION sphx_ks1_cdf(double precision, double precision, double precision, integer) IS 'probability that sphx_ks1(q, v) is at most x, for unit vectors of dim dimensions at the angle phi and the reference angle psi of q (Lu, Xiao, Ishikawa, Lemma 4.2)';

CREATE FUNCTION sphx_ks2_probability(theta double precision, phi double precision, psi double precision, dim integer)
	RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION sphx_ks2_probability(double precision, double precision, double precision, integer) IS 'probability that sphx_ks2(q, v) is at least cos(theta), for unit vectors of dim dimensions at the angle phi and the reference angle psi of v (Lu, Xiao, Ishikawa, Lemma 4.3)';
