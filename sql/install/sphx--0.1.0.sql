-- sphx 0.1.0: all objects of the extension

-- complain if the script is run by psql rather than by CREATE EXTENSION
\echo Use "CREATE EXTENSION sphx" to load this file. \quit

-- A type "vector" that is here already belongs to somebody else, most likely
-- to pgvector.  Both can live in one database, but not in one schema: then the
-- extension is installed in the schema sphx, as if that had been asked for.
DO $$
DECLARE
	target CONSTANT text := current_schema();
	owner text;
BEGIN
	IF to_regtype(format('%I.vector', target)) IS NULL THEN
		RETURN;
	END IF;
	SELECT e.extname INTO owner
	FROM pg_catalog.pg_depend d
		JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
	WHERE d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass
		AND d.objid = to_regtype(format('%I.vector', target))
		AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
		AND d.deptype = 'e';
	IF to_regnamespace('sphx') IS NULL THEN
		CREATE SCHEMA sphx;
		-- not a part of the extension, or it could not be where the extension is
		ALTER EXTENSION sphx DROP SCHEMA sphx;
		GRANT USAGE ON SCHEMA sphx TO PUBLIC;
	ELSIF to_regtype('sphx.vector') IS NOT NULL OR NOT EXISTS (
		-- whoever owns a schema can replace what is in it
		SELECT FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_roles r ON r.oid = n.nspowner
		WHERE n.nspname = 'sphx' AND (r.rolsuper OR r.rolname = current_user))
	THEN
		RAISE EXCEPTION USING
			ERRCODE = 'duplicate_object',
			MESSAGE = format('type "vector" already exists in schema "%s"', target),
			DETAIL = CASE WHEN owner IS NULL THEN 'It does not belong to an extension.'
				ELSE format('It belongs to the extension "%s".', owner) END,
			HINT = 'The schema sphx has one as well, or belongs to another user. Name a schema for sphx alone: CREATE SCHEMA other; CREATE EXTENSION sphx SCHEMA other;';
	END IF;
	ALTER EXTENSION sphx SET SCHEMA sphx;
	PERFORM set_config('search_path', 'sphx, pg_temp', true);
	-- scripts of extensions run with client_min_messages = warning
	RAISE INFO USING
		MESSAGE = format('extension "sphx" is installed in schema "sphx", not in "%s"', target),
		DETAIL = format('There is a type "vector" in schema "%s", %s.', target,
			CASE WHEN owner IS NULL THEN 'which does not belong to an extension'
				ELSE format('which belongs to the extension "%s"', owner) END);
END
$$;


-- Type

CREATE TYPE vector;

CREATE FUNCTION vector_in(cstring, oid, integer) RETURNS vector
	AS 'MODULE_PATHNAME', 'sphx_vector_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION vector_out(vector) RETURNS cstring
	AS 'MODULE_PATHNAME', 'sphx_vector_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION vector_typmod_in(cstring[]) RETURNS integer
	AS 'MODULE_PATHNAME', 'sphx_vector_typmod_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION vector_recv(internal, oid, integer) RETURNS vector
	AS 'MODULE_PATHNAME', 'sphx_vector_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION vector_send(vector) RETURNS bytea
	AS 'MODULE_PATHNAME', 'sphx_vector_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

-- external: compression gains next to nothing on floats and costs every read
CREATE TYPE vector (
	INPUT = vector_in,
	OUTPUT = vector_out,
	TYPMOD_IN = vector_typmod_in,
	RECEIVE = vector_recv,
	SEND = vector_send,
	STORAGE = external
);


-- Distances

CREATE FUNCTION l2_distance(vector, vector) RETURNS double precision
	AS 'MODULE_PATHNAME', 'sphx_l2_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION inner_product(vector, vector) RETURNS double precision
	AS 'MODULE_PATHNAME', 'sphx_inner_product' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION cosine_distance(vector, vector) RETURNS double precision
	AS 'MODULE_PATHNAME', 'sphx_cosine_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION l1_distance(vector, vector) RETURNS double precision
	AS 'MODULE_PATHNAME', 'sphx_l1_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION vector_negative_inner_product(vector, vector) RETURNS double precision
	AS 'MODULE_PATHNAME', 'sphx_negative_inner_product' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE OPERATOR <-> (
	LEFTARG = vector, RIGHTARG = vector, FUNCTION = l2_distance,
	COMMUTATOR = <->
);

