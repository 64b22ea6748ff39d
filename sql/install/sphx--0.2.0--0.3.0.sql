-- sphx 0.3.0: what is new since 0.2.0

-- complain if the script is run by psql rather than by ALTER EXTENSION
\echo Use "ALTER EXTENSION sphx UPDATE" to load this file. \quit


-- Costs of distances, for the planner: fetching a large vector is the most of it

CREATE FUNCTION sphx_distance_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION sphx_distance_support(internal) IS 'tells the planner what a distance costs, with the fetching of vectors that are kept out of line';

ALTER FUNCTION l2_distance(vector, vector) SUPPORT sphx_distance_support;
ALTER FUNCTION inner_product(vector, vector) SUPPORT sphx_distance_support;
ALTER FUNCTION cosine_distance(vector, vector) SUPPORT sphx_distance_support;
ALTER FUNCTION l1_distance(vector, vector) SUPPORT sphx_distance_support;
ALTER FUNCTION vector_negative_inner_product(vector, vector) SUPPORT sphx_distance_support;


-- Inspection of an index

-- with what the calibration was made of, which it lacked
DROP FUNCTION sphx_index_stats(regclass);

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
		OUT dead_records bigint, OUT free_slots bigint,
		OUT calibrated_vectors bigint, OUT calibration_stale boolean,
		OUT rotation text, OUT directions integer, OUT center real, OUT anisotropy double precision,
		OUT head_energy double precision, OUT intrinsic_dimension double precision,
		OUT predicted_noise double precision, OUT code_layout text, OUT vector_layout text,
		OUT basis_pages integer, OUT mean_a_now double precision, OUT reindex_advised boolean)
	RETURNS record
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;

COMMENT ON FUNCTION sphx_index_stats(regclass) IS 'size, layout and training of an sphx index: centroid separation, mean and 5th percentile of the distance to the nearest other centroid, quantization error and imbalance of cells, each beside plain k-means; pages by kind; of how many vectors the calibration is, and whether there are many more or less now; the geometry that the build chose, and whether it still suits the rows; reads the whole index';

CREATE FUNCTION sphx_calibration(index regclass)
	RETURNS TABLE (k integer, ef_search integer, recall double precision)
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED;

COMMENT ON FUNCTION sphx_calibration(regclass) IS 'recall of the k nearest that the index was seen to reach at each ef_search, by which sphx.target_recall chooses one; no rows where it has not been measured';

CREATE FUNCTION sphx_calibrate(index regclass)
	RETURNS TABLE (k integer, ef_search integer, recall double precision)
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

COMMENT ON FUNCTION sphx_calibrate(regclass) IS 'measures which recall the index reaches at each ef_search, with rows of its own as queries, and keeps it in the index, as a build does; for the owner of the table; queries and inserts go on';

CREATE FUNCTION sphx_recall(index regclass, k integer DEFAULT 10, sample integer DEFAULT 200,
		OUT recall double precision, OUT lower double precision, OUT upper double precision,
		OUT queries_run integer, OUT at_k integer, OUT ef_search integer, OUT nodes_read double precision)
	RETURNS record
	AS 'MODULE_PATHNAME', 'sphx_recall_sample' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

COMMENT ON FUNCTION sphx_recall(regclass, integer, integer) IS 'recall of the k nearest by the index, against exact answers from reading the table, with an interval of 95 % confidence; the queries are so many rows of the table, each without itself';

CREATE FUNCTION sphx_recall(index regclass, k integer, queries text,
		OUT recall double precision, OUT lower double precision, OUT upper double precision,
		OUT queries_run integer, OUT at_k integer, OUT ef_search integer, OUT nodes_read double precision)
	RETURNS record
	AS 'MODULE_PATHNAME', 'sphx_recall_query' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

COMMENT ON FUNCTION sphx_recall(regclass, integer, text) IS 'the same with the vectors of a query, one SELECT of one column, run with the caller''s rights';

