-- What the tests of pgvector's clients use besides the types and operators of
-- sphx: an access method hnsw, which is sphx under that name, and a type
-- sparsevec that keeps text, with its Euclidean distance.

CREATE ACCESS METHOD hnsw TYPE INDEX HANDLER sphx_handler;

CREATE OPERATOR CLASS vector_l2_ops FOR TYPE vector USING hnsw AS
	OPERATOR 1 <-> (vector, vector) FOR ORDER BY float_ops,
	FUNCTION 1 l2_distance(vector, vector), FUNCTION 2 sphx_metric_l2();

CREATE TYPE sparsevec;
CREATE FUNCTION sparsevec_in(cstring, oid, integer) RETURNS sparsevec
	LANGUAGE internal IMMUTABLE STRICT AS 'textin';
CREATE FUNCTION sparsevec_out(sparsevec) RETURNS cstring
	LANGUAGE internal IMMUTABLE STRICT AS 'textout';
CREATE FUNCTION sparsevec_typmod_in(cstring[]) RETURNS integer
	LANGUAGE internal IMMUTABLE STRICT AS 'varchartypmodin';
CREATE TYPE sparsevec (INPUT = sparsevec_in, OUTPUT = sparsevec_out, TYPMOD_IN = sparsevec_typmod_in, LIKE = text);
CREATE CAST (sparsevec AS text) WITHOUT FUNCTION;

-- {index:value,…}/dimensions
CREATE FUNCTION sparsevec_distance(a sparsevec, b sparsevec) RETURNS double precision LANGUAGE sql IMMUTABLE STRICT AS $$
	SELECT sqrt(coalesce(sum((coalesce(x.value, 0) - coalesce(y.value, 0)) ^ 2), 0))
	FROM (SELECT m[1]::integer AS index, m[2]::double precision AS value FROM regexp_matches(a::text, '(\d+):([^,}]+)', 'g') m) x
		FULL JOIN (SELECT m[1]::integer AS index, m[2]::double precision AS value FROM regexp_matches(b::text, '(\d+):([^,}]+)', 'g') m) y
		USING (index)
$$;
CREATE OPERATOR <-> (LEFTARG = sparsevec, RIGHTARG = sparsevec, FUNCTION = sparsevec_distance, COMMUTATOR = <->);