CREATE OPERATOR <#> (
	LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_negative_inner_product,
	COMMUTATOR = <#>
);

CREATE OPERATOR <=> (
	LEFTARG = vector, RIGHTARG = vector, FUNCTION = cosine_distance,
	COMMUTATOR = <=>
);

CREATE OPERATOR <+> (
	LEFTARG = vector, RIGHTARG = vector, FUNCTION = l1_distance,
	COMMUTATOR = <+>
);


-- Other functions

CREATE FUNCTION vector_dims(vector) RETURNS integer
	AS 'MODULE_PATHNAME', 'sphx_vector_dims' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION vector_norm(vector) RETURNS double precision
	AS 'MODULE_PATHNAME', 'sphx_vector_norm' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION l2_normalize(vector) RETURNS vector
	AS 'MODULE_PATHNAME', 'sphx_l2_normalize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION subvector(vector, integer, integer) RETURNS vector
	AS 'MODULE_PATHNAME', 'sphx_subvector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;


-- Arithmetic, element by element, and concatenation

CREATE FUNCTION vector_add(vector, vector) RETURNS vector
	AS 'MODULE_PATHNAME', 'sphx_vector_add' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION vector_sub(vector, vector) RETURNS vector
	AS 'MODULE_PATHNAME', 'sphx_vector_sub' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION vector_mul(vector, vector) RETURNS vector
	AS 'MODULE_PATHNAME', 'sphx_vector_mul' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION vector_concat(vector, vector) RETURNS vector
	AS 'MODULE_PATHNAME', 'sphx_vector_concat' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE OPERATOR + (
	LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_add,
	COMMUTATOR = +
);

CREATE OPERATOR - (
	LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_sub
);

CREATE OPERATOR * (
	LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_mul,
	COMMUTATOR = *
);

CREATE OPERATOR || (
	LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_concat
);


-- Order

CREATE FUNCTION vector_lt(vector, vector) RETURNS boolean
	AS 'MODULE_PATHNAME', 'sphx_vector_lt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION vector_le(vector, vector) RETURNS boolean
	AS 'MODULE_PATHNAME', 'sphx_vector_le' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION vector_eq(vector, vector) RETURNS boolean
	AS 'MODULE_PATHNAME', 'sphx_vector_eq' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION vector_ne(vector, vector) RETURNS boolean
	AS 'MODULE_PATHNAME', 'sphx_vector_ne' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION vector_ge(vector, vector) RETURNS boolean
	AS 'MODULE_PATHNAME', 'sphx_vector_ge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION vector_gt(vector, vector) RETURNS boolean
	AS 'MODULE_PATHNAME', 'sphx_vector_gt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION vector_cmp(vector, vector) RETURNS integer
	AS 'MODULE_PATHNAME', 'sphx_vector_cmp' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE OPERATOR < (
	LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_lt,
	COMMUTATOR = >, NEGATOR = >=,
	RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);

CREATE OPERATOR <= (
	LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_le,
	COMMUTATOR = >=, NEGATOR = >,
	RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);

CREATE OPERATOR = (
	LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_eq,
	COMMUTATOR = =, NEGATOR = <>,
	RESTRICT = eqsel, JOIN = eqjoinsel,
	MERGES
);

CREATE OPERATOR <> (
	LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_ne,
	COMMUTATOR = <>, NEGATOR = =,
	RESTRICT = neqsel, JOIN = neqjoinsel
);

CREATE OPERATOR >= (
	LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_ge,
	COMMUTATOR = <=, NEGATOR = <,
	RESTRICT = scalargesel, JOIN = scalargejoinsel
);

CREATE OPERATOR > (
	LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_gt,
	COMMUTATOR = <, NEGATOR = <=,
	RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);

CREATE OPERATOR CLASS vector_ops
	DEFAULT FOR TYPE vector USING btree AS
	OPERATOR 1 <,
	OPERATOR 2 <=,
	OPERATOR 3 =,
	OPERATOR 4 >=,
	OPERATOR 5 >,
	FUNCTION 1 vector_cmp(vector, vector);


-- Aggregates