CREATE FUNCTION sphx_recall(index regclass, k integer, queries vector[],
		OUT recall double precision, OUT lower double precision, OUT upper double precision,
		OUT queries_run integer, OUT at_k integer, OUT ef_search integer, OUT nodes_read double precision)
	RETURNS record
	AS 'MODULE_PATHNAME', 'sphx_recall_array' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

COMMENT ON FUNCTION sphx_recall(regclass, integer, vector[]) IS 'the same with these vectors';

CREATE FUNCTION sphx_last_scan(OUT index regclass, OUT nodes_read bigint, OUT cells_read integer,
		OUT widenings integer, OUT nodes_late bigint, OUT rows_returned bigint,
		OUT rows_rechecked bigint, OUT table_read boolean, OUT blocks_requested bigint)
	RETURNS record
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;

COMMENT ON FUNCTION sphx_last_scan() IS 'what the scan of an sphx index that ended last in this session did: vectors and cells read, widenings of the search, vectors found late, rows returned and those of which the executor computed the distance, whether the table was read instead, blocks of index and table asked for before they were read';

CREATE FUNCTION sphx_scan_figures(index regclass, OUT scans bigint, OUT nodes_read bigint,
		OUT cells_read bigint, OUT widenings bigint, OUT nodes_late bigint, OUT rows_returned bigint,
		OUT rows_rechecked bigint, OUT table_reads bigint)
	RETURNS record
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;

COMMENT ON FUNCTION sphx_scan_figures(regclass) IS 'sums over the scans of an index, see sphx_stat_indexes';

CREATE VIEW sphx_stat_indexes AS
	SELECT t.oid AS relid, c.oid AS indexrelid, n.nspname AS schemaname, t.relname, c.relname AS indexrelname, f.*
	FROM pg_class c
		JOIN pg_am a ON a.oid = c.relam AND a.amname = 'sphx'
		JOIN pg_index i ON i.indexrelid = c.oid
		JOIN pg_class t ON t.oid = i.indrelid
		JOIN pg_namespace n ON n.oid = t.relnamespace
		CROSS JOIN LATERAL sphx_scan_figures(c.oid) f
	WHERE c.relkind = 'i';

COMMENT ON VIEW sphx_stat_indexes IS 'what the scans of each sphx index of the database did, since the start of the server or sphx_stat_reset()';

GRANT SELECT ON sphx_stat_indexes TO PUBLIC;

CREATE FUNCTION sphx_stat_reset() RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL RESTRICTED;

COMMENT ON FUNCTION sphx_stat_reset() IS 'make the figures of sphx_stat_indexes of this database 0';

REVOKE EXECUTE ON FUNCTION sphx_stat_reset() FROM PUBLIC;


-- Shards

CREATE FUNCTION sphx_shard_query(parent regclass, "column" name, operator name, k bigint DEFAULT 10,
		columns text DEFAULT NULL, condition text DEFAULT NULL)
	RETURNS text
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE;

COMMENT ON FUNCTION sphx_shard_query(regclass, name, name, bigint, text, text) IS 'a query for the k rows of a partitioned table nearest to $1 (k NULL: as many as $2) that asks all partitions, with postgres_fdw at the same time: their columns (NULL: all) and the distance, of the rows that satisfy the condition';


-- Type halfvec: elements of half precision

CREATE TYPE halfvec;

CREATE FUNCTION halfvec_in(cstring, oid, integer) RETURNS halfvec
	AS 'MODULE_PATHNAME', 'sphx_halfvec_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION halfvec_out(halfvec) RETURNS cstring
	AS 'MODULE_PATHNAME', 'sphx_halfvec_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION halfvec_typmod_in(cstring[]) RETURNS integer
	AS 'MODULE_PATHNAME', 'sphx_halfvec_typmod_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION halfvec_recv(internal, oid, integer) RETURNS halfvec
	AS 'MODULE_PATHNAME', 'sphx_halfvec_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION halfvec_send(halfvec) RETURNS bytea
	AS 'MODULE_PATHNAME', 'sphx_halfvec_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE TYPE halfvec (
	INPUT = halfvec_in,
	OUTPUT = halfvec_out,
	TYPMOD_IN = halfvec_typmod_in,
	RECEIVE = halfvec_recv,
	SEND = halfvec_send,
	STORAGE = external
);

