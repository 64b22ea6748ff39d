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

-- Measures of sets of points: the aggregates that 0.1.0 lacked

CREATE FUNCTION sphx_points_accum(internal, vector, double precision, boolean)
	RETURNS internal
	AS 'MODULE_PATHNAME', 'sphx_points_accum' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION sphx_points_accum(internal, vector, double precision, double precision)
	RETURNS internal
	AS 'MODULE_PATHNAME', 'sphx_points_accum' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION sphx_points_accum(internal, vector, integer, integer)
	RETURNS internal
	AS 'MODULE_PATHNAME', 'sphx_points_accum' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION sphx_points_accum_seeded(internal, vector, double precision, bigint, boolean, bigint)
	RETURNS internal
	AS 'MODULE_PATHNAME', 'sphx_points_accum_seeded' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION sphx_points_accum_seeded(internal, vector, integer, bigint)
	RETURNS internal
	AS 'MODULE_PATHNAME', 'sphx_points_accum_seeded' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION sphx_points_accum_seeded(internal, vector, double precision, integer, bigint)
	RETURNS internal
	AS 'MODULE_PATHNAME', 'sphx_points_accum_seeded' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION sphx_points_accum_seeded(internal, vector, integer, integer, bigint)
	RETURNS internal
	AS 'MODULE_PATHNAME', 'sphx_points_accum_seeded' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE AGGREGATE sphx_softmin_separation(vector, double precision, boolean) (
	SFUNC = sphx_points_accum,
	STYPE = internal,
	FINALFUNC = sphx_softmin_separation_final
);

COMMENT ON AGGREGATE sphx_softmin_separation(vector, double precision, boolean) IS '-tau log sum exp(-distance / tau) over pairs; corrected: plus tau log(number of pairs)';

CREATE AGGREGATE sphx_gap(vector, double precision, bigint, boolean, bigint) (
	SFUNC = sphx_points_accum_seeded,
	STYPE = internal,
	FINALFUNC = sphx_gap_final
);

COMMENT ON AGGREGATE sphx_gap(vector, double precision, bigint, boolean, bigint) IS 'smallest distance between two points minus 2 radius, from this many random pairs (0 = all), drawn from the seed, or from nearest neighbours';

CREATE AGGREGATE sphx_covering_radius(vector, integer, bigint) (
	SFUNC = sphx_points_accum_seeded,
	STYPE = internal,
	FINALFUNC = sphx_covering_radius_final
);

COMMENT ON AGGREGATE sphx_covering_radius(vector, integer, bigint) IS 'largest distance (chord) of a unit vector from the nearest of the points, from this many random directions, drawn from the seed';

CREATE TYPE sphx_certificate AS (certified boolean, gap double precision, norm_error double precision,
	i integer, j integer);

CREATE FUNCTION sphx_certify_final(internal)
	RETURNS sphx_certificate
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE AGGREGATE sphx_certify(vector, double precision, double precision) (
	SFUNC = sphx_points_accum,
	STYPE = internal,
	FINALFUNC = sphx_certify_final
);

COMMENT ON AGGREGATE sphx_certify(vector, double precision, double precision) IS 'do the points, on a sphere of radius 2 radius, keep a distance of 2 radius?  Radius, tolerance and answer are those of the function; i and j count rows as they come';

-- with a seed, which it lacked
DROP FUNCTION sphx_reference_cosine(vector[], integer, integer);

CREATE FUNCTION sphx_reference_cosine(points vector[], levels integer DEFAULT 1, samples integer DEFAULT 100000,
		seed bigint DEFAULT 1,
		OUT estimate double precision, OUT error_bound double precision, OUT lemma_b1 double precision)
	RETURNS record
	AS 'MODULE_PATHNAME', 'sphx_reference_cosine_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION sphx_reference_cosine(vector[], integer, integer, bigint) IS 'J(S) of the product code with these unit vectors at each level: mean cosine of the reference angle over this many random directions, drawn from the seed, its error with 99 % confidence, and the closed form of Lemma B.1 for as many random points (Lu, Xiao, Ishikawa)';

CREATE TYPE sphx_reference AS (estimate double precision, error_bound double precision, lemma_b1 double precision);

CREATE FUNCTION sphx_reference_cosine_final(internal)
	RETURNS sphx_reference
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE AGGREGATE sphx_reference_cosine(vector, integer, integer) (
	SFUNC = sphx_points_accum,
	STYPE = internal,
	FINALFUNC = sphx_reference_cosine_final
);

COMMENT ON AGGREGATE sphx_reference_cosine(vector, integer, integer) IS 'J(S) of the product code with these unit vectors at each level: levels, samples and answer are those of the function';

CREATE AGGREGATE sphx_reference_cosine(vector, integer, integer, bigint) (
	SFUNC = sphx_points_accum_seeded,
	STYPE = internal,
	FINALFUNC = sphx_reference_cosine_final
);

COMMENT ON AGGREGATE sphx_reference_cosine(vector, integer, integer, bigint) IS 'J(S) of the product code with these unit vectors at each level: levels, samples, seed and answer are those of the function';

CREATE TYPE sphx_collision AS (probability double precision, error_bound double precision, exact boolean);

CREATE FUNCTION sphx_collision_probability_final(internal)
	RETURNS sphx_collision
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE AGGREGATE sphx_collision_probability(vector, double precision) (
	SFUNC = sphx_points_accum,
	STYPE = internal,
	FINALFUNC = sphx_collision_probability_final
);

COMMENT ON AGGREGATE sphx_collision_probability(vector, double precision) IS 'probability that vectors at the angle theta have the same hash value; the answer is that of the function';

CREATE AGGREGATE sphx_collision_probability(vector, double precision, integer, bigint) (
	SFUNC = sphx_points_accum_seeded,
	STYPE = internal,
	FINALFUNC = sphx_collision_probability_final
);

COMMENT ON AGGREGATE sphx_collision_probability(vector, double precision, integer, bigint) IS 'probability that vectors at the angle theta have the same hash value; samples (0 = chosen), seed and answer are those of the function';

CREATE TYPE sphx_exponent AS (rho double precision, error_bound double precision, p1 double precision, p2 double precision);

CREATE FUNCTION sphx_query_exponent_final(internal)
	RETURNS sphx_exponent
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE AGGREGATE sphx_query_exponent(vector, double precision) (
	SFUNC = sphx_points_accum,
	STYPE = internal,
	FINALFUNC = sphx_query_exponent_final
);

COMMENT ON AGGREGATE sphx_query_exponent(vector, double precision) IS 'query exponent log p1 / log p2 of hashing; the answer is that of the function';

CREATE AGGREGATE sphx_query_exponent(vector, double precision, integer, bigint) (
	SFUNC = sphx_points_accum_seeded,
	STYPE = internal,
	FINALFUNC = sphx_query_exponent_final
);

COMMENT ON AGGREGATE sphx_query_exponent(vector, double precision, integer, bigint) IS 'query exponent log p1 / log p2 of hashing; samples (0 = chosen), seed and answer are those of the function';