CREATE FUNCTION vector_accum(double precision[], vector) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'sphx_vector_accum' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION vector_combine(double precision[], double precision[]) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'sphx_vector_combine' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION vector_avg(double precision[]) RETURNS vector
	AS 'MODULE_PATHNAME', 'sphx_vector_avg' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE AGGREGATE avg(vector) (
	SFUNC = vector_accum,
	STYPE = double precision[],
	FINALFUNC = vector_avg,
	COMBINEFUNC = vector_combine,
	INITCOND = '{0}',
	PARALLEL = SAFE
);

CREATE AGGREGATE sum(vector) (
	SFUNC = vector_add,
	STYPE = vector,
	COMBINEFUNC = vector_add,
	PARALLEL = SAFE
);


-- Casts.  To real[] nothing is lost, hence implicit.

CREATE FUNCTION vector(vector, integer, boolean) RETURNS vector
	AS 'MODULE_PATHNAME', 'sphx_vector_coerce' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION array_to_vector(integer[], integer, boolean) RETURNS vector
	AS 'MODULE_PATHNAME', 'sphx_array_to_vector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION array_to_vector(real[], integer, boolean) RETURNS vector
	AS 'MODULE_PATHNAME', 'sphx_array_to_vector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION array_to_vector(double precision[], integer, boolean) RETURNS vector
	AS 'MODULE_PATHNAME', 'sphx_array_to_vector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION array_to_vector(numeric[], integer, boolean) RETURNS vector
	AS 'MODULE_PATHNAME', 'sphx_array_to_vector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION vector_to_float4(vector, integer, boolean) RETURNS real[]
	AS 'MODULE_PATHNAME', 'sphx_vector_to_float4' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION vector_to_float8(vector, integer, boolean) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'sphx_vector_to_float8' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION vector_to_int4(vector, integer, boolean) RETURNS integer[]
	AS 'MODULE_PATHNAME', 'sphx_vector_to_int4' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION vector_to_numeric(vector, integer, boolean) RETURNS numeric[]
	AS 'MODULE_PATHNAME', 'sphx_vector_to_numeric' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE CAST (vector AS vector)
	WITH FUNCTION vector(vector, integer, boolean) AS IMPLICIT;

CREATE CAST (vector AS real[])
	WITH FUNCTION vector_to_float4(vector, integer, boolean) AS IMPLICIT;

CREATE CAST (vector AS double precision[])
	WITH FUNCTION vector_to_float8(vector, integer, boolean) AS ASSIGNMENT;

CREATE CAST (vector AS integer[])
	WITH FUNCTION vector_to_int4(vector, integer, boolean) AS ASSIGNMENT;

CREATE CAST (vector AS numeric[])
	WITH FUNCTION vector_to_numeric(vector, integer, boolean) AS ASSIGNMENT;

CREATE CAST (integer[] AS vector)
	WITH FUNCTION array_to_vector(integer[], integer, boolean) AS ASSIGNMENT;

CREATE CAST (real[] AS vector)
	WITH FUNCTION array_to_vector(real[], integer, boolean) AS ASSIGNMENT;

CREATE CAST (double precision[] AS vector)
	WITH FUNCTION array_to_vector(double precision[], integer, boolean) AS ASSIGNMENT;

CREATE CAST (numeric[] AS vector)
	WITH FUNCTION array_to_vector(numeric[], integer, boolean) AS ASSIGNMENT;


-- Access method sphx and its operator classes

CREATE FUNCTION sphx_handler(internal) RETURNS index_am_handler
	AS 'MODULE_PATHNAME' LANGUAGE C;

CREATE ACCESS METHOD sphx TYPE INDEX HANDLER sphx_handler;

COMMENT ON ACCESS METHOD sphx IS 'similarity search: cells and a graph with edge codes';

CREATE FUNCTION sphx_metric_l2() RETURNS integer
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION sphx_metric_cosine() RETURNS integer
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION sphx_metric_ip() RETURNS integer
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE OPERATOR CLASS vector_l2_ops
	DEFAULT FOR TYPE vector USING sphx AS
	OPERATOR 1 <-> (vector, vector) FOR ORDER BY float_ops,
	FUNCTION 1 l2_distance(vector, vector),
	FUNCTION 2 sphx_metric_l2();

CREATE OPERATOR CLASS vector_cosine_ops
	FOR TYPE vector USING sphx AS
	OPERATOR 1 <=> (vector, vector) FOR ORDER BY float_ops,
	FUNCTION 1 cosine_distance(vector, vector),
	FUNCTION 2 sphx_metric_cosine();