CREATE FUNCTION l2_distance(halfvec, halfvec) RETURNS double precision
	AS 'MODULE_PATHNAME', 'sphx_halfvec_l2_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION inner_product(halfvec, halfvec) RETURNS double precision
	AS 'MODULE_PATHNAME', 'sphx_halfvec_inner_product' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION cosine_distance(halfvec, halfvec) RETURNS double precision
	AS 'MODULE_PATHNAME', 'sphx_halfvec_cosine_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION l1_distance(halfvec, halfvec) RETURNS double precision
	AS 'MODULE_PATHNAME', 'sphx_halfvec_l1_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION halfvec_negative_inner_product(halfvec, halfvec) RETURNS double precision
	AS 'MODULE_PATHNAME', 'sphx_halfvec_negative_inner_product' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION vector_dims(halfvec) RETURNS integer
	AS 'MODULE_PATHNAME', 'sphx_halfvec_dims' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION l2_norm(halfvec) RETURNS double precision
	AS 'MODULE_PATHNAME', 'sphx_halfvec_norm' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION l2_normalize(halfvec) RETURNS halfvec
	AS 'MODULE_PATHNAME', 'sphx_halfvec_l2_normalize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION subvector(halfvec, integer, integer) RETURNS halfvec
	AS 'MODULE_PATHNAME', 'sphx_halfvec_subvector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION halfvec_add(halfvec, halfvec) RETURNS halfvec
	AS 'MODULE_PATHNAME', 'sphx_halfvec_add' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION halfvec_sub(halfvec, halfvec) RETURNS halfvec
	AS 'MODULE_PATHNAME', 'sphx_halfvec_sub' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION halfvec_mul(halfvec, halfvec) RETURNS halfvec
	AS 'MODULE_PATHNAME', 'sphx_halfvec_mul' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION halfvec_concat(halfvec, halfvec) RETURNS halfvec
	AS 'MODULE_PATHNAME', 'sphx_halfvec_concat' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION halfvec_lt(halfvec, halfvec) RETURNS boolean
	AS 'MODULE_PATHNAME', 'sphx_halfvec_lt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION halfvec_le(halfvec, halfvec) RETURNS boolean
	AS 'MODULE_PATHNAME', 'sphx_halfvec_le' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION halfvec_eq(halfvec, halfvec) RETURNS boolean
	AS 'MODULE_PATHNAME', 'sphx_halfvec_eq' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION halfvec_ne(halfvec, halfvec) RETURNS boolean
	AS 'MODULE_PATHNAME', 'sphx_halfvec_ne' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION halfvec_ge(halfvec, halfvec) RETURNS boolean
	AS 'MODULE_PATHNAME', 'sphx_halfvec_ge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION halfvec_gt(halfvec, halfvec) RETURNS boolean
	AS 'MODULE_PATHNAME', 'sphx_halfvec_gt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION halfvec_cmp(halfvec, halfvec) RETURNS integer
	AS 'MODULE_PATHNAME', 'sphx_halfvec_cmp' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE OPERATOR <-> (
	LEFTARG = halfvec, RIGHTARG = halfvec, FUNCTION = l2_distance,
	COMMUTATOR = <->
);

CREATE OPERATOR <#> (
	LEFTARG = halfvec, RIGHTARG = halfvec, FUNCTION = halfvec_negative_inner_product,
	COMMUTATOR = <#>
);

CREATE OPERATOR <=> (
	LEFTARG = halfvec, RIGHTARG = halfvec, FUNCTION = cosine_distance,
	COMMUTATOR = <=>
);

CREATE OPERATOR <+> (
	LEFTARG = halfvec, RIGHTARG = halfvec, FUNCTION = l1_distance,
	COMMUTATOR = <+>
);

CREATE OPERATOR + (
	LEFTARG = halfvec, RIGHTARG = halfvec, FUNCTION = halfvec_add,
	COMMUTATOR = +
);

CREATE OPERATOR - (
	LEFTARG = halfvec, RIGHTARG = halfvec, FUNCTION = halfvec_sub
);

CREATE OPERATOR * (
	LEFTARG = halfvec, RIGHTARG = halfvec, FUNCTION = halfvec_mul,
	COMMUTATOR = *
);

CREATE OPERATOR || (
	LEFTARG = halfvec, RIGHTARG = halfvec, FUNCTION = halfvec_concat
);

CREATE OPERATOR < (
	LEFTARG = halfvec, RIGHTARG = halfvec, FUNCTION = halfvec_lt,
	COMMUTATOR = >, NEGATOR = >=,
	RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);

CREATE OPERATOR <= (
	LEFTARG = halfvec, RIGHTARG = halfvec, FUNCTION = halfvec_le,
	COMMUTATOR = >=, NEGATOR = >,
	RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);

CREATE OPERATOR = (
	LEFTARG = halfvec, RIGHTARG = halfvec, FUNCTION = halfvec_eq,
	COMMUTATOR = =, NEGATOR = <>,
	RESTRICT = eqsel, JOIN = eqjoinsel,
	MERGES
);

CREATE OPERATOR <> (
	LEFTARG = halfvec, RIGHTARG = halfvec, FUNCTION = halfvec_ne,
	COMMUTATOR = <>, NEGATOR = =,
	RESTRICT = neqsel, JOIN = neqjoinsel
);

CREATE OPERATOR >= (
	LEFTARG = halfvec, RIGHTARG = halfvec, FUNCTION = halfvec_ge,
	COMMUTATOR = <=, NEGATOR = <,
	RESTRICT = scalargesel, JOIN = scalargejoinsel
);

CREATE OPERATOR > (
	LEFTARG = halfvec, RIGHTARG = halfvec, FUNCTION = halfvec_gt,
	COMMUTATOR = <, NEGATOR = <=,
	RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);

CREATE OPERATOR CLASS halfvec_ops
	DEFAULT FOR TYPE halfvec USING btree AS
	OPERATOR 1 <,
	OPERATOR 2 <=,
	OPERATOR 3 =,
	OPERATOR 4 >=,
	OPERATOR 5 >,
	FUNCTION 1 halfvec_cmp(halfvec, halfvec);

CREATE FUNCTION halfvec_accum(double precision[], halfvec) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'sphx_halfvec_accum' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION halfvec_combine(double precision[], double precision[]) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'sphx_vector_combine' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION halfvec_avg(double precision[]) RETURNS halfvec
	AS 'MODULE_PATHNAME', 'sphx_halfvec_avg' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE AGGREGATE avg(halfvec) (
	SFUNC = halfvec_accum,
	STYPE = double precision[],
	FINALFUNC = halfvec_avg,
	COMBINEFUNC = halfvec_combine,
	INITCOND = '{0}',
	PARALLEL = SAFE
);

CREATE AGGREGATE sum(halfvec) (
	SFUNC = halfvec_add,
	STYPE = halfvec,
	COMBINEFUNC = halfvec_add,
	PARALLEL = SAFE
);

CREATE FUNCTION halfvec(halfvec, integer, boolean) RETURNS halfvec
	AS 'MODULE_PATHNAME', 'sphx_halfvec_coerce' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION halfvec_to_vector(halfvec, integer, boolean) RETURNS vector
	AS 'MODULE_PATHNAME', 'sphx_halfvec_to_vector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION vector_to_halfvec(vector, integer, boolean) RETURNS halfvec
	AS 'MODULE_PATHNAME', 'sphx_vector_to_halfvec' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION array_to_halfvec(integer[], integer, boolean) RETURNS halfvec
	AS 'MODULE_PATHNAME', 'sphx_array_to_halfvec' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION array_to_halfvec(real[], integer, boolean) RETURNS halfvec
	AS 'MODULE_PATHNAME', 'sphx_array_to_halfvec' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION array_to_halfvec(double precision[], integer, boolean) RETURNS halfvec
	AS 'MODULE_PATHNAME', 'sphx_array_to_halfvec' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION array_to_halfvec(numeric[], integer, boolean) RETURNS halfvec
	AS 'MODULE_PATHNAME', 'sphx_array_to_halfvec' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION halfvec_to_float4(halfvec, integer, boolean) RETURNS real[]
	AS 'MODULE_PATHNAME', 'sphx_halfvec_to_float4' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE CAST (halfvec AS halfvec)
	WITH FUNCTION halfvec(halfvec, integer, boolean) AS IMPLICIT;