CREATE OPERATOR CLASS vector_ip_ops
	FOR TYPE vector USING sphx AS
	OPERATOR 1 <#> (vector, vector) FOR ORDER BY float_ops,
	FUNCTION 1 vector_negative_inner_product(vector, vector),
	FUNCTION 2 sphx_metric_ip();


-- Inspection

CREATE FUNCTION sphx_index_stats(index regclass,
		OUT dimensions integer, OUT metric text, OUT vectors bigint, OUT cells integer, OUT layers integer,
		OUT separation double precision, OUT nearest_mean double precision, OUT nearest_p5 double precision,
		OUT quantization_error double precision, OUT imbalance double precision,
		OUT kmeans_separation double precision, OUT kmeans_nearest_mean double precision,
		OUT kmeans_nearest_p5 double precision, OUT kmeans_quantization_error double precision,
		OUT kmeans_imbalance double precision,
		OUT gap_weight double precision, OUT code_bits real, OUT mean_a double precision,
		OUT neighbours integer, OUT storage text, OUT bytes_per_vector double precision,
		OUT meta_pages integer, OUT directory_pages integer, OUT centroid_pages integer,
		OUT node_pages integer, OUT overflow_pages integer, OUT empty_pages integer,
		OUT dead_records bigint, OUT free_slots bigint)
	RETURNS record
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;

COMMENT ON FUNCTION sphx_index_stats(regclass) IS 'size, layout and training of an sphx index: centroid separation, mean and 5th percentile of the distance to the nearest other centroid, quantization error and imbalance of cells, each beside plain k-means; pages by kind; reads the whole index';


-- Spherical codes.  Ids count from 1; angles are in radians.

CREATE FUNCTION sphx_code(family text, dim integer)
	RETURNS TABLE (id integer, point vector)
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION sphx_code(text, integer) IS 'codewords of a spherical code: unit vectors of dim dimensions; parameters stand behind the name, as in polygon(5)';

CREATE FUNCTION sphx_code_levels(family text, dim integer)
	RETURNS TABLE (level integer, id integer, point vector)
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION sphx_code_levels(text, integer) IS 'points of a product code (Lu, Xiao, Ishikawa, Algorithms 1 to 3): m vectors of dim / levels dimensions and norm 1 / sqrt(levels) at each level';

CREATE FUNCTION sphx_code_families(dim integer DEFAULT NULL)
	RETURNS TABLE (family text, alias text, parameters text, dimensions text,
		size_formula text, cosine_formula text, size bigint, min_angle double precision)
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION sphx_code_families(integer) IS 'families of spherical codes, or those of dim dimensions: number of codewords, cosine of the smallest angle between two (k is the dimension), and both as numbers where certain';


-- Measures of sets of points, as functions of an array and as aggregates

CREATE FUNCTION sphx_points_accum(internal, vector)
	RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION sphx_points_accum(internal, vector, double precision)
	RETURNS internal
	AS 'MODULE_PATHNAME', 'sphx_points_accum' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION sphx_points_accum(internal, vector, integer)
	RETURNS internal
	AS 'MODULE_PATHNAME', 'sphx_points_accum' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION sphx_points_accum(internal, vector, double precision, bigint, boolean)
	RETURNS internal
	AS 'MODULE_PATHNAME', 'sphx_points_accum' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION sphx_min_angle(points vector[])
	RETURNS double precision
	AS 'MODULE_PATHNAME', 'sphx_min_angle_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION sphx_min_angle(vector[]) IS 'smallest angle between two points, in radians; points need not be unit vectors, but not zero';

CREATE FUNCTION sphx_min_angle_final(internal)
	RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE AGGREGATE sphx_min_angle(vector) (
	SFUNC = sphx_points_accum,
	STYPE = internal,
	FINALFUNC = sphx_min_angle_final
);

COMMENT ON AGGREGATE sphx_min_angle(vector) IS 'smallest angle between two points, in radians';

CREATE FUNCTION sphx_packing_radius(points vector[])
	RETURNS double precision
	AS 'MODULE_PATHNAME', 'sphx_packing_radius_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION sphx_packing_radius(vector[]) IS 'half the smallest distance between two points';

CREATE FUNCTION sphx_packing_radius_final(internal)
	RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE AGGREGATE sphx_packing_radius(vector) (
	SFUNC = sphx_points_accum,
	STYPE = internal,
	FINALFUNC = sphx_packing_radius_final
);