CREATE CAST (halfvec AS vector)
	WITH FUNCTION halfvec_to_vector(halfvec, integer, boolean) AS ASSIGNMENT;

CREATE CAST (vector AS halfvec)
	WITH FUNCTION vector_to_halfvec(vector, integer, boolean) AS IMPLICIT;

CREATE CAST (halfvec AS real[])
	WITH FUNCTION halfvec_to_float4(halfvec, integer, boolean) AS ASSIGNMENT;

CREATE CAST (integer[] AS halfvec)
	WITH FUNCTION array_to_halfvec(integer[], integer, boolean) AS ASSIGNMENT;

CREATE CAST (real[] AS halfvec)
	WITH FUNCTION array_to_halfvec(real[], integer, boolean) AS ASSIGNMENT;

CREATE CAST (double precision[] AS halfvec)
	WITH FUNCTION array_to_halfvec(double precision[], integer, boolean) AS ASSIGNMENT;

CREATE CAST (numeric[] AS halfvec)
	WITH FUNCTION array_to_halfvec(numeric[], integer, boolean) AS ASSIGNMENT;

CREATE FUNCTION sphx_operand_half() RETURNS integer
	AS 'MODULE_PATHNAME', 'sphx_operand_halfvec' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE OPERATOR CLASS halfvec_l2_ops
	DEFAULT FOR TYPE halfvec USING sphx AS
	OPERATOR 1 <-> (halfvec, halfvec) FOR ORDER BY float_ops,
	FUNCTION 1 l2_distance(halfvec, halfvec),
	FUNCTION 2 sphx_metric_l2(),
	FUNCTION 3 sphx_operand_half();

CREATE OPERATOR CLASS halfvec_cosine_ops
	FOR TYPE halfvec USING sphx AS
	OPERATOR 1 <=> (halfvec, halfvec) FOR ORDER BY float_ops,
	FUNCTION 1 cosine_distance(halfvec, halfvec),
	FUNCTION 2 sphx_metric_cosine(),
	FUNCTION 3 sphx_operand_half();

CREATE OPERATOR CLASS halfvec_ip_ops
	FOR TYPE halfvec USING sphx AS
	OPERATOR 1 <#> (halfvec, halfvec) FOR ORDER BY float_ops,
	FUNCTION 1 halfvec_negative_inner_product(halfvec, halfvec),
	FUNCTION 2 sphx_metric_ip(),
	FUNCTION 3 sphx_operand_half();


-- Bit strings

CREATE FUNCTION binary_quantize(vector) RETURNS bit
	AS 'MODULE_PATHNAME', 'sphx_binary_quantize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION binary_quantize(halfvec) RETURNS bit
	AS 'MODULE_PATHNAME', 'sphx_halfvec_binary_quantize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION hamming_distance(bit, bit) RETURNS double precision
	AS 'MODULE_PATHNAME', 'sphx_hamming_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION jaccard_distance(bit, bit) RETURNS double precision
	AS 'MODULE_PATHNAME', 'sphx_jaccard_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE OPERATOR <~> (
	LEFTARG = bit, RIGHTARG = bit, FUNCTION = hamming_distance,
	COMMUTATOR = <~>
);

CREATE OPERATOR <%> (
	LEFTARG = bit, RIGHTARG = bit, FUNCTION = jaccard_distance,
	COMMUTATOR = <%>
);

CREATE FUNCTION sphx_operand_bit() RETURNS integer
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE OPERATOR CLASS bit_hamming_ops
	FOR TYPE bit USING sphx AS
	OPERATOR 1 <~> (bit, bit) FOR ORDER BY float_ops,
	FUNCTION 1 hamming_distance(bit, bit),
	FUNCTION 2 sphx_metric_l2(),
	FUNCTION 3 sphx_operand_bit();


-- Learned rotations

CREATE TYPE sphx_rotation;

CREATE FUNCTION sphx_rotation_in(cstring) RETURNS sphx_rotation
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION sphx_rotation_out(sphx_rotation) RETURNS cstring
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION sphx_rotation_recv(internal) RETURNS sphx_rotation
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION sphx_rotation_send(sphx_rotation) RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE TYPE sphx_rotation (
	INPUT = sphx_rotation_in,
	OUTPUT = sphx_rotation_out,
	RECEIVE = sphx_rotation_recv,
	SEND = sphx_rotation_send,
	STORAGE = external
);

COMMENT ON TYPE sphx_rotation IS 'a learned rotation: directions in which near vectors differ most come first';

CREATE FUNCTION sphx_train_rotation(points vector[], directions integer DEFAULT 0, seed bigint DEFAULT 1)
	RETURNS sphx_rotation
	AS 'MODULE_PATHNAME', 'sphx_train_rotation_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION sphx_train_rotation(vector[], integer, bigint) IS 'rotation whose leading dimensions are those in which near vectors of the array differ most: at most so many directions, 0 = as many as an index takes';

CREATE FUNCTION sphx_train_rotation(query text, directions integer DEFAULT 0, seed bigint DEFAULT 1,
		sample bigint DEFAULT 16384)
	RETURNS sphx_rotation
	AS 'MODULE_PATHNAME', 'sphx_train_rotation_query' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

COMMENT ON FUNCTION sphx_train_rotation(text, integer, bigint, bigint) IS 'rotation whose leading dimensions are those in which near vectors of the query, or of a random sample of so many (0 = all), differ most: at most so many directions, 0 = as many as an index takes';

CREATE FUNCTION sphx_rotate(rotation sphx_rotation, v vector) RETURNS vector
	AS 'MODULE_PATHNAME', 'sphx_rotate_vector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION sphx_rotate(sphx_rotation, vector) IS 'the vector, rotated';

CREATE FUNCTION sphx_rotate_back(rotation sphx_rotation, v vector) RETURNS vector
	AS 'MODULE_PATHNAME', 'sphx_rotate_vector_back' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION sphx_rotate_back(sphx_rotation, vector) IS 'the vector that sphx_rotate has made this of';

CREATE FUNCTION sphx_rotation_energy(rotation sphx_rotation, dimensions integer) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION sphx_rotation_energy(sphx_rotation, integer) IS 'share of the squared differences between near vectors that is in the so many leading dimensions; estimated on vectors that the directions were not learned from';

CREATE FUNCTION sphx_rotation_dims(rotation sphx_rotation) RETURNS integer
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION sphx_rotation_dims(sphx_rotation) IS 'dimensions of the vectors that it rotates';

CREATE FUNCTION sphx_rotation_directions(rotation sphx_rotation) RETURNS integer
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION sphx_rotation_directions(sphx_rotation) IS 'directions that were learned, the leading dimensions';

CREATE FUNCTION sphx_rotation_report(points vector[], directions integer DEFAULT 0, seed bigint DEFAULT 1,
		OUT dimensions integer, OUT learned double precision, OUT random double precision, OUT pca double precision)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'sphx_rotation_report_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION sphx_rotation_report(vector[], integer, bigint) IS 'share of the squared differences between near vectors of the array in each number of leading dimensions: of the rotation that sphx_train_rotation learns with the same arguments, of a random one on average, and of the principal directions of the vectors';

CREATE FUNCTION sphx_rotation_report(query text, directions integer DEFAULT 0, seed bigint DEFAULT 1,
		sample bigint DEFAULT 16384,
		OUT dimensions integer, OUT learned double precision, OUT random double precision, OUT pca double precision)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'sphx_rotation_report_query' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