COMMENT ON AGGREGATE sphx_packing_radius(vector) IS 'half the smallest distance between two points';

CREATE FUNCTION sphx_gap(points vector[], radius double precision DEFAULT 0.5,
		pairs bigint DEFAULT 0, neighbours boolean DEFAULT false, seed bigint DEFAULT 1)
	RETURNS double precision
	AS 'MODULE_PATHNAME', 'sphx_gap_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION sphx_gap(vector[], double precision, bigint, boolean, bigint) IS 'smallest distance between two points minus 2 radius (Mathews, section 2.2); exact, or an upper bound from random pairs, or from approximate nearest neighbours';

CREATE FUNCTION sphx_gap_final(internal)
	RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE AGGREGATE sphx_gap(vector, double precision) (
	SFUNC = sphx_points_accum,
	STYPE = internal,
	FINALFUNC = sphx_gap_final
);

COMMENT ON AGGREGATE sphx_gap(vector, double precision) IS 'smallest distance between two points minus 2 radius';

CREATE AGGREGATE sphx_gap(vector, double precision, bigint, boolean) (
	SFUNC = sphx_points_accum,
	STYPE = internal,
	FINALFUNC = sphx_gap_final
);

COMMENT ON AGGREGATE sphx_gap(vector, double precision, bigint, boolean) IS 'smallest distance between two points minus 2 radius, from this many random pairs (0 = all) or from nearest neighbours';

CREATE FUNCTION sphx_softmin_separation(points vector[], tau double precision, corrected boolean DEFAULT false)
	RETURNS double precision
	AS 'MODULE_PATHNAME', 'sphx_softmin_separation_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION sphx_softmin_separation(vector[], double precision, boolean) IS '-tau log sum exp(-distance / tau) over pairs (Mathews, section 6.3); corrected: plus tau log(number of pairs), by which it is at most too low';

CREATE FUNCTION sphx_softmin_separation_final(internal)
	RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE AGGREGATE sphx_softmin_separation(vector, double precision) (
	SFUNC = sphx_points_accum,
	STYPE = internal,
	FINALFUNC = sphx_softmin_separation_final
);

COMMENT ON AGGREGATE sphx_softmin_separation(vector, double precision) IS '-tau log sum exp(-distance / tau) over pairs';

CREATE FUNCTION sphx_covering_radius(points vector[], samples integer DEFAULT 1000, seed bigint DEFAULT 1)
	RETURNS double precision
	AS 'MODULE_PATHNAME', 'sphx_covering_radius_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION sphx_covering_radius(vector[], integer, bigint) IS 'largest distance (chord) of a unit vector from the nearest of the points, which are unit vectors: that of the deepest hole found from random directions; as an angle 2 asin(radius / 2)';

CREATE FUNCTION sphx_covering_radius_final(internal)
	RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE AGGREGATE sphx_covering_radius(vector, integer) (
	SFUNC = sphx_points_accum,
	STYPE = internal,
	FINALFUNC = sphx_covering_radius_final
);

COMMENT ON AGGREGATE sphx_covering_radius(vector, integer) IS 'largest distance (chord) of a unit vector from the nearest of the points, from this many random directions';

CREATE FUNCTION sphx_reference_cosine(points vector[], levels integer DEFAULT 1, samples integer DEFAULT 100000,
		OUT estimate double precision, OUT error_bound double precision, OUT lemma_b1 double precision)
	RETURNS record
	AS 'MODULE_PATHNAME', 'sphx_reference_cosine_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION sphx_reference_cosine(vector[], integer, integer) IS 'J(S) of the product code with these unit vectors at each level: mean cosine of the reference angle, its error with 99 % confidence, and the closed form of Lemma B.1 for as many random points (Lu, Xiao, Ishikawa)';

CREATE FUNCTION sphx_certify(points vector[], radius double precision DEFAULT 0.5, tolerance double precision DEFAULT 1e-6,
		OUT certified boolean, OUT gap double precision, OUT norm_error double precision,
		OUT i integer, OUT j integer)
	RETURNS record
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION sphx_certify(vector[], double precision, double precision) IS 'do the points, on a sphere of radius 2 radius, keep a distance of 2 radius?  gap and largest deviation of a norm may fail by the tolerance; i and j are the nearest pair (Mathews, section 2.2)';