COMMENT ON FUNCTION sphx_rotation_report(text, integer, bigint, bigint) IS 'share of the squared differences between near vectors of the query in each number of leading dimensions: of the rotation that sphx_train_rotation learns with the same arguments, of a random one on average, and of the principal directions of the vectors';


-- Low-rank spherical quantisation

CREATE TYPE sphx_lrsq;

CREATE FUNCTION sphx_lrsq_in(cstring) RETURNS sphx_lrsq
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION sphx_lrsq_out(sphx_lrsq) RETURNS cstring
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION sphx_lrsq_recv(internal) RETURNS sphx_lrsq
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION sphx_lrsq_send(sphx_lrsq) RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE TYPE sphx_lrsq (
	INPUT = sphx_lrsq_in,
	OUTPUT = sphx_lrsq_out,
	RECEIVE = sphx_lrsq_recv,
	SEND = sphx_lrsq_send,
	STORAGE = external
);

COMMENT ON TYPE sphx_lrsq IS 'a model of low-rank spherical quantisation: makes short codes of vectors, of which cosines are known within bounds';

CREATE FUNCTION sphx_lrsq_train(points vector[], rank integer, seed bigint DEFAULT 1)
	RETURNS sphx_lrsq
	AS 'MODULE_PATHNAME', 'sphx_lrsq_train_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION sphx_lrsq_train(vector[], integer, bigint) IS 'model that codes so many coordinates of a vector: those along the principal directions of the unit vectors of the array';

CREATE FUNCTION sphx_lrsq_train(query text, rank integer, seed bigint DEFAULT 1, sample bigint DEFAULT 16384)
	RETURNS sphx_lrsq
	AS 'MODULE_PATHNAME', 'sphx_lrsq_train_query' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

COMMENT ON FUNCTION sphx_lrsq_train(text, integer, bigint, bigint) IS 'model that codes so many coordinates of a vector: those along the principal directions of the unit vectors of the query, or of a random sample of so many (0 = all)';

CREATE FUNCTION sphx_lrsq_encode(model sphx_lrsq, v vector) RETURNS bytea
	AS 'MODULE_PATHNAME', 'sphx_lrsq_encode_vector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION sphx_lrsq_encode(sphx_lrsq, vector) IS 'the code of a vector';

CREATE FUNCTION sphx_lrsq_decode(model sphx_lrsq, code bytea) RETURNS vector
	AS 'MODULE_PATHNAME', 'sphx_lrsq_decode_code' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION sphx_lrsq_decode(sphx_lrsq, bytea) IS 'the vector that the code is of, as far as it tells';

CREATE FUNCTION sphx_lrsq_cosine(model sphx_lrsq, code bytea, v vector,
		OUT estimate double precision, OUT lower double precision, OUT upper double precision)
	AS 'MODULE_PATHNAME', 'sphx_lrsq_cosine_code' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION sphx_lrsq_cosine(sphx_lrsq, bytea, vector) IS 'cosine of the angle between the vector that the code is of and another: an estimate, and bounds between which it is for certain';

CREATE FUNCTION sphx_lrsq_error(model sphx_lrsq, code bytea,
		OUT predicted double precision, OUT bound double precision, OUT tail double precision)
	AS 'MODULE_PATHNAME', 'sphx_lrsq_error_code' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION sphx_lrsq_error(sphx_lrsq, bytea) IS 'errors of a code as parts of the norm: of rounding, as Proposition 1 of Asteria predicts it and at most, and what is left out, at most';

CREATE FUNCTION sphx_lrsq_dims(model sphx_lrsq) RETURNS integer
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION sphx_lrsq_dims(sphx_lrsq) IS 'dimensions of the vectors that it codes';

CREATE FUNCTION sphx_lrsq_rank(model sphx_lrsq) RETURNS integer
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION sphx_lrsq_rank(sphx_lrsq) IS 'coordinates of a vector that are coded';

CREATE FUNCTION sphx_lrsq_energy(model sphx_lrsq) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION sphx_lrsq_energy(sphx_lrsq) IS 'mean share of the square of a vector that was trained on in the coordinates that are coded';