CREATE FUNCTION sphx_kissing_number(dim integer, OUT lower integer, OUT upper integer,
		OUT lower_source text, OUT upper_source text)
	RETURNS record
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION sphx_kissing_number(integer) IS 'known bounds of the kissing number of 1 to 24 dimensions';


-- Hashing with spherical codes (Laarhoven)

CREATE FUNCTION sphx_nearest_codeword(family text, x vector)
	RETURNS bigint
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION sphx_nearest_codeword(text, vector) IS 'id of the codeword of sphx_code(family, vector_dims(x)) at the smallest angle to x, without listing the code';

CREATE FUNCTION sphx_hash(family text, k integer, seed bigint, x vector)
	RETURNS bigint
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION sphx_hash(text, integer, bigint, vector) IS 'id of the codeword of k dimensions nearest to A x, A a k by vector_dims(x) matrix of standard normal numbers drawn from the seed (Laarhoven, Definition 7)';

CREATE FUNCTION sphx_collision_probability(family text, dim integer, theta double precision,
		samples integer DEFAULT 0, seed bigint DEFAULT 1,
		OUT probability double precision, OUT error_bound double precision, OUT exact boolean)
	RETURNS record
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION sphx_collision_probability(text, integer, double precision, integer, bigint) IS 'probability that vectors at the angle theta have the same hash value (Laarhoven, Theorem 8): a closed form, or an integral over random planes with an error bound of 99 % confidence';

CREATE FUNCTION sphx_collision_probability(points vector[], theta double precision,
		samples integer DEFAULT 0, seed bigint DEFAULT 1,
		OUT probability double precision, OUT error_bound double precision, OUT exact boolean)
	RETURNS record
	AS 'MODULE_PATHNAME', 'sphx_collision_probability_points' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION sphx_collision_probability(vector[], double precision, integer, bigint) IS 'probability that vectors at the angle theta have the same hash value (Laarhoven, Theorem 8): a closed form, or an integral over random planes with an error bound of 99 % confidence';

CREATE FUNCTION sphx_query_exponent(family text, dim integer, theta double precision,
		samples integer DEFAULT 0, seed bigint DEFAULT 1,
		OUT rho double precision, OUT error_bound double precision,
		OUT p1 double precision, OUT p2 double precision)
	RETURNS record
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION sphx_query_exponent(text, integer, double precision, integer, bigint) IS 'query exponent log p1 / log p2 of hashing, p1 the collision probability at the angle theta, p2 that of unrelated vectors (Laarhoven, section 3.2)';

CREATE FUNCTION sphx_query_exponent(points vector[], theta double precision,
		samples integer DEFAULT 0, seed bigint DEFAULT 1,
		OUT rho double precision, OUT error_bound double precision,
		OUT p1 double precision, OUT p2 double precision)
	RETURNS record
	AS 'MODULE_PATHNAME', 'sphx_query_exponent_points' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION sphx_query_exponent(vector[], double precision, integer, bigint) IS 'query exponent log p1 / log p2 of hashing, p1 the collision probability at the angle theta, p2 that of unrelated vectors (Laarhoven, section 3.2)';


-- Optimised codes

CREATE FUNCTION sphx_optimize_code(n integer, dim integer, objective text DEFAULT 'packing',
		restarts integer DEFAULT 0, iterations integer DEFAULT 0, seed bigint DEFAULT 1,
		slack double precision DEFAULT 0.05)
	RETURNS TABLE (id integer, point vector)
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000000;

COMMENT ON FUNCTION sphx_optimize_code(integer, integer, text, integer, integer, bigint, double precision) IS 'n unit vectors of dim dimensions: largest minimum angle (packing), smallest covering radius (covering), or largest minimum angle with a covering radius of at most 1 + slack times the best one found (separation under a covering bound); restarts and iterations of annealing, 0 = chosen from the size (Mathews, sections 6.3 and 7.1)';

CREATE FUNCTION sphx_class_prototypes(n integer, dim integer, seed bigint DEFAULT 1)
	RETURNS TABLE (id integer, point vector)
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000000;

COMMENT ON FUNCTION sphx_class_prototypes(integer, integer, bigint) IS 'prototypes of n classes for contrastive learning: n unit vectors of dim dimensions with a large minimum angle, the best possible one for n at most 2 dim (Mathews, section 4.4)';
